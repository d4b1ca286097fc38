"""Minari's Arrow and Parquet storages: a folder for each episode, its table padded to the rows of what is observed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from safemil_core.data.formats.minari_episodes import Episode, decoded
from safemil_core.data.formats.minari_spaces import Key
from safemil_core.data.recording import Part
from safemil_core.errors import InvalidDataset, SafeMILError

LARGEST_EPISODE = 2**29
"""Bytes of one episode's table, which Parquet gives as a whole."""
LARGEST_METADATA = 2**20
OBSERVED: tuple[Key, ...] = ("observations", "infos")
"""Have a row more than there are steps; all other columns are padded with one."""


@dataclass(frozen=True)
class ArrowStorage:
    """`<number>/part-0.arrow` or `.parquet`, and `<number>/metadata.json`."""

    folder: Path
    n_episodes: int
    kind: Literal["arrow", "parquet"]

    @contextmanager
    def opened(self) -> Iterator[Iterator[Episode]]:
        """The episodes in order."""
        folders = (self.folder / str(number) for number in range(self.n_episodes))
        with _translated():
            yield (_ArrowEpisode(_table(folder, self.kind), _label(folder)) for folder in folders)


class _ArrowEpisode:
    def __init__(self, table: pa.Table, label: str | None) -> None:
        self._table, self._label = table, label

    def length(self, keys: tuple[Key, ...]) -> int:
        self._column(keys, 0, 0)
        return max(0, int(self._table.num_rows) - (keys[0] not in OBSERVED))

    def has(self, keys: tuple[Key, ...]) -> bool:
        kind = pa.struct(list(self._table.schema))
        for key in keys:
            if not pa.types.is_struct(kind) or kind.get_field_index(str(key)) < 0:
                return False
            kind = kind.field(str(key)).type
        return True

    def rows(self, keys: tuple[Key, ...], part: Part, start: int, stop: int) -> np.ndarray:
        column = self._column(keys, start, stop)
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            return decoded(column.to_pylist(), part)
        name, n = "/".join(map(str, keys)), len(column)
        width = 1
        while pa.types.is_fixed_size_list(column.type):
            width *= column.type.list_size
            column = column.flatten()
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise InvalidDataset(f"{name!r} holds {kind}, expected numbers")
        if column.null_count or len(column) != n * width:
            raise InvalidDataset(f"{name!r} has empty places; fill them or leave it out")
        return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(n, width)

    def label(self) -> str | None:
        return self._label

    def _column(self, keys: tuple[Key, ...], start: int, stop: int) -> pa.Array:
        """A piece of a column, of a struct's field where there are several keys."""
        if not self.has(keys):
            raise InvalidDataset(f"the array {'/'.join(map(str, keys))!r} is missing")
        chunks = self._table.column(str(keys[0])).slice(start, stop - start)
        column = pa.concat_arrays(chunks.chunks) if chunks.num_chunks else pa.array([], chunks.type)
        for key in keys[1:]:
            column = column.flatten()[column.type.get_field_index(str(key))]
        return column


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever Arrow raises on bytes that are not what they claim to be becomes one sentence."""
    try:
        yield
    except SafeMILError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError) as problem:
        said = " ".join(str(problem).split())[:200]
        raise InvalidDataset(f"it is damaged or cut short ({said}); copy the dataset again") from None


def _table(folder: Path, kind: str) -> pa.Table:
    paths = sorted(folder.glob(f"*.{kind}"))
    if not paths:
        raise InvalidDataset(f"the folder {folder.name!r} holds no {kind} file; copy the dataset again")
    tables = [(_arrow if kind == "arrow" else _parquet)(_own(folder, path)) for path in paths]
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
    table.validate(full=True)  # offsets that lead outside would be followed
    return table


def _own(folder: Path, path: Path) -> Path:
    """A file of the dataset's own."""
    if folder.is_symlink() or path.is_symlink():
        raise InvalidDataset(f"{folder.name}/{path.name} is a link to somewhere else; copy the file itself")
    return path


def _arrow(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        return reader.read_all()


def _parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        row_bytes = sum(_width(field.type) for field in file.schema_arrow)
        if file.metadata.num_rows * row_bytes > LARGEST_EPISODE or path.stat().st_size > LARGEST_EPISODE:
            raise InvalidDataset(f"its table is larger than {LARGEST_EPISODE >> 20} MiB; store it with HDF5")
        return file.read(use_threads=False)


def _width(kind: pa.DataType) -> int:
    """Bytes of one value, of those types that say it."""
    if pa.types.is_struct(kind):
        return sum(_width(kind.field(index).type) for index in range(kind.num_fields))
    if pa.types.is_fixed_size_list(kind):
        return prod((kind.list_size, _width(kind.value_type)))
    return max(1, kind.bit_width // 8) if pa.types.is_primitive(kind) else 8


def _label(folder: Path) -> str | None:
    path = folder / "metadata.json"
    if not path.is_file() or path.stat().st_size > LARGEST_METADATA:
        return None
    try:
        metadata = json.loads(_own(folder, path).read_bytes())
    except (ValueError, RecursionError):
        return None
    label = metadata.get("label") if isinstance(metadata, dict) else None
    return label if isinstance(label, str) else None
