"""Guarded access to Parquet files, for every format that is kept in them: flat columns only, in bounded pieces.

Not what the columns mean (`parquet_table`, `lerobot`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from safemil_core.data.formats.sizes import LARGEST_COUNT, check_unpacked, rows_per_block
from safemil_core.errors import InvalidDataset, SafeMILError

MAGIC = b"PAR1"
SMALLEST = 12
"""Bytes of a file: the magic at both ends and the length between."""
MOST_COLUMNS = 10_000
LARGEST_FOOTER = 2**26
"""Bytes of the part that describes the others."""

_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RuntimeError)
"""All that pyarrow is known to raise on bytes that are not what they claim to be."""


def is_parquet(path: Path) -> bool:
    """Whether a file begins and ends like Parquet."""
    try:
        with path.open("rb") as file:
            begins, n_bytes = file.read(4), file.seek(0, 2)
            if n_bytes < SMALLEST:
                return False
            file.seek(-4, 2)
            return begins == MAGIC == file.read(4)
    except OSError:
        return False


@contextmanager
def in_one_sentence(sentence: str = "it is damaged or cut short ({}); copy it again") -> Iterator[None]:
    """Whatever pyarrow raises in the block becomes InvalidDataset: its own words within the sentence."""
    try:
        yield
    except SafeMILError:
        raise
    except _DAMAGE as problem:
        said = " ".join(str(problem).split())[:200]
        raise InvalidDataset(sentence.format(said)) from None


def opened(path: Path) -> pq.ParquetFile:
    """The file, its description checked, nothing else read.

    Raises:
        InvalidDataset: it is damaged, or declares more than it can hold.
    """
    _check_footer(path)
    with in_one_sentence():
        file = pq.ParquetFile(path, buffer_size=2**16, pre_buffer=False)
        names = file.schema_arrow.names
        if len(names) > MOST_COLUMNS or file.metadata.num_columns > MOST_COLUMNS:
            raise InvalidDataset(f"it has {len(names)} columns, more than {MOST_COLUMNS}; it is no table of steps")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidDataset(f"two of its columns are named {twice[:100]!r}; rename one")
        _check_size(path, file)
    return file


def _check_footer(path: Path) -> None:
    if not is_parquet(path):
        raise InvalidDataset("it is no whole Parquet file; copy it again")
    with path.open("rb") as file:
        file.seek(-8, 2)
        length = int.from_bytes(file.read(4), "little")
    if length > min(LARGEST_FOOTER, path.stat().st_size):
        raise InvalidDataset(f"its description takes {length} bytes; write it again with fewer row groups or columns")


def _check_size(path: Path, file: pq.ParquetFile) -> None:
    meta, stored = file.metadata, path.stat().st_size
    if not 0 <= meta.num_rows <= LARGEST_COUNT:
        raise InvalidDataset(f"it declares {meta.num_rows} rows, which cannot be")
    # Columns of one repeated value take no room at all, so rows count as at least one byte for each column.
    unpacked = meta.num_rows * max(1, meta.num_columns)
    for group in range(meta.num_row_groups):
        row_group = meta.row_group(group)
        if row_group.total_byte_size < 0 or row_group.num_rows < 0:
            raise InvalidDataset("it declares a negative size; write it again")
        unpacked += row_group.total_byte_size
    check_unpacked("it", stored, unpacked)


def batches(file: pq.ParquetFile, columns: list[str], row_bytes: int) -> Iterator[pa.RecordBatch]:
    """Its rows in blocks, some columns only, of `plain` types; `row_bytes` is about what a row of them takes."""
    with in_one_sentence():
        pieces = file.iter_batches(rows_per_block(row_bytes), columns=columns, use_threads=False)
    while True:
        with in_one_sentence():
            batch = next(pieces, None)
            if batch is None:
                return
            types = [plain(field.type) for field in batch.schema]
            if types != batch.schema.types:
                cast = [pc.cast(column, kind) for column, kind in zip(batch.columns, types, strict=True)]
                batch = pa.RecordBatch.from_arrays(cast, names=batch.schema.names)
        yield batch


def plain(kind: pa.DataType) -> pa.DataType:
    """The type in which a column is read: of text there is one, decimals are numbers like others, and what a
    dictionary holds is written out."""
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_decimal(kind):
        return pa.float64()
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type can be a column of numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def value_type(kind: pa.DataType) -> tuple[pa.DataType, int | None]:
    """Type of the numbers in lists of lists of any depth, and how many there are where the type says so."""
    count: int | None = 1
    while isinstance(kind, (pa.ListType, pa.LargeListType, pa.FixedSizeListType)):
        fixed = kind.list_size if isinstance(kind, pa.FixedSizeListType) else None
        count = None if count is None or fixed is None else count * fixed
        kind = kind.value_type
    return kind, count


def numbers(column: pa.Array, name: str) -> np.ndarray:
    """[n] numbers of a column; what is missing becomes NaN, so that it is found and named later.

    Raises:
        InvalidDataset: the column holds something else.
    """
    if not is_number(column.type):
        raise InvalidDataset(f"the column {name[:100]!r} holds {column.type}, expected numbers")
    with in_one_sentence():
        if column.null_count:
            column = pc.cast(
                pc.cast(column, pa.int8()) if pa.types.is_boolean(column.type) else column, pa.float64(), safe=False
            )
        found: np.ndarray = column.to_numpy(zero_copy_only=False)
    return found


def vectors(column: pa.Array, name: str, size: int) -> np.ndarray:
    """[n, size] numbers of a column of lists (of lists), all of one size.

    Raises:
        InvalidDataset: a list is missing or of another size, or holds something else than numbers.
    """
    n = len(column)
    with in_one_sentence():
        while not is_number(column.type):
            if value_type(column.type)[0] == column.type:
                raise InvalidDataset(f"the column {name[:100]!r} holds {column.type}, expected numbers")
            if column.null_count:
                raise InvalidDataset(
                    f"a value of the column {name[:100]!r} is missing; fill it in or leave the row out"
                )
            column = _evenly_flat(column, name)
    found = numbers(column, name)
    if len(found) != n * size:
        raise InvalidDataset(f"the column {name[:100]!r} has {len(found)} numbers in {n} rows, expected {size} in each")
    return found.reshape(n, size)


def _evenly_flat(column: pa.Array, name: str) -> pa.Array:
    if not isinstance(column.type, pa.FixedSizeListType) and len(column):
        lengths = pc.min_max(pc.list_value_length(column))
        if lengths["min"].as_py() != lengths["max"].as_py():
            raise InvalidDataset(f"the column {name[:100]!r} holds lists of different lengths; make them equal")
    return column.flatten()


class BlockWriter:
    """Writes tables of any lengths one after the other, in row groups of a block or so."""

    def __init__(self, path: Path, schema: pa.Schema, row_bytes: int) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._most = rows_per_block(row_bytes)
        self._held: list[pa.Table] = []
        self._n_held = 0
        self.nbytes = 0
        """Of all tables so far, before they are packed."""

    def __enter__(self) -> BlockWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, table: pa.Table) -> None:
        """Write the table, now or later."""
        self._held.append(table)
        self.nbytes += table.nbytes
        self._n_held += len(table)
        if self._n_held >= self._most:
            self._flush()

    def close(self) -> None:
        """Write what is held back."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=self._most)
            self._held, self._n_held = [], 0
