"""Dictionaries of observations and actions as one flat vector a step, and back. Not how a format spells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count, pairwise

import h5py
import numpy as np

from safemil_core.data.formats import hdf5, notes
from safemil_core.data.formats.flat_arrays import require_exact
from safemil_core.data.recording import DTYPES, NOTHING, About, Part
from safemil_core.errors import InvalidDataset

SMALLEST_IMAGE = 32
"""Pixels of the shorter side. Smaller arrays are the cells of a grid world, numbers rather than pictures."""
Pictures = Mapping[str, np.ndarray]
"""[n, height, width, channels] uint8 by name."""

Found = tuple[tuple[str, ...], h5py.Dataset]
"""An array and the keys that lead to it."""

DEEPEST = 16
MOST_PARTS = 4096
MOST_NUMBERS = 2**24
"""Of one part in one step."""


def part(name: str, shape: tuple[int, ...], dtype: np.dtype, n_choices: int | None = None) -> Part:
    """What an array of this type and shape a step is: floating-point numbers become float32, a grey picture (h, w, 1).

    Raises:
        InvalidDataset: it holds no numbers, or more in one step than any observation has.
    """
    kept = "float32" if dtype.kind == "f" else dtype.name
    if kept not in DTYPES:
        raise InvalidDataset(f"{name!r} holds {dtype}, expected numbers")
    if dtype == np.uint8 and len(shape) == 2 and min(shape) >= SMALLEST_IMAGE:
        shape = (*shape, 1)
    found = Part(name, shape, kept, n_choices)
    if found.size > MOST_NUMBERS:
        raise InvalidDataset(f"{name!r} has {found.size} numbers a step, more than {MOST_NUMBERS}; leave it out")
    return found


def is_image(of: Part) -> bool:
    """Whether it is a picture, (height, width, channels) of uint8, and so stays out of the flat vector."""
    return (
        of.dtype == "uint8"
        and len(of.shape) == 3
        and min(of.shape[:2]) >= SMALLEST_IMAGE
        and 1 <= of.shape[2] <= 4
        and of.n_choices is None
    )


def arrays(group: h5py.Group) -> Iterator[Found]:
    """Every array below an HDF5 group with the keys that lead to it, checked by `hdf5.array`.

    Raises:
        InvalidDataset: a link, a type that is not numbers, or groups within groups without an end.
    """
    return _below(group, (), count())


def _below(group: h5py.Group, keys: tuple[str, ...], seen: Iterator[int]) -> Iterator[Found]:
    for key in hdf5.members(group):
        if len(keys) > DEEPEST or next(seen) >= MOST_PARTS:
            raise InvalidDataset(f"it nests deeper than {DEEPEST} groups, or into more than {MOST_PARTS}; flatten it")
        if hdf5.is_group(group, key):
            yield from _below(hdf5.group(group, key), (*keys, key), seen)
        else:
            yield (*keys, key), hdf5.array(group, key)


def find(group: h5py.Group, keys: tuple[str, ...]) -> h5py.Dataset:
    """The array that the keys lead to, each of them checked: HDF5 itself would follow a link on the way."""
    for key in keys[:-1]:
        group = hdf5.group(group, key)
    return hdf5.array(group, keys[-1])


def flat(parts: tuple[Part, ...], columns: Mapping[str, np.ndarray], n: int) -> np.ndarray:
    """The flat vectors of `n` steps.

    Args:
        parts: of the vector, in order.
        columns: [n, *shape] by the name of the part.
        n: steps.

    Returns:
        [n, sum of sizes] float32.

    Raises:
        InvalidDataset: a column has another shape, or a choice that is not one of its part's.
    """
    vectors = np.empty((n, sum(one.size for one in parts)), dtype=np.float32)
    for one, place in zip(parts, _places(parts), strict=True):
        column = columns[one.name]
        _check_size(one, column, n)
        require_exact(column)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found, and named, by the builder
            vectors[:, place] = column.reshape(n, one.size)
    check_choices(parts, vectors)
    return vectors


def pictures(parts: tuple[Part, ...], columns: Mapping[str, np.ndarray], n: int) -> Pictures:
    """[n, height, width, channels] uint8 by name, of `n` steps.

    Raises:
        InvalidDataset: a column has another shape or type.
    """
    for one in parts:
        _check_size(one, columns[one.name], n)
        if columns[one.name].dtype != np.uint8:
            raise InvalidDataset(f"{one.name!r} holds {columns[one.name].dtype}, expected pictures of uint8")
    return {one.name: columns[one.name].reshape(n, *one.shape) for one in parts} or NOTHING


def _check_size(of: Part, column: np.ndarray, n: int) -> None:
    if column.size != n * of.size:
        raise InvalidDataset(f"{of.name!r} has shape {column.shape}, expected {(n, *of.shape)}")


def check_choices(parts: tuple[Part, ...], vectors: np.ndarray) -> None:
    """Raises InvalidDataset where a discrete value is none of its choices."""
    for one, place in zip(parts, _places(parts), strict=True):
        values = vectors[:, place]
        if one.n_choices is not None and values.size and not (values.min() >= 0 and values.max() < one.n_choices):
            raise InvalidDataset(
                f"{one.name!r} has values from {values.min():g} to {values.max():g}, "
                f"expected one of its choices 0 to {one.n_choices - 1}"
            )


def columns(parts: tuple[Part, ...], vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Flat vectors [n, sum of sizes] taken apart: [n, *shape] by name, in the type that each part came with."""
    return {
        one.name: vectors[:, place].reshape(len(vectors), *one.shape).astype(one.dtype)
        for one, place in zip(parts, _places(parts), strict=True)
    }


def completed(
    found: About, text: str | None, *, joined_actions: bool = False, place: notes.Place = notes.by_name
) -> tuple[About, bool]:
    """What a file's arrays say of it, completed by our notes in it, where it has them.

    Args:
        found: with the parts as the arrays have them.
        text: the notes.
        joined_actions: all of an action lies in one array, so that only the notes know its parts.
        place: where a part lies, which a file may have to call something although it has no name.

    Returns:
        The completed one, whose parts are those of `found` in the order and of the types that the notes say, and
        whether the file's final observations are true ones.

    Raises:
        InvalidDataset: the notes are damaged.
    """
    if text is None:
        return found, True
    said, knows_final_observations = notes.from_json(text, found, place)
    about = replace(
        said,
        observations=_agreed(found.observations, said.observations, place),
        actions=said.actions if joined_actions else _agreed(found.actions, said.actions, place),
        images=_agreed(found.images, said.images, place),
        facts={**found.facts, **said.facts},
    )
    return about, knows_final_observations


def _agreed(found: tuple[Part, ...], said: tuple[Part, ...], place: notes.Place) -> tuple[Part, ...]:
    same = sorted((place(one), one.shape) for one in found) == sorted((place(one), one.shape) for one in said)
    return said if same else found


def keys(of: Part) -> tuple[str, ...]:
    """Where a part lies in nested groups; () for one without a name.

    Raises:
        InvalidDataset: its name cannot be written as a path.
    """
    path = tuple(of.name.split("/")) if of.name else ()
    if any(key in ("", ".") or "\0" in key for key in path):
        raise InvalidDataset(f"{of.name!r} cannot be the name of an array in a file; rename it")
    return path


def check_paths(paths: Iterable[tuple[str, ...]]) -> None:
    """Raises InvalidDataset where two parts would be written in one place, or one within the other."""
    seen: set[tuple[str, ...]] = set()
    for path in sorted(paths):  # what lies within a path follows it
        inside = {path[:length] for length in range(len(path) + 1)} & seen
        if inside:
            raise InvalidDataset(f"{'/'.join(path)!r} lies where {'/'.join(inside.pop())!r} is; rename one of the two")
        seen.add(path)


def _places(parts: tuple[Part, ...]) -> list[slice]:
    ends = np.cumsum([0, *(one.size for one in parts)]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]
