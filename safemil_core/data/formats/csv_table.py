"""CSV: a long table in text, one row a step, with a line of column names. Read only; tables are written as Parquet."""

from __future__ import annotations

import csv as text
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from safemil_core.data.formats import tables
from safemil_core.data.formats.parquet_files import MOST_COLUMNS, in_one_sentence
from safemil_core.data.recording import Options, Recording
from safemil_core.errors import InvalidDataset

LONGEST_HEADER = 2**20
"""Bytes of the line with the names."""
BLOCK = 2**21
"""Bytes of text that are read at a time; a line must fit into it."""
BAD_ROW = "a row does not fit its columns ({}); correct it, or choose other columns"
SEPARATORS = ",;\t"


_NUMBERS = ("int64", "double", "bool")
"""What Arrow takes columns of numbers for."""


def detect(path: Path) -> bool:
    """Whether a file is text whose first line names two columns or more, some of them known or two of numbers."""
    try:
        names = _names(path)
        if len(names) > 1 and tables.guess([(name, "") for name in names]):
            return True
        return sum(kind in _NUMBERS for _, kind in columns(path)) > 1
    except (InvalidDataset, OSError):
        return False


def read(path: Path, options: Options) -> Recording:
    """Open lazily.

    Raises:
        InvalidDataset: the columns do not say enough, or a row is not what its column should be.
    """
    found = columns(path)
    chosen = tables.chosen(found, options)
    batches = _batches(path, chosen, dict(found))
    return Recording(tables.about(chosen, n_steps=None), tables.steps(batches, chosen, (), options))


def columns(path: Path) -> list[tuple[str, str]]:
    """Name and type of each column, as far as its first rows tell, for the dialogue that maps them."""
    with in_one_sentence(BAD_ROW), _opened(path, {}) as reader:
        return [(field.name, str(field.type)) for field in reader.schema]


def preview(path: Path) -> list[dict[str, object]]:
    """The first rows, for the dialogue that maps columns."""
    with in_one_sentence(BAD_ROW), _opened(path, {}) as reader:
        return tables.previewed(next(iter(reader), None))


def _batches(path: Path, columns: tables.Chosen, kinds: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    words = {columns.trajectory, columns.terminated, columns.truncated}
    # float32 stops counting at 16,777,216, and that must show.
    numbers = {name: pa.bool_() if kinds[name] == "bool" else pa.float64() for name in columns.names}
    types = {name: pa.string() if name in words else kind for name, kind in numbers.items()}
    with in_one_sentence(BAD_ROW):
        reader = _opened(path, types)
    with reader:
        while True:
            with in_one_sentence(BAD_ROW):
                batch = next(reader, None)
            if batch is None:
                return
            yield batch


def _opened(path: Path, types: dict[str, pa.DataType]) -> csv.CSVStreamingReader:
    _names(path)
    return csv.open_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK),
        parse_options=csv.ParseOptions(delimiter=_separator(_header(path))),
        convert_options=csv.ConvertOptions(
            column_types=types, include_columns=list(types) or None, strings_can_be_null=True
        ),
    )


def _names(path: Path) -> list[str]:
    """The columns of the first line, checked."""
    header = _header(path)
    try:
        names = next(text.reader([header], delimiter=_separator(header)))
    except (text.Error, StopIteration):
        raise InvalidDataset("its first line is no list of column names; add one") from None
    if len(names) > MOST_COLUMNS:
        raise InvalidDataset(f"it has {len(names)} columns, more than {MOST_COLUMNS}; it is no table of steps")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidDataset(f"two of its columns are named {twice[:100]!r}; rename one")
    return names


def _header(path: Path) -> str:
    with path.open("rb") as file:
        line = file.readline(LONGEST_HEADER)
    if b"\0" in line or not line.endswith((b"\n", b"\r")):
        raise InvalidDataset("its first line is no list of column names; add one")
    try:
        return line.decode("utf-8-sig").rstrip("\r\n") + "\n"
    except UnicodeDecodeError:
        raise InvalidDataset("its first line is not UTF-8 text; save it as UTF-8") from None


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)
