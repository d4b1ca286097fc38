from __future__ import annotations

from pathlib import Path

import pytest

from safemil_core.data.intake import roots
from safemil_core.data.intake.roots import candidates, under_roots
from safemil_core.errors import NotFound
from safemil_core.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "a.hdf5").write_text("a")
    (tmp_path / "secret").write_text("s")
    (root / "link").symlink_to(tmp_path / "secret")
    return root


@pytest.mark.parametrize("path", ["deep/a.hdf5", " deep/a.hdf5 ", "{root}/deep/a.hdf5", "deep/../deep/a.hdf5"])
def test_a_file_under_a_root_is_found_by_either_path(path: str, root: Path) -> None:
    assert under_roots(path.format(root=root), [root]) == root / "deep" / "a.hdf5"


@pytest.mark.parametrize("path", ["../secret", "{outside}/secret", "link", "/etc/passwd", "gone", "", "a\0b", "~"])
def test_anything_else_is_not_there(path: str, root: Path) -> None:
    with pytest.raises(NotFound, match="SAFEMIL_DATA_ROOTS"):
        under_roots(path.format(outside=root.parent), [root])


def test_every_root_is_tried(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.npz").write_text("b")
    assert under_roots("b.npz", [root, other]) == other / "b.npz"


def test_files_and_dataset_folders_are_listed_and_links_are_not(root: Path) -> None:
    (root / "door" / "data").mkdir(parents=True)
    (root / "door" / "data" / "metadata.json").write_text("{}")
    (root / "door" / "data" / "main_data.hdf5").write_text("")
    (root / ".hidden").write_text("")
    assert candidates([root]) == [root / "deep" / "a.hdf5", root / "door"]


def test_the_list_ends_somewhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        (root / f"{number}.csv").write_text("")
    monkeypatch.setattr(roots, "MOST", 5)
    assert len(candidates([root, root / "nowhere"])) == 5


def test_a_workspace_has_a_root_of_its_own_until_others_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAFEMIL_DATA_ROOTS", raising=False)
    assert Workspace(tmp_path).data_roots == (tmp_path / "incoming",)
    monkeypatch.setenv("SAFEMIL_DATA_ROOTS", f"/data:{tmp_path}")
    assert Workspace(tmp_path).data_roots == (Path("/data"), tmp_path)
