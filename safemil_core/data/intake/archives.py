"""Zip and tar files of dataset folders, unpacked without trust: nothing leads outside, nothing swells past a limit."""

from __future__ import annotations

import errno
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from safemil_core.data.formats.sizes import check_unpacked
from safemil_core.errors import InvalidDataset

MOST_MEMBERS = 200_000
MOST_BYTES = 64 * 2**30
"""Of all members unpacked, counted as they are written, whatever the archive declares."""
_BLOCK = 2**20


@dataclass(frozen=True)
class _Member:
    name: str
    content: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar file of a folder. NPZ is a zip file too, but of arrays."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return not all(name.endswith(".npy") for name in archive.namelist())
        return path.is_file() and tarfile.is_tarfile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, zlib.error):
        return False


def unpack(path: Path, into: Path, most_bytes: int = MOST_BYTES, on_block: Callable[[], None] = lambda: None) -> Path:
    """Unpack an archive into an empty folder.

    Args:
        path: of the archive.
        into: the folder; after an error it holds rubbish.
        most_bytes: of all members unpacked.
        on_block: called after each block that was written.

    Returns:
        The file or folder that holds the data: where a folder has a single member, that one and not the folder.

    Raises:
        InvalidDataset: a member leads outside, is a link or a device, comes twice, or there is too much of them.
        OSError: the disk is full.
    """
    stored, unpacked = path.stat().st_size, 0

    def heed(n_bytes: int) -> None:
        nonlocal unpacked
        unpacked += n_bytes
        if unpacked > most_bytes:
            raise InvalidDataset(f"it unpacks to more than {most_bytes >> 20} MiB; pack less, or unpack it yourself")
        check_unpacked("it", stored, unpacked)

    try:
        for count, member in enumerate(_members(path)):
            if count >= MOST_MEMBERS:
                raise InvalidDataset(f"it has more than {MOST_MEMBERS} members; pack fewer files")
            _write(member, _target(member.name, into), heed, on_block)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RuntimeError) as problem:
        if isinstance(problem, InvalidDataset) or getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        # All that the two libraries are known to raise on bytes that are not what they claim; RuntimeError: encrypted.
        raise InvalidDataset(f"it cannot be unpacked ({problem}); pack it again without a password") from None
    found = into
    while found.is_dir() and len(inside := [child for child in found.iterdir() if child.name != "__MACOSX"]) == 1:
        found = inside[0]
    return found


def _members(path: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise InvalidDataset(f"its member {info.filename!r} is a link; pack the file itself")
                if not info.is_dir():
                    with archive.open(info) as content:
                        yield _Member(info.filename, content)
        return
    with tarfile.open(path, "r|*") as tar:  # as a stream: nothing is looked up twice
        for entry in tar:
            if entry.isdir():
                continue
            stream = tar.extractfile(entry) if entry.isreg() else None
            if stream is None:
                raise InvalidDataset(f"its member {entry.name!r} is a link or a device; pack the file itself")
            with stream:
                yield _Member(entry.name, stream)


def _target(name: str, into: Path) -> Path:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or any("\0" in part for part in parts):
        raise InvalidDataset(f"its member {name!r} leads outside the archive; pack it again with plain names")
    target = into.joinpath(*parts)
    if not target.resolve().is_relative_to(into.resolve()):
        raise InvalidDataset(f"its member {name!r} leads outside the archive; pack it again with plain names")
    if target.exists():
        raise InvalidDataset(f"its member {name!r} comes twice; pack it again")
    return target


def _write(member: _Member, target: Path, heed: Callable[[int], None], on_block: Callable[[], None]) -> None:
    """Write a member block by block; `heed` hears of the bytes of each before they are written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while block := member.content.read(_BLOCK):
            heed(len(block))
            file.write(block)
            on_block()
