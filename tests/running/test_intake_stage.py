"""A public dataset by its name, from a local server to a labelled place in the workspace."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from factories import store_of, write_dsrl

from safemil_core.errors import DownloadFailed, InvalidDataset, NotFound
from safemil_core.running import intake_stage
from safemil_core.running.intake_stage import bring, take_in
from safemil_core.running.intakes import IntakeRequest, IntakeStore
from safemil_core.running.progress import Progress, Reports
from safemil_core.workspace import Workspace


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a local server gives as DSRL's."""
    folder = tmp_path / "mirror" / "download"
    folder.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder.parent)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("SAFEMIL_DSRL_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    server.server_close()


def test_a_dsrl_dataset_is_fetched_read_and_named_with_its_environment(workspace: Workspace, mirror: Path) -> None:
    write_dsrl(mirror / "SafetyCarCircle-v0-100-1450.hdf5")
    told: list[Progress] = []
    info = bring(workspace, IntakeRequest("dsrl", ("CarCircle",), "ann"), Reports(None, on_progress=told.append))
    assert (info.name, info.env_id, info.n_trajectories) == ("carcircle", "SafetyCarCircle-v0", 3)
    assert info.author == "ann"
    parts = list(dict.fromkeys(progress.message for progress in told))
    assert parts == ["", "fetching", "reading and checking"]  # before any of them it has begun
    assert not [path for path in workspace.downloads.iterdir() if path.is_dir()]


def test_after_an_import_its_process_makes_the_axes_of_maps(workspace: Workspace, tmp_path: Path) -> None:
    path = write_dsrl(tmp_path / "walks.hdf5")
    intake = IntakeStore(workspace).create(IntakeRequest("path", (str(path),), "ann"))
    take_in(workspace, intake)
    assert intake.progress.state == "done"
    axes = workspace.state_axes(store_of(workspace).info("walks").id)
    assert len(list(axes.glob("central-*.cells"))) == 3 + 2 + 2  # observations, actions, principal components


def test_a_fetched_file_that_is_wrong_is_said_and_no_dataset_is_there(workspace: Workspace, mirror: Path) -> None:
    (mirror / "SafetyCarCircle-v0-100-1450.hdf5").write_bytes(b"not found, says the proxy")
    with pytest.raises(InvalidDataset, match=r"SafetyCarCircle-v0-100-1450\.hdf5"):
        bring(workspace, IntakeRequest("dsrl", ("CarCircle",), "ann"), Reports(None))
    assert store_of(workspace).list() == []
    write_dsrl(mirror / "SafetyCarCircle-v0-100-1450.hdf5")
    assert bring(workspace, IntakeRequest("dsrl", ("CarCircle",), "ann"), Reports(None)).n_trajectories == 3


def test_names_that_are_alike_as_folders_do_not_share_what_was_fetched(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_: object, folder: Path, __: object) -> None:
        (folder / "begun").touch(exist_ok=False)
        raise DownloadFailed("the line broke")

    monkeypatch.setattr(intake_stage, "minari_files", lambda _: [])
    monkeypatch.setattr(intake_stage, "fetch", break_off)
    for name in ("D4RL/door/human-v2", "d4rl/door/human-v2", "D4RL/door-human-v2"):
        with pytest.raises(DownloadFailed, match="the line broke"):
            bring(workspace, IntakeRequest("minari", (name,), "ann"), Reports(None))
    assert len(list(workspace.downloads.glob("minari-d4rl-door-human-v2-*/begun"))) == 3


def test_what_is_not_there_is_said(workspace: Workspace, mirror: Path) -> None:
    with pytest.raises(NotFound, match="DSRL has no dataset 'Bicycle'"):
        bring(workspace, IntakeRequest("dsrl", ("Bicycle",), "ann"), Reports(None))
    with pytest.raises(DownloadFailed, match="answers 404"):
        bring(workspace, IntakeRequest("dsrl", ("CarCircle",), "ann"), Reports(None))
