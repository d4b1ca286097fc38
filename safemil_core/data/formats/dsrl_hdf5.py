"""DSRL's and D4RL's HDF5 layout: flat arrays over all steps; an episode ends where `terminals` or `timeouts` is true.

Sources: https://github.com/liuzuxin/DSRL (offline_env.py), https://github.com/Farama-Foundation/D4RL (offline_env.py).
D4RL has no costs, and `timeouts` and `next_observations` only sometimes. Both loaders read every array of a file, and
OSRL indexes each by step; so all that `write` adds has one row a step, and what is not an array is an attribute.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from safemil_core.data.curated import Curated, CuratedTrajectory
from safemil_core.data.formats import hdf5, notes
from safemil_core.data.formats.flat_arrays import Ends, as_floats, of_part, part_of
from safemil_core.data.formats.nested import SMALLEST_IMAGE
from safemil_core.data.recording import (
    CUT_OFF,
    NOTHING,
    REFERENCES,
    TERMINATED,
    About,
    Options,
    Part,
    Recording,
    Steps,
)
from safemil_core.errors import InvalidDataset

_FLAGS = ("terminals", "timeouts")
CHUNK_BYTES = 2**18
"""Of the chunks that are written: a few fit into the library's cache, and each is decoded by one thread."""


def detect(path: Path) -> bool:
    """Whether the file is HDF5 at all; what is missing in it is for `read` to say."""
    return hdf5.is_hdf5(path)


def read(path: Path, options: Options) -> Recording:
    """Look at the arrays of a file; their content streams.

    Raises:
        InvalidDataset: one sentence that names the key at fault.
    """
    with hdf5.opened(path) as file:
        layout = _Layout.of(file)
        arrays = layout.arrays(file)
        _check_shapes(arrays, layout)
        text = hdf5.text(file, notes.KEY)
        about = _about(file, arrays, layout, options)
    if text is not None:
        images = about.images  # as the arrays have them
        about, knows_finals = notes.from_json(text, about)
        about = replace(about, images=images)
        layout = layout if knows_finals else replace(layout, next_flat=None, next_images={})
    return Recording(about, _steps(path, layout, options))


@dataclass(frozen=True)
class _Layout:
    """Where in the file everything is: paths of its arrays."""

    flat: str | None
    """Of the observations; None where an image is all there is."""
    next_flat: str | None
    images: Mapping[str, str]
    """By name of the part."""
    next_images: Mapping[str, str]
    per_step: tuple[str, ...]
    """Actions, flags, and where there are any rewards and costs."""

    @classmethod
    def of(cls, file: h5py.File) -> _Layout:
        observations = _array(file, "observations")
        is_image = _is_image(observations)
        if is_image:
            paths = ["observations"]
        else:
            paths = [f"images/{n}" for n in range(len(hdf5.group(file, "images")))] if "images" in file else []
        images = {(hdf5.text(_array(file, path), "name") or "")[:200]: path for path in paths}
        return cls(
            flat=None if is_image else "observations",
            next_flat="next_observations" if not is_image and "next_observations" in file else None,
            images=images,
            next_images={name: f"next_{path}" for name, path in images.items() if f"next_{path}" in file},
            per_step=("actions", *(key for key in (*_FLAGS, "rewards", "costs") if key in file)),
        )

    def arrays(self, file: h5py.File) -> dict[str, h5py.Dataset]:
        """All of them, checked, by path."""
        single = [path for path in (self.flat, self.next_flat) if path]
        paths = (*single, *self.per_step, *self.images.values(), *self.next_images.values())
        return {path: _array(file, path) for path in paths}


def _is_image(observations: h5py.Dataset) -> bool:
    """Whether they are pictures and not small grids of numbers; those of an export have a name, whatever their size."""
    if observations.ndim != 4 or observations.dtype != np.uint8:
        return False
    return min(observations.shape[1:3]) >= SMALLEST_IMAGE or "name" in observations.attrs


def _array(file: h5py.File, path: str) -> h5py.Dataset:
    folder, _, key = path.rpartition("/")
    return hdf5.array(hdf5.group(file, folder) if folder else file, key)


def _check_shapes(arrays: Mapping[str, h5py.Dataset], layout: _Layout) -> None:
    first = next(iter(arrays))
    n_steps = len(arrays[first]) if arrays[first].shape else 0
    for path, array in arrays.items():
        shape, is_whole = array.shape, array.dtype.kind in "iu"
        if path in (layout.flat, layout.next_flat, "actions"):
            if len(shape) < (1 if is_whole else 2):
                raise InvalidDataset(f"{path!r} has rank {len(shape)}, expected 2 (steps, dimensions)")
            if 0 in shape[1:] and (path == "actions" or not layout.images):
                raise InvalidDataset(f"{path!r} has no dimensions")
        elif path in layout.per_step:
            if shape[1:] not in ((), (1,)) or not shape:
                raise InvalidDataset(f"{path!r} has shape {shape}, expected one value a step")
        elif len(shape) != 4 or array.dtype != np.uint8:
            raise InvalidDataset(
                f"{path!r} has {array.dtype} of shape {shape}, expected images: (steps, h, w, c) uint8"
            )
        if shape[0] != n_steps:
            raise InvalidDataset(f"{path!r} has {shape[0]} steps, {first!r} has {n_steps}; they must be equal")
    if n_steps == 0:
        raise InvalidDataset("it holds no steps")


def _about(file: h5py.File, arrays: Mapping[str, h5py.Dataset], layout: _Layout, options: Options) -> About:
    observations = (_part(arrays[layout.flat]),) if layout.flat and np.prod(arrays[layout.flat].shape[1:]) else ()
    actions = (_part(arrays["actions"]),)
    return About(
        observations=observations,
        actions=actions,
        images=tuple(replace(_part(arrays[path]), name=name) for name, path in layout.images.items()),
        has_rewards="rewards" in arrays,
        has_costs="costs" in arrays,
        n_steps=len(arrays["actions"]),
        env_id=(hdf5.text(file, "env_id") or "")[:200] or None,
        observation_names=_names(file, "observation_names", observations),
        action_names=_names(file, "action_names", actions),
        references=_references(file),
        notes=_clues(arrays, options),
    )


def _part(array: h5py.Dataset) -> Part:
    """What one array says of its values: a column of whole numbers from 0 on are choices."""
    part = part_of(array.dtype, array.shape[1:])
    if array.dtype.kind not in "iu" or part.size != 1 or array.ndim > 2:
        return part
    bounds = [(block["it"].min(), block["it"].max()) for block in hdf5.blocks({"it": array})]
    low, high = int(min(low for low, _ in bounds)), int(max(high for _, high in bounds))
    return Part(dtype=part.dtype, n_choices=high + 1 if low >= 0 else None)


def _clues(arrays: Mapping[str, h5py.Dataset], options: Options) -> tuple[str, ...]:
    """Notes on where episodes end, having looked at the flags (they are small).

    Raises:
        InvalidDataset: nothing says where, or a flag is not a number.
    """
    flags = [key for key in _FLAGS if key in arrays]
    if options.episode_length is not None:
        return ()
    if not flags:
        raise InvalidDataset("nothing says where episodes end: 'terminals' is missing; give the episode length")
    if not any((block[key] != 0).any() for key in flags for block in hdf5.blocks({key: arrays[key]})):
        said = "neither 'terminals' nor 'timeouts' is" if len(flags) == 2 else f"{flags[0]!r} is not"
        raise InvalidDataset(f"no episode ends: {said} true at any step; give the episode length")
    if "timeouts" in flags:
        return ()
    return (
        "it has no 'timeouts', so episodes end at 'terminals' alone; where time limits cut, give the episode length",
    )


def _steps(path: Path, layout: _Layout, options: Options) -> Iterator[Steps]:
    ends = Ends(options.episode_length)
    with hdf5.opened(path) as file:
        for block in hdf5.blocks(layout.arrays(file)):
            yield _block(block, layout, ends)


def _block(block: Mapping[str, np.ndarray], layout: _Layout, ends: Ends) -> Steps:
    flags = {key: block[key] for key in _FLAGS if key in block}
    for key, flag in flags.items():
        if flag.dtype.kind == "f" and not np.isfinite(flag).all():
            raise InvalidDataset(f"{key!r} has a value that is not finite; it must be 0 or 1 at each step")
    n = len(block["actions"])
    codes = ends.of(flags, n)
    last = codes != 0
    return Steps(
        observations=as_floats(block[layout.flat]) if layout.flat else np.zeros((n, 0), np.float32),
        actions=as_floats(block["actions"]),
        ends=codes,
        rewards=as_floats(block["rewards"]).reshape(-1) if "rewards" in block else None,
        costs=as_floats(block["costs"]).reshape(-1) if "costs" in block else None,
        images={name: block[path] for name, path in layout.images.items()} or NOTHING,
        final_observations=_finals(block, layout, last),
        final_images={name: block[path][last] for name, path in layout.next_images.items()} or NOTHING,
    )


def _finals(block: Mapping[str, np.ndarray], layout: _Layout, last: np.ndarray) -> np.ndarray | None:
    if layout.next_flat:
        return as_floats(block[layout.next_flat][last])
    return np.zeros((int(last.sum()), 0), np.float32) if layout.next_images and not layout.flat else None


def _names(file: h5py.File, key: str, parts: tuple[Part, ...]) -> tuple[str, ...]:
    """The names that the file gives its dimensions, if it gives one each."""
    try:
        names = json.loads(hdf5.text(file, key) or "")
    except (ValueError, RecursionError):
        return ()
    if isinstance(names, list) and len(set(map(str, names))) == len(names) == sum(part.size for part in parts):
        return tuple(str(name)[:40] for name in names)
    return ()


def _references(file: h5py.File) -> dict[str, float]:
    values = {key: hdf5.attribute(file, key) for key in REFERENCES}
    return {key: float(v) for key, v in values.items() if isinstance(v, (int, float, np.number)) and np.isfinite(v)}


def write(curated: Curated, path: Path) -> None:
    """Write a file that DSRL's, D4RL's and OSRL's loaders read, trajectory by trajectory."""
    with h5py.File(path, "w") as file:
        arrays = _created(file, curated)
        at = 0
        for one in curated:
            for key, values in _rows_of(one, curated).items():
                arrays[key][at : at + len(one)] = values
            at += len(one)
        for key, value in _attributes(curated).items():
            file.attrs[key] = value


def _created(file: h5py.File, curated: Curated) -> dict[str, h5py.Dataset]:
    """Empty arrays of one row a step, by path."""
    arrays = {}
    for key, values in _rows_of(next(iter(curated)), curated).items():
        shape = (curated.n_steps, *values.shape[1:])
        rows = max(1, min(shape[0], CHUNK_BYTES // max(1, values[:1].nbytes)))
        packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        arrays[key] = file.create_dataset(
            key, shape, values.dtype, **({"chunks": (rows, *shape[1:]), **packed} if 0 not in shape else {})
        )
    for index, part in enumerate(curated.about.images):
        arrays[_image_path(curated.about, index)].attrs["name"] = part.name
    return arrays


def _image_path(about: About, index: int) -> str:
    """One image and nothing else is the observation, as in D4RL's files of images; others lie beside it."""
    return "observations" if not about.observations and len(about.images) == 1 else f"images/{index}"


def _rows_of(one: CuratedTrajectory, curated: Curated) -> dict[str, np.ndarray]:
    """All that is written of one trajectory, by path: T rows each."""
    about, n = curated.about, len(one)
    last = np.arange(n) == n - 1
    rows: dict[str, np.ndarray] = {"observations": _typed(one.observations, about.observations)}
    final = one.observations[-1] if one.final_observation is None else one.final_observation
    rows["next_observations"] = _typed(np.concatenate([one.observations[1:], final[None]]), about.observations)
    for index, part in enumerate(about.images):
        path, images = _image_path(about, index), one.images[part.name]
        rows[path] = images
        if part.name in one.final_images:
            rows[f"next_{path}"] = np.concatenate([images[1:], one.final_images[part.name][None]])
        elif path == "observations":
            rows["next_observations"] = np.concatenate([images[1:], images[-1:]])
    rows["actions"] = _typed(one.actions, about.actions)
    per_step = {"rewards": one.rewards, "costs": one.costs, "learned_costs": one.learned_costs}
    rows |= {key: values for key, values in per_step.items() if values is not None}
    rows["terminals"] = last & bool(one.end & TERMINATED)
    rows["timeouts"] = last & bool(one.end & CUT_OFF)
    if one.weight is not None:
        rows["weights"] = np.full(n, one.weight, np.float32)
    return rows


def _typed(flat: np.ndarray, parts: tuple[Part, ...]) -> np.ndarray:
    """A single part as it was, several of them as one flat vector. Small pictures among the numbers stay flat."""
    if len(parts) != 1:
        return flat
    if len(parts[0].shape) == 3 and parts[0].dtype == "uint8":
        return flat.astype(np.uint8)
    values = of_part(flat, parts, 0)
    return values if values.ndim > 1 else values[:, None]


def _attributes(curated: Curated) -> dict[str, Any]:
    about = curated.about
    return {
        notes.KEY: notes.to_json(curated),
        **({"env_id": about.env_id} if about.env_id else {}),
        **({"observation_names": json.dumps(about.observation_names)} if about.observation_names else {}),
        **({"action_names": json.dumps(about.action_names)} if about.action_names else {}),
        **{key: value for key, value in about.references.items() if key in REFERENCES},
    }
