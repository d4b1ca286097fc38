"""Flat arrays over all steps, whatever the file calls them: their roles, their parts, and where episodes end.

Not where the arrays lie; NPZ, tables and LeRobot have that in modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from safemil_core.data.recording import CUT_OFF, DTYPES, TERMINATED, Part
from safemil_core.errors import InvalidDataset

NAMES: Mapping[str, tuple[str, ...]] = {
    "observations": ("observations", "obs", "states"),
    "actions": ("actions", "action"),
    "rewards": ("rewards", "reward"),
    "costs": ("costs", "cost"),
    "terminals": ("terminals",),
    "timeouts": ("timeouts",),
    "dones": ("dones", "done"),
    "next_observations": ("next_observations", "next_obs", "next_states"),
}
"""By role: what DSRL and D4RL, OmniSafe (data_collector.py) and SafeDICE (main_safetygym.py) call an array."""

FLAGS: Mapping[str, int] = {"terminals": TERMINATED, "timeouts": CUT_OFF, "dones": CUT_OFF}
"""What a flag says of a step. OmniSafe's and SafeDICE's `done` is either of the two, so it claims no termination."""


def roles(names: Iterable[str]) -> dict[str, str]:
    """The name of the array that plays each role, where there is one."""
    there = set(names)
    found = {role: [name for name in known if name in there] for role, known in NAMES.items()}
    return {role: name for role, (name, *_) in ((r, f) for r, f in found.items() if f)}


def part_of(dtype: np.dtype, shape: tuple[int, ...], name: str = "") -> Part:
    """The part that an array of numbers is, by the shape of one step's value."""
    return Part(name, shape, dtype.name if dtype.name in DTYPES else "float32")


LARGEST_EXACT = 2**24
"""Up to here float32 has all whole numbers."""


def require_exact(array: np.ndarray) -> None:
    """Whether whole numbers stay apart in float32: counters and times of day may not.

    Raises:
        InvalidDataset: they are rounded.
    """
    if array.dtype.kind not in "iuf" or array.dtype.itemsize < 4 or array.dtype == np.float32 or not array.size:
        return
    largest, is_float = max(abs(float(array.min())), abs(float(array.max()))), array.dtype.kind == "f"
    if largest <= LARGEST_EXACT or (is_float and largest > 2**53):  # from there on every float64 is whole
        return
    if is_float and not (array == np.round(array)).all():
        return
    with np.errstate(over="ignore"):
        rounded = array[array != array.astype(np.float32).astype(np.float64)]
    if rounded.size:
        raise InvalidDataset(
            f"whole numbers above {LARGEST_EXACT:,} like {rounded[0]:.0f} would be rounded, and may all become one; "
            "subtract what they have in common, or leave them out"
        )


def as_floats(array: np.ndarray) -> np.ndarray:
    """[n, d] float32 of any array of numbers [n, ...]; what float32 cannot hold becomes infinite. Raises like
    `require_exact`."""
    require_exact(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32).reshape(len(array), -1 if array.size else _width(array))


def _width(array: np.ndarray) -> int:
    return int(np.prod(array.shape[1:], dtype=np.int64))


def joined(arrays: Iterable[np.ndarray], n: int) -> np.ndarray:
    """[n, O] float32: arrays [n, ...] side by side, of which there may be none."""
    flat = [as_floats(array) for array in arrays]
    if len(flat) == 1:
        return flat[0]
    return np.concatenate(flat, axis=1) if flat else np.zeros((n, 0), dtype=np.float32)


def of_part(flat: np.ndarray, parts: tuple[Part, ...], index: int) -> np.ndarray:
    """[n, *shape], of the part's own type: its piece of flat vectors [n, O]."""
    part, before = parts[index], sum(part.size for part in parts[:index])
    return flat[:, before : before + part.size].astype(part.dtype).reshape(len(flat), *part.shape)


@dataclass
class Ends:
    """Where episodes end: at flags, and after `length` steps where a length is given."""

    length: int | None = None
    elapsed: int = 0
    """Steps since the last end, carried from block to block."""

    def __post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise InvalidDataset(f"an episode of {self.length} steps makes no sense; give a length of 1 or more")

    def of(self, flags: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """[n] uint8 bits of the next `n` steps, by the flags [n] of `FLAGS` that the file has."""
        ends = np.zeros(n, dtype=np.uint8)
        for role, flag in flags.items():
            if flag.dtype.kind == "f" and not np.isfinite(flag).all():
                raise InvalidDataset(f"{role!r} has a value that is not finite; it must be 0 or 1 at each step")
            ends |= np.where(flag.reshape(-1) != 0, FLAGS[role], 0).astype(np.uint8)
        if self.length is not None:
            self._cut(ends, self.length)
        return ends

    def _cut(self, ends: np.ndarray, length: int) -> None:
        start = -self.elapsed
        for stop in (np.flatnonzero(ends) + 1).tolist():
            ends[start + length - 1 : stop : length] |= CUT_OFF
            start = stop
        ends[start + length - 1 :: length] |= CUT_OFF
        self.elapsed = (len(ends) - start) % length
