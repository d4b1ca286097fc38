"""DSRL's HDF5 layout: flat arrays over all steps; an episode ends where `terminals` or `timeouts` is true.

Source: https://github.com/liuzuxin/DSRL (offline_env.py). Attributes are ours: DSRL's and OSRL's loaders ignore them.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from safemil_core.data.formats.imported import Imported
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset

REQUIRED = ("observations", "actions", "terminals", "timeouts")
REFERENCES = ("random_return", "random_cost", "constrained_return", "constrained_cost")
ATTRIBUTES = ("env_id", "observation_names", "action_names", *REFERENCES)
"""No others are read: HDF5 can hang on a damaged one."""
LARGEST_BYTES = 8 * 2**30
"""Of one array: it is read into memory whole."""


def detect(path: Path) -> bool:
    """Whether the file is HDF5 at all; what is missing in it is for `read` to say."""
    return bool(h5py.is_hdf5(path))


def read(path: Path) -> Imported:
    """Read and check a whole file.

    Raises:
        InvalidDataset: one sentence that names the file and the key, trajectory and step at fault.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = {
                key: _array(file, key) for key in (*REQUIRED, "rewards", "costs") if key in file or key in REQUIRED
            }
            attributes = {key: file.attrs[key] for key in ATTRIBUTES if key in file.attrs}
    except InvalidDataset as problem:
        raise InvalidDataset(f"{path.name}: {problem}") from None
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError, MemoryError) as problem:
        # All that h5py is known to raise on bytes that are not what they claim to be.
        raise InvalidDataset(f"{path.name} is damaged or cut short ({problem}); copy it again") from None
    try:
        return _imported(arrays, attributes)
    except InvalidDataset as problem:
        raise InvalidDataset(f"{path.name}: {problem}") from None


def _array(file: h5py.File, key: str) -> np.ndarray:
    """One array, refused if reading it would follow a link, read another file or unpack to more than the limit."""
    link = file.get(key, getlink=True)
    if link is None:
        raise InvalidDataset(f"the array {key!r} is missing; a DSRL file has {', '.join(REQUIRED)}, rewards, costs")
    if not isinstance(link, h5py.HardLink):
        raise InvalidDataset(f"{key!r} is a link to somewhere else; store the array itself")
    array = file[key]
    if not isinstance(array, h5py.Dataset):
        raise InvalidDataset(f"{key!r} is a group, expected an array")
    if array.external is not None or array.is_virtual:
        raise InvalidDataset(f"{key!r} keeps its data in another file; store the array itself")
    if array.dtype.kind not in "fiub":
        raise InvalidDataset(f"{key!r} holds {array.dtype}, expected numbers")
    if array.size and array.id.get_storage_size() == 0:
        raise InvalidDataset(f"{key!r} declares {array.size} values but stores none")
    if array.size * max(array.dtype.itemsize, 4) > LARGEST_BYTES:
        raise InvalidDataset(f"{key!r} unpacks to more than {LARGEST_BYTES >> 30} GiB; split the file")
    return np.asarray(array[()])


def _imported(arrays: dict[str, np.ndarray], attributes: dict[str, object]) -> Imported:
    flat = {key: _shaped(key, array) for key, array in arrays.items()}
    n_steps = len(flat["observations"])
    if n_steps == 0:
        raise InvalidDataset("it holds no steps")
    for key, array in flat.items():
        if len(array) != n_steps:
            raise InvalidDataset(f"{key!r} has {len(array)} steps, 'observations' has {n_steps}; they must be equal")
    flags = {key: flat.pop(key) for key in ("terminals", "timeouts")}
    ends = np.flatnonzero((flags["terminals"] != 0) | (flags["timeouts"] != 0)) + 1
    if len(ends) == 0:
        raise InvalidDataset("no episode ends: neither 'terminals' nor 'timeouts' is true at any step")
    offsets = np.concatenate([[0], ends]).astype(np.int64)
    kept = {key: array[: offsets[-1]] for key, array in flat.items()}
    for key, array in {**kept, **{key: flag[: offsets[-1]] for key, flag in flags.items()}}.items():
        _check_finite(key, array, offsets)
    left_out = n_steps - int(offsets[-1])
    return Imported(
        trajectories=TrajectorySet(offsets=offsets, **kept),
        env_id=_text(attributes.get("env_id")),
        observation_names=_names(attributes.get("observation_names"), kept["observations"].shape[1]),
        action_names=_names(attributes.get("action_names"), kept["actions"].shape[1]),
        references=_references(attributes),
        notes=(f"{left_out} steps after the last episode end are left out",) if left_out else (),
    )


def _shaped(key: str, array: np.ndarray) -> np.ndarray:
    """Observations and actions as [n, d], everything else as [n] (DSRL also stores n x 1), all float32."""
    wide = key in ("observations", "actions")
    if wide and array.ndim != 2:
        raise InvalidDataset(f"{key!r} has rank {array.ndim}, expected 2 (steps, dimensions)")
    if wide and array.shape[1] == 0:
        raise InvalidDataset(f"{key!r} has no dimensions")
    if not wide and not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise InvalidDataset(f"{key!r} has shape {array.shape}, expected one value a step")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    return numbers if wide else numbers.reshape(-1)


def _check_finite(key: str, array: np.ndarray, offsets: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):  # inf - inf
        bad = ~np.isfinite(array if array.ndim == 1 else array.sum(axis=1, dtype=np.float64))
    if bad.any():
        step = int(np.argmax(bad))
        trajectory = int(np.searchsorted(offsets, step, side="right")) - 1
        raise InvalidDataset(
            f"{key!r} has a value that is not finite in trajectory {trajectory} at step {step - offsets[trajectory]}"
            f" ({int(bad.sum())} such steps in all); remove or repair it"
        )


def _text(value: object) -> str | None:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return text[:200] if isinstance(text, str) and text else None


def _names(value: object, count: int) -> tuple[str, ...]:
    """The names that the file gives its dimensions, if it gives one each."""
    try:
        names = json.loads(_text_of_list(value))
    except (TypeError, ValueError):
        return ()
    if isinstance(names, list) and len(names) == count and len(set(map(str, names))) == count:
        return tuple(str(name)[:40] for name in names)
    return ()


def _text_of_list(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str):
        return value
    raise TypeError


def _references(attributes: dict[str, object]) -> dict[str, float]:
    values = {key: attributes[key] for key in REFERENCES if key in attributes}
    return {key: float(v) for key, v in values.items() if isinstance(v, (int, float, np.number)) and np.isfinite(v)}
