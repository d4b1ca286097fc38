"""Guarded access to the arrays of an NPZ file, as streams of rows: no pickles, no member whole, nothing outside.

Not what the arrays mean (`npz`).
"""

from __future__ import annotations

import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from safemil_core.data.formats.sizes import LARGEST_COUNT, check_unpacked, rows_per_block
from safemil_core.errors import InvalidDataset, SafeMILError

MOST_MEMBERS = 1000
LARGEST_HEADER = 10_000
"""Characters of the text that says type and shape; numpy's own limit."""
LARGEST_TURNED = 2**26
"""Bytes of an array in Fortran's order: its rows are not side by side, so it cannot stream."""

_DAMAGE = (
    *(OSError, RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError, EOFError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)
"""All that zipfile and numpy are known to raise on bytes that are not what they claim to be."""


@dataclass(frozen=True)
class Array:
    """An array in the archive as its header describes it; checked, but not read."""

    info: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    begins: int
    """Bytes of the header before the values."""

    @property
    def row_bytes(self) -> int:
        """Of one step."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class Archive:
    """The arrays of an NPZ file by name."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidDataset unless every member is an array of numbers within the file's own bounds."""
        with _in_one_sentence():
            self._zip = zipfile.ZipFile(path)
            self.arrays = {_name(info): self._described(info) for info in self._members()}
        every = self.arrays.values()
        check_unpacked("it", sum(a.info.compress_size for a in every), sum(a.nbytes for a in every))

    def _members(self) -> list[zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise InvalidDataset(f"it has {len(infos)} members, more than {MOST_MEMBERS}; it is no NPZ file of steps")
        names = [info.filename for info in infos]
        for info in infos:
            _check(info)
            if names.count(info.filename) > 1:
                raise InvalidDataset(f"it has two members named {info.filename!r}; save it again")
        return infos

    def _described(self, info: zipfile.ZipInfo) -> Array:
        name = _name(info)
        with self._zip.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in readers:
                raise InvalidDataset(f"{name!r} is of NPY version {version}, expected plain numbers")
            shape, fortran, dtype = readers[version](stream, max_header_size=LARGEST_HEADER)
            begins = stream.tell()
        if dtype.kind not in "fiub":
            kind = "pickled objects" if dtype.hasobject else str(dtype)
            raise InvalidDataset(f"{name!r} holds {kind}, expected numbers; save the file again without it")
        if any(size < 0 for size in shape) or prod(shape) > LARGEST_COUNT:
            raise InvalidDataset(f"{name!r} declares the shape {shape}, which cannot be")
        found = Array(info, dtype, shape, fortran and len(shape) > 1, begins)
        if found.nbytes + begins != info.file_size:
            raise InvalidDataset(
                f"{name!r} declares {found.nbytes} bytes of values but has {info.file_size - begins}; save it again"
            )
        check_unpacked(f"{name!r}", info.compress_size, found.nbytes)
        return found

    def taker(self, name: str) -> Callable[[int], np.ndarray]:
        """A function that gives the next `n` rows [n, ...] at each call."""
        array = self.arrays[name]
        if array.fortran:
            return self._turned(name)
        with _in_one_sentence():
            stream = self._zip.open(array.info)
            _exactly(stream, array.begins, name)

        def take(n: int) -> np.ndarray:
            with _in_one_sentence():
                values = np.frombuffer(_exactly(stream, n * array.row_bytes, name), dtype=array.dtype)
                return values.reshape(n, *array.shape[1:])

        return take

    def _turned(self, name: str) -> Callable[[int], np.ndarray]:
        array = self.arrays[name]
        if array.nbytes > LARGEST_TURNED:
            raise InvalidDataset(f"{name!r} is in Fortran's order; save it again as np.ascontiguousarray({name})")
        with _in_one_sentence(), self._zip.open(array.info) as stream:
            _exactly(stream, array.begins, name)
            values = np.frombuffer(_exactly(stream, array.nbytes, name), dtype=array.dtype).reshape(array.shape[::-1]).T
        left = iter(values)
        return lambda n: np.array([next(left) for _ in range(n)], dtype=array.dtype).reshape(n, *array.shape[1:])

    def blocks(self, names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        """Arrays of equal length side by side, some rows at a time."""
        total = len_of(self.arrays[names[0]])
        most = rows_per_block(sum(self.arrays[name].row_bytes for name in names))
        takers = {name: self.taker(name) for name in names}
        for start in range(0, total, most):
            yield {name: take(min(most, total - start)) for name, take in takers.items()}

    def whole(self, name: str, largest: int) -> np.ndarray:
        """A small array, whole; refused where it has more bytes than `largest`."""
        array = self.arrays[name]
        if array.nbytes > largest:
            raise InvalidDataset(f"{name!r} is larger than {largest >> 20} MiB; save the file again without it")
        return self.taker(name)(len_of(array))


def len_of(array: Array) -> int:
    """Its number of rows; a single number has one."""
    return array.shape[0] if array.shape else 1


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename.removesuffix(".npy")


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        raise InvalidDataset(f"its member {name[:100]!r} leads outside; save the file again with plain names")
    if not name.endswith(".npy"):
        raise InvalidDataset(f"its member {name[:100]!r} is no array; an NPZ file holds .npy members only")
    if info.flag_bits & 1:
        raise InvalidDataset(f"its member {name[:100]!r} is encrypted; save the file without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidDataset(f"its member {name[:100]!r} is packed in an unusual way; save it with np.savez_compressed")


def _exactly(stream: IO[bytes], n: int, name: str) -> bytes:
    data = stream.read(n) if n else b""
    if len(data) < n:
        raise InvalidDataset(f"{name!r} is cut short; copy the file again")
    return data


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    try:
        yield
    except SafeMILError:
        raise
    except _DAMAGE as problem:
        said = " ".join(str(problem).split())[:200]
        raise InvalidDataset(f"it is damaged or cut short ({said}); copy it again") from None


def names_in(path: Path) -> list[str]:
    """Names of the arrays of what looks like an NPZ file; none on anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_name(info) for info in archive.infolist() if info.filename.endswith(".npy")]
    except _DAMAGE:
        return []


def write_array(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype, shape: tuple[int, ...], pieces: Iterator[np.ndarray]
) -> None:
    """Add an array from its pieces along the first axis."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for piece in pieces:
            stream.write(np.ascontiguousarray(piece, dtype=dtype).tobytes())
