"""File formats, one module each: `detect` looks at a file's content, `read` gives trajectories or one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from safemil_core.data.formats import dsrl_hdf5
from safemil_core.data.formats.imported import Imported
from safemil_core.errors import InvalidDataset, NotFound


class Format(Protocol):
    """One file format: a module with these two functions."""

    def detect(self, path: Path) -> bool:
        """Whether the file's content looks like this format."""

    def read(self, path: Path) -> Imported:
        """The whole file, checked; raises InvalidDataset with one sentence."""


FORMATS: dict[str, Format] = {"DSRL HDF5": dsrl_hdf5}


def read(path: Path) -> Imported:
    """Read a file of any known format.

    Raises:
        NotFound: there is no such file.
        InvalidDataset: no format knows it, or its content is not valid; nothing of it is kept.
    """
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file")
    for module in FORMATS.values():
        if module.detect(path):
            return module.read(path)
    raise InvalidDataset(f"{path.name} is not a {' or '.join(FORMATS)} file; convert it or choose another")


__all__ = ["FORMATS", "Imported", "read"]
