"""A .npy file that grows row by row; NumPy reads and memory-maps it like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER_BYTES = 128


class NpyStream:
    """Rows of one shape and type, in C order; `close` makes the file whole."""

    def __init__(self, path: Path, dtype: str, row_shape: tuple[int, ...] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self.row_shape = row_shape
        self.n_rows = 0
        self.path = path
        self._row_bytes = int(np.prod(row_shape, dtype=np.int64)) * self.dtype.itemsize
        self._file = path.open("wb")
        self._file.write(self._header())

    @property
    def n_bytes(self) -> int:
        """Of the rows so far."""
        return self.n_rows * self._row_bytes

    def append(self, rows: np.ndarray) -> None:
        """Write rows `[n, *row_shape]` of the stream's type."""
        assert rows.shape[1:] == self.row_shape, (self.path.name, rows.shape, self.row_shape)
        assert rows.dtype == self.dtype, (self.path.name, rows.dtype)
        self._file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
        self.n_rows += len(rows)

    def cut(self, n_rows: int) -> None:
        """Forget all rows after the first `n_rows`."""
        self.n_rows = n_rows
        self._file.seek(HEADER_BYTES + self.n_bytes)
        self._file.truncate()

    def close(self) -> None:
        """Say in the header how many rows there are."""
        self._file.seek(0)
        self._file.write(self._header())
        self._file.close()

    def _header(self) -> bytes:
        """Version 1.0 of NumPy's format (numpy.lib.format), of a length that holds any number of rows."""
        about = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.n_rows, *self.row_shape)}
        text = repr(about).encode("latin1")
        room = HEADER_BYTES - 11
        assert len(text) <= room
        return b"\x93NUMPY\x01\x00" + (room + 1).to_bytes(2, "little") + text.ljust(room) + b"\n"


def mapped(path: Path) -> np.ndarray:
    """The array of a .npy file, memory-mapped; one without bytes (rows of no width) is made anew at no cost."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if 0 in shape:
        return np.zeros(shape, dtype)
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def blocks(array: np.ndarray, n_rows: int) -> Iterator[np.ndarray]:
    """The rows of an array in order, so many at a time. Of a memory-mapped file each block has a mapping of its own,
    which is let go with it: else every page that was ever looked at counts as this process's memory."""
    for first in range(0, len(array), n_rows):
        yield _mapped_anew(array)[first : first + n_rows]


def _mapped_anew(array: np.ndarray) -> np.ndarray:
    if not isinstance(array, np.memmap) or array.filename is None:
        return array
    anew = mapped(Path(array.filename))
    return anew if anew.shape == array.shape else array  # a part of a file's array is not worth finding again
