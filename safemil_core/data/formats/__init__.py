"""File formats, one module each: `detect` looks at content, `read` streams it or gives one error, `write` exports.

Modules are imported when they are used. Foreign files are read in a process with limits, see `data.intake`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from safemil_core.data.curated import Curated
from safemil_core.data.recording import Options, Recording, Steps
from safemil_core.errors import AlreadyExists, InvalidConfig, InvalidDataset, NotFound


class Format(Protocol):
    """One file format: a module with these two functions, and `write` where it is exported."""

    def detect(self, path: Path) -> bool:
        """Whether the content of a file or folder looks like this format; never raises, whatever it is."""

    def read(self, path: Path, options: Options) -> Recording:
        """Open it; raises InvalidDataset with one sentence, then or while its steps stream."""


class WritableFormat(Format, Protocol):
    """A format that is exported too."""

    def write(self, curated: Curated, path: Path) -> None:
        """Write a path that does not exist yet."""


NO_OPTIONS = Options()

FORMATS = {
    "Minari": "minari",
    "LeRobot": "lerobot",
    "robomimic HDF5": "robomimic",
    "DSRL HDF5": "dsrl_hdf5",
    "NPZ": "npz",
    "Parquet": "parquet_table",
    "CSV": "csv_table",
}
"""Module of each format, in the order in which they are asked: the specific before those that take more."""

TABLES = ("Parquet", "CSV")
"""Those whose columns somebody may choose."""
APART = ("Minari", "LeRobot", "robomimic HDF5")
"""Those that keep each trajectory by itself, so that the length of an episode is never missing."""
WRITABLE = ("DSRL HDF5", "Minari", "LeRobot", "robomimic HDF5", "NPZ", "Parquet")
"""Those that `write` knows."""


def module_of(name: str) -> Format:
    """The module of a format in the table, imported when it is first asked for."""
    return cast(Format, import_module(f"{__name__}.{FORMATS[name]}"))


def detect(path: Path) -> str | None:
    """The format that knows the content of a file or folder."""
    return next((name for name in FORMATS if module_of(name).detect(path)), None)


def known(path: Path) -> str:
    """The format that knows the content of a file or folder.

    Raises:
        NotFound: there is no file or folder at this path.
        InvalidDataset: no format knows it.
    """
    if not (path.is_file() or path.is_dir()):  # neither nothing nor a device or pipe, which might never end
        raise NotFound(f"{path}: there is no such file")
    if name := detect(path):
        return name
    raise InvalidDataset(f"{path.name} is not a {', '.join(FORMATS)} file; convert it or choose another")


def read(path: Path, options: Options = NO_OPTIONS, name: str | None = None) -> Recording:
    """Open a file or folder of any known format, or of the one that is named; errors name the file.

    Raises:
        NotFound: there is nothing at this path.
        InvalidDataset: no format knows it, or its content is not valid; later too, while its steps stream.
    """
    name = name or known(path)
    with _named(path):
        if options.columns and name not in TABLES:
            raise InvalidDataset(f"it is {name}, which has no columns to choose; leave the choice out")
        if options.episode_length is not None and name in APART:
            raise InvalidDataset(f"it is {name}, which says where episodes end; leave the episode length out")
        recording = module_of(name).read(path, options)
    return replace(recording, steps=_named_steps(recording.steps, path))


def write(format_name: str, curated: Curated, path: Path) -> None:
    """Export to a path that does not exist yet.

    Raises:
        InvalidConfig: no such format, or it is only read; or the format cannot hold these data.
        AlreadyExists: there is something at this path.
    """
    if format_name not in WRITABLE:
        raise InvalidConfig(f"{format_name!r} cannot be written; choose one of {', '.join(WRITABLE)}")
    if path.exists():
        raise AlreadyExists(f"{path} is there already; remove it or name another")
    cast(WritableFormat, module_of(format_name)).write(curated, path)


def _named_steps(steps: Iterator[Steps], path: Path) -> Iterator[Steps]:
    with _named(path):
        yield from steps


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except InvalidDataset as problem:
        raise InvalidDataset(f"{path.name}: {problem}") from None
