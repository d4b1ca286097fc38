"""Minari's episodes as blocks of steps, and where they are kept in HDF5. Not what the dataset says of itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
from PIL import Image

from safemil_core.data.formats import hdf5, nested, sizes
from safemil_core.data.formats.minari_spaces import Key, Leaf
from safemil_core.data.recording import CUT_OFF, GOES_ON, NOTHING, TERMINATED, About, Part, Steps
from safemil_core.errors import InvalidDataset

NUMBER = Part()
FLAG = Part(dtype="bool")
COST_KEYS: tuple[tuple[Key, ...], ...] = (("infos", "cost"), ("cost",))
LARGEST_PICTURE = 2**24
"""Bytes of one encoded picture."""


class Episode(Protocol):
    """One episode as a storage keeps it, its arrays found by their keys."""

    def length(self, keys: tuple[Key, ...]) -> int:
        """Rows of an array: one for each step, and one more for what is observed."""

    def has(self, keys: tuple[Key, ...]) -> bool:
        """Whether there is something by these keys."""

    def rows(self, keys: tuple[Key, ...], part: Part, start: int, stop: int) -> np.ndarray:
        """[stop - start, ...] values of a part."""

    def label(self) -> str | None:
        """What its metadata say of it."""


class Storage(Protocol):
    """All episodes of a dataset, in one of Minari's ways to keep them."""

    def opened(self) -> AbstractContextManager[Iterator[Episode]]:
        """The episodes in order; one that was given is not used after the next.

        Whatever a library raises in the block becomes one sentence.
        """


@dataclass(frozen=True)
class Layout:
    """How the arrays of an episode become steps."""

    about: About
    leaves: Mapping[tuple[str, str], Leaf] = field(default_factory=dict)
    """By `observations` or `actions`, and the name of the part."""
    cost_keys: tuple[Key, ...] | None = None
    knows_final_observations: bool = True


def steps(layout: Layout, storage: Storage) -> Iterator[Steps]:
    """All episodes of a dataset in blocks of about 8 MB; the last observation of each is its final one.

    Raises:
        InvalidDataset: one sentence that names the episode.
    """
    with storage.opened() as episodes:
        for number, episode in enumerate(episodes):
            with told_of(number):
                yield from _episode_steps(layout, episode)


@contextmanager
def told_of(number: int) -> Iterator[None]:
    """Names the episode in whatever is wrong with it."""
    try:
        yield
    except InvalidDataset as problem:
        raise InvalidDataset(f"episode {number}: {problem}") from None


def _episode_steps(layout: Layout, episode: Episode) -> Iterator[Steps]:
    n, about = _n_steps(layout, episode), layout.about
    for start in range(0, n, _steps_per_block(about)):
        stop = min(n, start + _steps_per_block(about))
        n_ends = int(stop == n)
        seen = _columns(layout, episode, "observations", about.observations + about.images, start, stop + n_ends)
        observations = nested.flat(about.observations, seen, stop - start + n_ends)
        done = _columns(layout, episode, "actions", about.actions, start, stop)
        pictures = nested.pictures(about.images, seen, stop - start + n_ends)
        ends = np.full(stop - start, GOES_ON, dtype=np.uint8)
        if n_ends:
            ends[-1] = _end(episode, n)
        known = n_ends and layout.knows_final_observations
        yield Steps(
            observations=observations[: stop - start],
            actions=nested.flat(about.actions, done, stop - start),
            ends=ends,
            rewards=_floats(episode.rows(("rewards",), NUMBER, start, stop)) if about.has_rewards else None,
            costs=_costs(layout, episode, n, start, stop),
            images={name: array[: stop - start] for name, array in pictures.items()} or NOTHING,
            final_observations=observations[stop - start :] if known else None,
            final_images={name: array[stop - start :] for name, array in pictures.items()} if known else NOTHING,
        )


def _steps_per_block(about: About) -> int:
    numbers = sum(part.size for part in about.observations + about.actions) + 2
    return sizes.rows_per_block(4 * numbers + sum(part.size for part in about.images))


def _n_steps(layout: Layout, episode: Episode) -> int:
    """Of an episode whose arrays all have that many, or one more where they are observed."""
    n = episode.length(("rewards",))
    if n == 0:
        raise InvalidDataset("it has no steps; remove it")
    expected = {(kind, *leaf.keys): n + (kind == "observations") for (kind, _), leaf in layout.leaves.items()}
    for keys, rows in {**expected, ("terminations",): n, ("truncations",): n}.items():
        if episode.length(keys) != rows:
            raise InvalidDataset(
                f"{'/'.join(map(str, keys))!r} has {episode.length(keys)} rows, expected {rows} for its {n} steps"
            )
    return n


def _columns(
    layout: Layout, episode: Episode, kind: str, parts: tuple[Part, ...], start: int, stop: int
) -> dict[str, np.ndarray]:
    columns = {}
    for part in parts:
        leaf = layout.leaves[kind, part.name]
        values = episode.rows((kind, *leaf.keys), part, start, stop)
        columns[part.name] = values - leaf.first if leaf.first else values
    return columns


def _end(episode: Episode, n: int) -> int:
    """An episode whose last step says nothing was cut off by the end of the recording."""
    terminated, truncated = (
        bool(episode.rows((key,), FLAG, n - 1, n).any()) for key in ("terminations", "truncations")
    )
    return (TERMINATED * terminated | CUT_OFF * truncated) or CUT_OFF


def _costs(layout: Layout, episode: Episode, n: int, start: int, stop: int) -> np.ndarray | None:
    """Infos have a row more where the one of the reset was recorded: the first then belongs to no step."""
    if layout.cost_keys is None:
        return None
    extra = episode.length(layout.cost_keys) - n
    if extra not in (0, 1):
        raise InvalidDataset(f"it has {extra + n} costs for {n} steps")
    return _floats(episode.rows(layout.cost_keys, NUMBER, start + extra, stop + extra))


def _floats(values: np.ndarray) -> np.ndarray:
    return nested.flat((NUMBER,), {"": values}, len(values)).reshape(-1)


@dataclass(frozen=True)
class Hdf5Storage:
    """`main_data.hdf5`: a group for each episode."""

    path: Path
    n_episodes: int

    @contextmanager
    def opened(self) -> Iterator[Iterator[Episode]]:
        """The episodes in order."""
        with hdf5.opened(self.path) as file:
            yield (_Hdf5Episode(hdf5.group(file, f"episode_{number}")) for number in range(self.n_episodes))


class _Hdf5Episode:
    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        self._arrays: dict[tuple[Key, ...], h5py.Dataset] = {}

    def length(self, keys: tuple[Key, ...]) -> int:
        shape = self._array(keys).shape
        return int(shape[0]) if shape else 0

    def has(self, keys: tuple[Key, ...]) -> bool:
        group, spelled = self._group, _spelled(keys)
        for key in spelled[:-1]:
            if not hdf5.is_group(group, key):
                return False
            group = hdf5.group(group, key)
        return spelled[-1] in group

    def rows(self, keys: tuple[Key, ...], part: Part, start: int, stop: int) -> np.ndarray:
        values = hdf5.rows(self._array(keys), start, stop)
        is_encoded = values.dtype == object or (values.ndim == 2 and len(part.shape) == 3)
        return decoded([bytes(one) for one in values], part) if is_encoded else values

    def label(self) -> str | None:
        return hdf5.text(self._group, "label")

    def _array(self, keys: tuple[Key, ...]) -> h5py.Dataset:
        """Checked once. Pictures, alone of all arrays, may have rows of any length."""
        if keys not in self._arrays:
            *folders, last = _spelled(keys)
            group = self._group
            for key in folders:
                group = hdf5.group(group, key)
            encoded = _encoded(group, last) if keys[0] == "observations" else None
            self._arrays[keys] = encoded or hdf5.array(group, last)
        return self._arrays[keys]


def _spelled(keys: tuple[Key, ...]) -> tuple[str, ...]:
    """HDF5's names: places of a Tuple are written out; a name with `/` is a path."""
    return tuple(
        name for key in keys for name in ((f"_index_{key}",) if isinstance(key, int) else key.split("/")) if name
    )


def _encoded(group: h5py.Group, key: str) -> h5py.Dataset | None:
    """An array of encoded pictures, each of its own length; None for anything else."""
    if type(group.get(key, getlink=True)) is not h5py.HardLink:
        return None
    found = group[key]
    if not isinstance(found, h5py.Dataset) or h5py.check_vlen_dtype(found.dtype) != np.uint8 or found.ndim != 1:
        return None
    if found.external is not None or found.is_virtual:
        return None
    if found.id.get_storage_size() < 16 * found.size:  # each row is a length and an address
        raise InvalidDataset(f"{key!r} declares {found.size} pictures but stores fewer")
    return found


def decoded(pictures: list[bytes], part: Part) -> np.ndarray:
    """[n, *shape] uint8 from JPEG, which Minari uses for pictures.

    Raises:
        InvalidDataset: something else, damaged, or of another size.
    """
    if part.dtype != "uint8" or len(part.shape) != 3:
        raise InvalidDataset(f"{part.name!r} holds encoded bytes, expected numbers")
    frames = np.empty((len(pictures), *part.shape), dtype=np.uint8)
    for frame, data in zip(frames, pictures, strict=True):
        try:
            with Image.open(io.BytesIO(data[:LARGEST_PICTURE]), formats=("JPEG",)) as picture:
                if picture.size != (part.shape[1], part.shape[0]) or len(picture.getbands()) != part.shape[2]:
                    raise InvalidDataset(f"{part.name!r} has a picture of {picture.size}, expected {part.shape}")
                frame[...] = np.asarray(picture).reshape(part.shape)
        except (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, Image.DecompressionBombError) as problem:
            if isinstance(problem, InvalidDataset):
                raise
            raise InvalidDataset(f"{part.name!r} has a damaged picture; copy the dataset again") from None
    return frames


def space_of(path: Path, kind: str) -> dict[str, object]:
    """The space of `observations` or `actions` as the arrays of the first episode show it, where metadata do not."""
    with hdf5.opened(path) as file:
        episode = hdf5.group(file, "episode_0")
        if not hdf5.is_group(episode, kind):
            return _box(hdf5.array(episode, kind))
        found = nested.arrays(hdf5.group(episode, kind))
        return {"type": "Dict", "subspaces": {"/".join(keys): _box(array) for keys, array in found}}


def _box(array: h5py.Dataset) -> dict[str, object]:
    if prod(array.shape) == 0:
        raise InvalidDataset("its first episode is empty; remove it")
    return {"type": "Box", "dtype": array.dtype.name, "shape": list(array.shape[1:])}
