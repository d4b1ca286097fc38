"""Guarded access to HDF5, for every format that is kept in it: nothing outside the file is read, nothing is read whole.

HDF5 follows links into other files, and one kilobyte can promise terabytes; so each object is looked at before it is
opened, and arrays stream in blocks. Only what is asked for by name is touched: the library can hang on damaged parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from typing import cast

import h5py
import numpy as np
from isal import igzip_lib, isal_zlib

from safemil_core.data.formats.sizes import BLOCK_BYTES, check_unpacked, rows_per_block
from safemil_core.errors import InvalidDataset, SafeMILError

LARGEST_BAND = 2**29
"""Bytes of the chunks side by side over the same steps: all of them are decoded to give one step."""
SLAB_BYTES = 2**26
"""Decoded steps of one array that are held at a time, at most."""
MOST_MEMBERS = 2_000_000
LARGEST_ATTRIBUTE = 2**26

_DAMAGE = (
    *(OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError, MemoryError),
    cast(type[Exception], igzip_lib.IsalError),  # its stub takes it for a value
)
"""All that h5py is known to raise on bytes that are not what they claim to be."""


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like HDF5."""
    return path.is_file() and bool(h5py.is_hdf5(path))


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, to read; whatever h5py raises in the block becomes one sentence.

    Raises:
        InvalidDataset: the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except SafeMILError:
        raise
    except _DAMAGE as problem:
        said = " ".join(str(problem).split())[:200]
        raise InvalidDataset(f"it is damaged or cut short ({said}); copy it again") from None


def array(parent: h5py.Group, key: str) -> h5py.Dataset:
    """An array of numbers that lies in this very file and unpacks to no more than it can hold.

    Raises:
        InvalidDataset: it is missing, a link, a group, kept elsewhere, not numbers, or promises too much.
    """
    found = _member(parent, key)
    if not isinstance(found, h5py.Dataset):
        raise InvalidDataset(f"{key!r} is a group, expected an array")
    if found.external is not None or found.is_virtual:
        raise InvalidDataset(f"{key!r} keeps its data in another file; store the array itself")
    if found.dtype.kind not in "fiub" or found.dtype.itemsize > 8:
        raise InvalidDataset(f"{key!r} holds {found.dtype}, expected numbers")
    if found.shape is None:
        raise InvalidDataset(f"{key!r} is empty, expected an array")
    stored, unpacked = found.id.get_storage_size(), prod(found.shape) * found.dtype.itemsize
    if unpacked and not stored:
        raise InvalidDataset(f"{key!r} declares {prod(found.shape)} values but stores none")
    check_unpacked(repr(key), stored, unpacked)
    if found.chunks and _band_bytes(found) > LARGEST_BAND:
        raise InvalidDataset(
            f"{key!r} is stored in chunks that span {found.chunks[0]} steps, too large to stream; "
            f"store it in smaller ones (h5repack -l {key}:CHUNK=...)"
        )
    return found


def group(parent: h5py.Group, key: str) -> h5py.Group:
    """A group that lies in this very file.

    Raises:
        InvalidDataset: it is missing, a link or an array.
    """
    found = _member(parent, key)
    if not isinstance(found, h5py.Group):
        raise InvalidDataset(f"{key!r} is an array, expected a group")
    return found


def is_group(parent: h5py.Group, key: str) -> bool:
    """Whether the key is a group, by a link that may be followed."""
    return key in parent and isinstance(_member(parent, key), h5py.Group)


def members(parent: h5py.Group) -> list[str]:
    """Names in a group, in the file's order; nothing of them is opened.

    Raises:
        InvalidDataset: too many, or a name that is not text.
    """
    if len(parent) > MOST_MEMBERS:
        raise InvalidDataset(f"a group has {len(parent)} members, more than {MOST_MEMBERS}; split the file")
    names = list(parent)
    for name in names:
        if isinstance(name, bytes) or not name.isprintable():  # bytes: it is not UTF-8
            raise InvalidDataset(f"the name {ascii(name)[:80]} is not plain text; rename it")
    return names


def attribute(of: h5py.Group | h5py.Dataset, key: str) -> object | None:
    """The value of an attribute: numbers or text; None where there is none, or something else."""
    if key not in of.attrs:
        return None
    about = of.attrs.get_id(key)
    is_text = h5py.check_string_dtype(about.dtype) is not None
    if (about.dtype.kind not in "fiub" and not is_text) or about.shape is None:
        return None
    if prod(about.shape) * about.dtype.itemsize > LARGEST_ATTRIBUTE:
        raise InvalidDataset(f"the attribute {key!r} is larger than {LARGEST_ATTRIBUTE >> 20} MiB; remove it")
    value: object = of.attrs[key]
    return None if isinstance(value, h5py.Empty) else value


def text(of: h5py.Group | h5py.Dataset, key: str) -> str | None:
    """An attribute that is a text; None where it is absent, empty or anything else."""
    value = attribute(of, key)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value if isinstance(value, str) and value else None


def rows(dataset: h5py.Dataset, start: int, stop: int) -> np.ndarray:
    """A slice of an array that `array` gave."""
    return np.asarray(dataset[start:stop])


def blocks(datasets: Mapping[str, h5py.Dataset], block_bytes: int = BLOCK_BYTES) -> Iterator[dict[str, np.ndarray]]:
    """All rows of several arrays of equal length, in step: blocks of about 8 MB, with as many rows of each.

    Gzip is decoded by several threads, ahead of what the caller does with a block.
    """
    n_rows = min(len(dataset) for dataset in datasets.values())
    at_most = max(1, block_bytes // max(1, sum(_row_bytes(dataset) for dataset in datasets.values())))
    with ThreadPoolExecutor(max_workers=_n_threads()) as threads:
        streams = {key: _slabs(dataset, threads) for key, dataset in datasets.items()}
        slabs = {key: np.empty(0) for key in datasets}
        done = 0
        while done < n_rows:
            slabs = {key: slab if len(slab) else next(streams[key]) for key, slab in slabs.items()}
            n = min(at_most, *(len(slab) for slab in slabs.values()))
            yield {key: slab[:n] for key, slab in slabs.items()}
            slabs = {key: slab[n:] for key, slab in slabs.items()}
            done += n


def _member(parent: h5py.Group, key: str) -> object:
    link = parent.get(key, getlink=True)
    if link is None:
        raise InvalidDataset(f"the array {key!r} is missing")
    if type(link) is not h5py.HardLink:
        raise InvalidDataset(f"{key!r} is a link to somewhere else; store the array itself")
    return parent[key]


def _row_bytes(dataset: h5py.Dataset) -> int:
    sizes: tuple[int, ...] = (*dataset.shape[1:], dataset.dtype.itemsize)
    return prod(sizes)


def _band_bytes(dataset: h5py.Dataset) -> int:
    """Of the chunks that lie side by side over the same rows."""
    chunk: tuple[int, ...] = dataset.chunks
    across = [-(-int(size) // n) * n for size, n in zip(dataset.shape[1:], chunk[1:], strict=True)]
    item_bytes: int = dataset.dtype.itemsize
    return chunk[0] * prod(across) * item_bytes


def _n_threads() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _slabs(dataset: h5py.Dataset, threads: ThreadPoolExecutor) -> Iterator[np.ndarray]:
    """All rows in order, the next slab being decoded while the caller has this one."""
    undo = _undo_of(dataset)
    start, ahead = 0, None
    while start < len(dataset):
        stop = min(len(dataset), start + _rows_of_slab(dataset))
        slab = _Slab(dataset, start, stop, undo, threads) if undo else rows(dataset, start, stop)
        if ahead is not None:
            yield ahead.decoded() if isinstance(ahead, _Slab) else ahead
        start, ahead = stop, slab
    if ahead is not None:
        yield ahead.decoded() if isinstance(ahead, _Slab) else ahead


def _rows_of_slab(dataset: h5py.Dataset) -> int:
    """Whole chunks where they fit, so that none is decoded twice; else an even part of one."""
    per_block = rows_per_block(_row_bytes(dataset))
    if not dataset.chunks:
        return per_block
    band = _band_bytes(dataset)
    if band > SLAB_BYTES:
        return max(1, int(dataset.chunks[0]) * SLAB_BYTES // band)
    return int(max(1, per_block // dataset.chunks[0]) * dataset.chunks[0])


Undo = Callable[[bytes], np.ndarray]
"""A stored chunk -> its values, flat."""


def _undo_of(dataset: h5py.Dataset) -> Undo | None:
    """How to decode this array's chunks without the library: gzip with or without shuffle; None for all else."""
    if not dataset.chunks or not dataset.size:
        return None
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if filters not in ([h5py.h5z.FILTER_DEFLATE], [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]):
        return None
    if dataset.id.get_type() != h5py.h5t.py_create(dataset.dtype, logical=True):
        return None  # the library converts, for example an enumeration
    return partial(
        _inflated,
        n_bytes=prod(dataset.chunks) * dataset.dtype.itemsize,
        dtype=dataset.dtype,
        shuffled=len(filters) == 2,
    )


def _inflated(stored: bytes, *, n_bytes: int, dtype: np.dtype, shuffled: bool) -> np.ndarray:
    plain = isal_zlib.decompressobj().decompress(stored, n_bytes + 1)  # never more than a chunk holds
    if len(plain) != n_bytes:
        raise InvalidDataset("a chunk is damaged: it does not unpack to its size; copy the file again")
    values = np.frombuffer(plain, np.uint8)
    if shuffled and dtype.itemsize > 1:
        planes = values.reshape(dtype.itemsize, -1)
        values = np.empty((planes.shape[1], dtype.itemsize), np.uint8)
        for place, plane in enumerate(planes):
            values[:, place] = plane
    return (values.reshape(-1) != 0) if dtype.kind == "b" else values.reshape(-1).view(dtype)


class _Slab:
    """Rows `start` to `stop` of an array, whose chunks are being decoded."""

    def __init__(self, dataset: h5py.Dataset, start: int, stop: int, undo: Undo, threads: ThreadPoolExecutor) -> None:
        self._rows = np.empty((stop - start, *dataset.shape[1:]), dataset.dtype)
        self._jobs: list[Future[None]] = []
        chunk, shape = dataset.chunks, dataset.shape
        above = start // chunk[0] * chunk[0]
        spans = [range(above, stop, chunk[0]), *(range(0, *pair) for pair in zip(shape[1:], chunk[1:], strict=True))]
        for corner in product(*spans):
            lows = (max(corner[0], start), *corner[1:])
            highs = tuple(min(at + n, end) for at, n, end in zip(corner, chunk, (stop, *shape[1:]), strict=True))
            there = tuple(map(slice, lows, highs))
            target = self._rows[(slice(lows[0] - start, highs[0] - start), *there[1:])]
            stored = dataset.id.get_chunk_info_by_coord(corner)
            if stored.byte_offset is None or stored.filter_mask:
                target[...] = dataset[there]  # never written, or not packed like the others: the library knows
            elif stored.size > 2 * prod(chunk) * dataset.dtype.itemsize + 1024:
                raise InvalidDataset("a chunk is damaged: it is stored larger than it is; copy the file again")
            else:
                _, packed = dataset.id.read_direct_chunk(corner)
                part = tuple(slice(low - at, high - at) for at, low, high in zip(corner, lows, highs, strict=True))
                self._jobs.append(threads.submit(_place, undo, packed, chunk, part, target))

    def decoded(self) -> np.ndarray:
        for job in self._jobs:
            job.result()
        return self._rows


def _place(undo: Undo, packed: bytes, chunk: tuple[int, ...], part: tuple[slice, ...], target: np.ndarray) -> None:
    target[...] = undo(packed).reshape(chunk)[part]
