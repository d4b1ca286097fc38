"""What a dashboard may import by path: files under configured folders, and nothing a link leads to outside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from safemil_core.errors import NotFound

DEEPEST = 4
"""Levels under a root that are listed."""
MOST = 500
"""Entries that are listed."""
_FOLDER_MARKS = ("data/metadata.json", "metadata.json", "meta/info.json")
"""A folder with one of these is a dataset as a whole: Minari (twice), LeRobot."""


def under_roots(path: str, roots: Sequence[Path]) -> Path:
    """The file or folder that a user named, absolute or relative to a root.

    Raises:
        NotFound: it is not there, or lies outside every root. Both say the same, so that nobody can ask what exists.
    """
    wanted = path.strip()
    for root in roots if wanted.isprintable() else ():
        found = (root / wanted).resolve()  # an absolute path stays what it is
        if wanted and found.is_relative_to(root.resolve()) and found.exists():
            return found
    names = " or ".join(str(root) for root in roots)
    raise NotFound(
        f"there is no {wanted!r} under {names}; put it there, or start the dashboard with SAFEMIL_DATA_ROOTS "
        "naming its folder"
    )


def candidates(roots: Sequence[Path]) -> list[Path]:
    """Files and dataset folders under the roots that could be imported, by name only; the first `MOST` of them."""
    found: list[Path] = []
    for root in roots:
        for path in _walk(root, DEEPEST):
            found.append(path)
            if len(found) == MOST:
                return found
    return found


def _walk(folder: Path, levels: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # not ours to read, or gone
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_file() or any((path / mark).is_file() for mark in _FOLDER_MARKS):
            yield path
        elif entry.is_dir() and levels > 1:
            yield from _walk(path, levels - 1)
