"""Minari's spaces, which are JSON text, as parts and back. They are data: no space or environment is ever built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from safemil_core.data.formats import nested
from safemil_core.data.recording import Part
from safemil_core.errors import InvalidDataset

Key = str | int
"""Of a Dict, or the place in a Tuple."""


@dataclass(frozen=True)
class Leaf:
    """One array of a nested space."""

    keys: tuple[Key, ...]
    part: Part
    first: int = 0
    """What a discrete value counts from; SafeMIL counts from 0."""


@dataclass(frozen=True)
class Space:
    """A space taken apart."""

    leaves: tuple[Leaf, ...]
    left_out: tuple[str, ...]
    """Names of leaves that hold no numbers, with their type: "mission (Text)"."""

    @property
    def images(self) -> tuple[Leaf, ...]:
        """Those that stay out of the flat vector."""
        return tuple(leaf for leaf in self.leaves if nested.is_image(leaf.part))

    @property
    def vector(self) -> tuple[Leaf, ...]:
        """Those that make the flat vector."""
        return tuple(leaf for leaf in self.leaves if not nested.is_image(leaf.part))


def parsed(space: object) -> Space:
    """A space as `minari.serialization` writes it, already parsed as JSON.

    Raises:
        InvalidDataset: it is not a space.
    """
    try:
        found = list(_leaves(space, ()))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as problem:
        if isinstance(problem, InvalidDataset):
            raise
        raise InvalidDataset("a space in its metadata is damaged; copy the dataset again") from None
    if len(found) > nested.MOST_PARTS:
        raise InvalidDataset(f"a space has {len(found)} parts, more than {nested.MOST_PARTS}")
    leaves = tuple(leaf for leaf in found if isinstance(leaf, Leaf))
    names = [leaf.part.name for leaf in leaves]
    if len(set(names)) != len(names):
        raise InvalidDataset("two parts of a space have the same name; rename one")
    return Space(leaves, tuple(leaf for leaf in found if isinstance(leaf, str)))


def _leaves(space: Any, keys: tuple[Key, ...]) -> Iterator[Leaf | str]:
    if len(keys) > nested.DEEPEST:
        raise InvalidDataset(f"a space is nested deeper than {nested.DEEPEST}")
    name, kind = "/".join(str(key) for key in keys), space["type"]
    if kind == "Dict":
        for key, below in dict(space["subspaces"]).items():
            yield from _leaves(below, (*keys, str(key)))
    elif kind == "Tuple":
        for place, below in enumerate(list(space["subspaces"])):
            yield from _leaves(below, (*keys, place))
    elif kind == "Box":
        yield Leaf(keys, nested.part(name, _shape(space["shape"]), np.dtype(str(space["dtype"]))))
    elif kind == "Discrete":
        yield Leaf(keys, nested.part(name, (), np.dtype(np.int64), int(space["n"])), int(space.get("start", 0)))
    elif kind == "MultiBinary":
        n = space["n"]
        yield Leaf(keys, nested.part(name, _shape(n if isinstance(n, list) else [n]), np.dtype(np.int8), 2))
    elif kind == "MultiDiscrete":
        yield _multi_discrete(space, keys, name)
    else:
        yield f"{name or 'it'} ({str(kind)[:40]})"


def _multi_discrete(space: Mapping[str, Any], keys: tuple[Key, ...], name: str) -> Leaf:
    """Its choices are kept where each of its numbers has equally many and counts from 0; else it is whole numbers."""
    n = np.asarray(space["nvec"], dtype=np.int64)
    even = n.size and (n == n.flat[0]).all() and not np.any(space.get("start", 0))
    dtype = np.dtype(str(space.get("dtype", "int64")))
    return Leaf(keys, nested.part(name, n.shape, dtype, int(n.flat[0]) if even else None))


def _shape(sizes: Any) -> tuple[int, ...]:
    shape = tuple(int(size) for size in sizes)
    if len(shape) > nested.DEEPEST or any(size < 0 for size in shape):
        raise ValueError
    return shape


def path(of: Part) -> tuple[str, ...]:
    """Where one of several parts lies; one without a name gets one."""
    return nested.keys(of) or ("flat",)


def serialized(parts: tuple[Part, ...]) -> dict[str, Any]:
    """The space of these parts, to be written as JSON: a Dict where they have names.

    Raises:
        InvalidDataset: one part's name is a folder of another's.
    """
    if len(parts) == 1 and not parts[0].name:
        return _leaf(parts[0])
    nested.check_paths(path(one) for one in parts)
    space: dict[str, Any] = {"type": "Dict", "subspaces": {}}
    for one in parts:
        *folders, last = path(one)
        within = space
        for key in folders:
            within = within["subspaces"].setdefault(key, {"type": "Dict", "subspaces": {}})
        within["subspaces"][last] = _leaf(one)
    return space


def _leaf(of: Part) -> dict[str, Any]:
    if of.n_choices is not None and of.shape == ():
        return {"type": "Discrete", "dtype": "int64", "start": 0, "n": of.n_choices}
    if of.n_choices == 2 and of.dtype == "int8":
        return {"type": "MultiBinary", "n": of.shape[0] if len(of.shape) == 1 else list(of.shape)}
    if of.n_choices is not None:
        n, zeros = np.full(of.shape, of.n_choices), np.zeros(of.shape, dtype=int)
        return {"type": "MultiDiscrete", "dtype": of.dtype, "nvec": n.tolist(), "start": zeros.tolist()}
    low, high = _bounds(of.dtype)
    return {
        "type": "Box",
        "dtype": of.dtype,
        "shape": list(of.shape),
        "low": np.full(of.shape, low).tolist(),
        "high": np.full(of.shape, high).tolist(),
    }


def _bounds(dtype: str) -> tuple[Any, Any]:
    """Of a type: what the space of the environment allowed is not known here."""
    if dtype == "bool":
        return 0, 1
    if dtype == "float32":
        return -np.inf, np.inf
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)
