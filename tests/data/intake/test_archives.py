from __future__ import annotations

import errno
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data.intake.archives import is_archive, unpack
from safemil_core.errors import InvalidDataset

Pack = Callable[[Path, dict[str, bytes]], Path]


def pack_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def pack_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


both = pytest.mark.parametrize("pack", [pack_zip, pack_tar])


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@both
def test_a_folder_comes_out_as_it_went_in(pack: Pack, tmp_path: Path, into: Path) -> None:
    path = pack(tmp_path / "a", {"set/README.md": b"{}", "set/data/main.hdf5": b"12345"})
    assert is_archive(path)
    assert unpack(path, into) == into / "set"
    assert (into / "set/data/main.hdf5").read_bytes() == b"12345"


@both
@pytest.mark.parametrize("name", ["a.hdf5", "x/y/a.hdf5"])
def test_a_single_file_is_the_data_itself(pack: Pack, name: str, tmp_path: Path, into: Path) -> None:
    assert unpack(pack(tmp_path / "a", {name: b"12345", "__MACOSX/._a.hdf5": b"1"}), into) == into / name


@both
def test_folders_that_hold_nothing_but_a_folder_are_passed_through(pack: Pack, tmp_path: Path, into: Path) -> None:
    members = {f"D4RL/door/human-v2/{name}": b"1" for name in ("data/metadata.json", "data/main_data.hdf5", "README")}
    assert unpack(pack(tmp_path / "a", members), into) == into / "D4RL/door/human-v2"


@both
def test_without_a_top_folder_the_whole_is_the_folder(pack: Pack, tmp_path: Path, into: Path) -> None:
    assert unpack(pack(tmp_path / "a", {"meta/info.json": b"{}", "data/0.parquet": b"P"}), into) == into


@both
@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/out", "C:\\out", "..\\out"])
def test_a_member_that_leads_outside_is_refused(pack: Pack, name: str, tmp_path: Path, into: Path) -> None:
    with pytest.raises(InvalidDataset, match="leads outside"):
        unpack(pack(tmp_path / "a", {"fine": b"1", name: b"2"}), into)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["a", "into"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_of_a_tar_are_refused(kind: bytes, tmp_path: Path, into: Path) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        entry = tarfile.TarInfo("passwd")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(InvalidDataset, match="link or a device"):
        unpack(tmp_path / "a", into)


def test_a_link_of_a_zip_is_refused(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        entry = zipfile.ZipInfo("passwd")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InvalidDataset, match="is a link"):
        unpack(tmp_path / "a", into)


@both
def test_what_swells_past_the_limit_is_refused_on_the_way(pack: Pack, tmp_path: Path, into: Path) -> None:
    path = pack(tmp_path / "a", {"bomb": bytes(50_000_000)})
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidDataset, match="more than 1 MiB"):
        unpack(path, into, most_bytes=2**20)
    assert (into / "bomb").stat().st_size <= 2**20


def sparse_tar(path: Path, size: int) -> Path:
    """A tar file of one file that is nothing but a hole."""
    head = bytearray(512)
    head[:5], head[100:108], head[156:157], head[257:265] = b"a.bin", b"0000644\0", b"S", b"ustar  \0"
    for at, number in ((124, 0), (136, 0), (386, size), (398, 0), (483, size)):
        head[at : at + 12] = b"%011o\0" % number
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    path.write_bytes(head + bytes(1024))
    return path


def test_what_is_packed_beyond_belief_is_refused_on_the_way(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safemil_core.data.formats.sizes.SUSPICIOUS_BYTES", 2**21)
    zipped = pack_zip(tmp_path / "a", {"bomb": bytes(50_000_000)})
    for path in (zipped, sparse_tar(tmp_path / "b", 50_000_000)):
        with pytest.raises(InvalidDataset, match="it is damaged or made up"):
            unpack(path, into)
    assert all((into / name).stat().st_size <= 2**21 + 200 * zipped.stat().st_size for name in ("bomb", "a.bin"))
    assert unpack(pack_zip(tmp_path / "c", {"small": bytes(2**21)}), into).is_dir()  # small enough for any ratio


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_what_it_is(number: int, tmp_path: Path, into: Path) -> None:
    def fail() -> None:
        raise OSError(number, "it is full")

    with pytest.raises(OSError, match="it is full") as caught:
        unpack(pack_zip(tmp_path / "a", {"a": b"1"}), into, on_block=fail)
    assert caught.value.errno == number


def test_a_name_that_comes_twice_is_refused(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x", "1")
        archive.writestr("x", "2")
    with pytest.raises(InvalidDataset, match="comes twice"):
        unpack(tmp_path / "a", into)


def test_npz_is_no_archive_and_neither_is_any_other_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", observations=np.zeros(3))
    (tmp_path / "b").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert not is_archive(tmp_path / "a.npz")
    assert not is_archive(tmp_path / "b")
    assert not is_archive(tmp_path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_archive_gives_one_clean_error_or_unpacks(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = data.draw(st.sampled_from([pack_zip, pack_tar]))(folder / "a", {"set/a": b"abc" * 99, "set/b": b"x"})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    (folder / "into").mkdir()
    if is_archive(path):
        try:
            unpack(path, folder / "into")
        except InvalidDataset as problem:
            assert "\n" not in str(problem)
