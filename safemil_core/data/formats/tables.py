"""Long tables, one row a step: which column is what, and rows to steps. Shared by CSV and Parquet.

Not how a file gives its rows (`csv_table`, `parquet_table`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from safemil_core.data.formats import flat_arrays
from safemil_core.data.formats.flat_arrays import Ends
from safemil_core.data.formats.parquet_files import in_one_sentence, numbers
from safemil_core.data.formats.row_order import with_last
from safemil_core.data.recording import CUT_OFF, NOTHING, About, Options, Part, Steps
from safemil_core.errors import InvalidDataset

SINGLE: Mapping[str, tuple[str, ...]] = {
    "trajectory": ("trajectory", "trajectory_id", "traj", "traj_id", "episode", "episode_index", "episode_id", "ep"),
    "step": ("step", "step_index", "frame_index", "timestep", "time_step", "t", "frame", "time", "timestamp"),
    "reward": ("reward", "rewards", "next.reward", "r"),
    "cost": ("cost", "costs", "next.cost"),
    "terminated": ("terminated", "terminal", "terminals", "terminations", "done", "dones", "next.done"),
    "truncated": ("truncated", "truncations", "timeout", "timeouts", "next.truncated"),
}
"""Names by which columns are recognised, the likelier first; upper and lower case are one."""

SEVERAL: Mapping[str, re.Pattern[str]] = {
    "observations": re.compile(
        r"(?:(?:observations?|obs|states?)[._/ \[]?|s)(\d{1,9})\]?|(?:observations?|obs|states?)[._/](.+)", re.I
    ),
    "actions": re.compile(r"(?:(?:actions?|act)[._/ \[]?|[au])(\d{1,9})\]?|(?:actions?|act)[._/](.+)", re.I),
}
"""Patterns of the columns that make a vector."""

ALONE: Mapping[str, tuple[str, ...]] = {
    "observations": ("observation", "observations", "obs", "state", "states"),
    "actions": ("action", "actions", "act"),
}
"""Names of a vector of one number."""

NUMBERS = ("int", "uint", "float", "double", "half", "bool")
"""How the types of numbers begin."""
TEXT_OR_NUMBERS = ("trajectory", "terminated", "truncated")


def guess(columns: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """What the columns (name, type) are likely to be, by role, to begin the dialogue with.

    A type is pyarrow's word for it, or empty where it is unknown. What fits no role is left out. Names alone decide, so
    that a stray text in a column of numbers is refused and not passed over; but a time of day is no step.
    """
    every = [name for name, _ in columns]
    found: dict[str, tuple[str, ...]] = {}
    for role, known in SINGLE.items():
        names = [name for name, kind in columns if not kind or _is_number(kind)] if role == "step" else every
        by_lower = {name.lower(): name for name in reversed(names)}
        first = next((by_lower[name] for name in known if name in by_lower), None)
        if first is not None:
            found[role] = (first,)
    for role, pattern in SEVERAL.items():
        several = _in_order(tuple(name for name in every if pattern.fullmatch(name)), pattern)
        alone = tuple(name for name in every if name.lower() in ALONE[role])
        if several or alone:
            found[role] = several or alone[:1]
    return found


def _is_number(kind: str) -> bool:
    return kind.startswith(NUMBERS)


def _in_order(names: tuple[str, ...], pattern: re.Pattern[str]) -> tuple[str, ...]:
    """By number where each has one of its own: a file may have them by the alphabet, s10 before s2."""
    numbers = _numbers_in(names, pattern)
    if numbers is None or len(set(numbers)) < len(numbers):
        return names
    return tuple(name for _, name in sorted(zip(numbers, names, strict=True)))


def _numbers_in(names: tuple[str, ...], pattern: re.Pattern[str]) -> list[int] | None:
    """The number at the end of each name; None where one has none."""
    matches = [pattern.fullmatch(name) for name in names]
    found = [int(match[1]) for match in matches if match and match[1]]
    return found if len(found) == len(names) else None


@dataclass(frozen=True)
class Chosen:
    """Which columns of a table are read, as what."""

    observations: tuple[str, ...]
    actions: tuple[str, ...]
    trajectory: str | None = None
    step: str | None = None
    reward: str | None = None
    cost: str | None = None
    terminated: str | None = None
    truncated: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    """By name of the part; fixed-size binary columns, of our own exports only."""
    final_observations: tuple[str, ...] | None = None
    """Filled in the last row of each trajectory, of our own exports only; empty where images are all there is."""
    final_images: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of all columns that are read."""
        single = (getattr(self, role) for role in SINGLE)
        several = (*self.observations, *self.actions, *self.images.values(), *self.final_images.values())
        return list(dict.fromkeys([*filter(None, single), *several, *(self.final_observations or ())]))


def chosen(columns: Sequence[tuple[str, str]], options: Options, images: Mapping[str, str] | None = None) -> Chosen:
    """The user's choice of columns, completed by the guess.

    Raises:
        InvalidDataset: a role or column is not there, a column of numbers holds something else, or nothing says what
            the agent saw, did, or where episodes end; or a length is given where a column says this.
    """
    kinds = dict(columns)
    names = list(kinds)
    known = (*SEVERAL, *SINGLE)
    for role in options.columns:
        if role not in known:
            raise InvalidDataset(f"there is no role {role!r} for columns; choose among {_listed(known)}")
    by_role = {**guess(columns), **options.columns}
    for role, several in by_role.items():
        for name in several:
            if name not in names:
                raise InvalidDataset(f"there is no column {name!r} for the {role}; it has {_listed(names)}")
            if role not in TEXT_OR_NUMBERS and not _is_number(kinds[name]):
                raise InvalidDataset(
                    f"the column {name[:100]!r} holds {kinds[name]}, expected numbers for the {role};"
                    " repair or rename it, or choose other columns"
                )
        if role in SINGLE and len(several) > 1:
            raise InvalidDataset(f"the {role} is one column, not {len(several)}; choose one of {_listed(several)}")
    single = {role: by_role[role][0] if by_role.get(role) else None for role in SINGLE}
    found = Chosen(
        observations=tuple(by_role.get("observations", ())),
        actions=tuple(by_role.get("actions", ())),
        trajectory=single["trajectory"],
        step=single["step"],
        reward=single["reward"],
        cost=single["cost"],
        terminated=single["terminated"],
        truncated=single["truncated"],
        images=images or {},
    )
    for role, there in (("observations", found.observations or found.images), ("actions", found.actions)):
        if not there:
            raise InvalidDataset(f"no columns are known to be {role}; choose them among {_listed(names)}")
    if found.trajectory and options.episode_length is not None:
        raise InvalidDataset(
            f"its column {found.trajectory[:100]!r} says to which trajectory a row belongs; leave the episode length"
            " out, or choose no such column"
        )
    if not (found.trajectory or found.terminated or found.truncated or options.episode_length):
        raise InvalidDataset(
            "no column says to which trajectory a row belongs; choose one, or one that says where episodes end,"
            " or give the length of an episode"
        )
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:20]) + (", ..." if len(names) > 20 else "")


def about(columns: Chosen, n_steps: int | None) -> About:
    """One vector of observations and one of actions, with names where the columns have any."""
    return About(
        observations=(Part("", (len(columns.observations),)),) if columns.observations else (),
        actions=(Part("", (len(columns.actions),)),),
        has_rewards=columns.reward is not None,
        has_costs=columns.cost is not None,
        n_steps=n_steps,
        observation_names=_short(columns.observations, SEVERAL["observations"]),
        action_names=_short(columns.actions, SEVERAL["actions"]),
    )


def _short(names: tuple[str, ...], pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The names without `observation.`; none where they are numbers that say no more than their places do."""
    if _numbers_in(names, pattern) == list(range(len(names))):
        return ()
    matches = [pattern.fullmatch(name) for name in names]
    short = tuple(match[2] if match and match[2] else name for name, match in zip(names, matches, strict=True))
    return short if len(set(short)) == len(short) else names


def steps(
    batches: Iterator[pa.RecordBatch], columns: Chosen, images: tuple[Part, ...], options: Options
) -> Iterator[Steps]:
    """Rows to steps.

    Raises:
        InvalidDataset: it names the row that is out of order, or the column that holds no numbers.
    """
    flags = Ends(options.episode_length)
    for batch, last in with_last(batches, columns.trajectory, columns.step):
        bits = _ends(batch, last, columns, flags)
        at_end = pa.array(np.flatnonzero(bits))
        yield Steps(
            observations=_vector(batch, columns.observations),
            actions=_vector(batch, columns.actions),
            ends=bits,
            rewards=_vector(batch, (columns.reward,))[:, 0] if columns.reward else None,
            costs=_vector(batch, (columns.cost,))[:, 0] if columns.cost else None,
            images={p.name: _pixels(batch.column(columns.images[p.name]), p) for p in images} or NOTHING,
            final_observations=_finals(batch, at_end, columns),
            final_images={
                p.name: _pixels(batch.column(columns.final_images[p.name]).take(at_end), p)
                for p in images
                if p.name in columns.final_images
            }
            or NOTHING,
        )


def _vector(batch: pa.RecordBatch, names: tuple[str, ...]) -> np.ndarray:
    return flat_arrays.joined((numbers(batch.column(name), name) for name in names), len(batch))


def _finals(batch: pa.RecordBatch, at_end: pa.Array, columns: Chosen) -> np.ndarray | None:
    if columns.final_observations is None:
        return None
    at_ends = ((name, batch.column(name).take(at_end)) for name in columns.final_observations)
    return flat_arrays.joined((numbers(column, name) for name, column in at_ends), len(at_end))


def _pixels(column: pa.FixedSizeBinaryArray, part: Part) -> np.ndarray:
    """[n, height, width, channels] of a column of that many bytes."""
    if column.null_count:
        raise InvalidDataset(f"an image {part.name!r} is missing; export the file again")
    n, size = len(column), part.size
    values = np.frombuffer(column.buffers()[1] or b"", dtype=np.uint8)
    return values[column.offset * size : (column.offset + n) * size].reshape(n, *part.shape)


def _ends(batch: pa.RecordBatch, last: np.ndarray | None, columns: Chosen, flags: Ends) -> np.ndarray:
    """[n] uint8 bits: where the flags say so, where there is no column for the trajectory; else at its last row."""
    said = {
        role: _flag(batch.column(name), name)
        for role, name in (("terminals", columns.terminated), ("timeouts", columns.truncated))
        if name is not None
    }
    if last is None:
        return flags.of(said, len(batch))
    bits = Ends().of(said, len(batch))
    found: np.ndarray = np.where(last, np.where(bits == 0, CUT_OFF, bits), 0).astype(np.uint8)
    return found


def _flag(column: pa.Array, name: str) -> np.ndarray:
    """[n] bool; what is missing says no."""
    if not pa.types.is_string(column.type):
        return np.asarray(np.nan_to_num(numbers(column, name)) != 0)
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(column, "")))
    yes, no = (
        pc.is_in(texts, pa.array(words)) for words in (["true", "1", "1.0", "yes"], ["false", "0", "0.0", "no", ""])
    )
    if not pc.all(pc.or_(yes, no), min_count=0).as_py():
        raise InvalidDataset(f"the column {name!r} holds other text than true and false; choose another")
    found: np.ndarray = yes.to_numpy(zero_copy_only=False)
    return found


def previewed(batch: pa.RecordBatch | None, most_columns: int = 200) -> list[dict[str, object]]:
    """The rows of a small batch for people to look at: numbers, and short text for all else."""
    if batch is None:
        return []
    with in_one_sentence():
        return [
            {name: _shown(value) for name, value in list(row.items())[:most_columns]}
            for row in batch.slice(0, PREVIEW_ROWS).to_pylist()
        ]


PREVIEW_ROWS = 20


def _shown(value: object) -> object:
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)[:40]
