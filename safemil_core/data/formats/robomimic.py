"""robomimic's HDF5 layout: a group `data/demo_i` for each trajectory. Its filter keys are in `robomimic_masks`.

Source: https://robomimic.github.io/docs/datasets/overview.html. A demonstration's simulator states are kept, so that
it can be shown again, and so is the text `env_args`: of the environment that it describes the name is read here, and
the names of its robots where they are shown (`assessment.environments.stored_states`), and no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from safemil_core.data.formats import hdf5, nested, robomimic_masks, sizes
from safemil_core.data.formats.notes import KEY
from safemil_core.data.formats.robomimic_writer import COSTS, ENV_ARGS, FLAT, STATES, TRUNCATED, keys, write
from safemil_core.data.recording import CUT_OFF, GOES_ON, TERMINATED, About, Options, Part, Recording, Steps
from safemil_core.errors import InvalidDataset

LONGEST_FACT = 100_000
STATES_DIFFER = "the simulator states are left out, because not all demonstrations have such of one size"
_DEMO = re.compile(r"demo_(0|[1-9]\d{0,8})")


def detect(path: Path) -> bool:
    """Whether the file holds demonstrations."""
    if not hdf5.is_hdf5(path):
        return False
    try:
        with hdf5.opened(path) as file:
            return hdf5.is_group(file, "data") and bool(_demos(hdf5.group(file, "data")))
    except InvalidDataset:
        return False


def read(path: Path, options: Options) -> Recording:
    """Open a file; its demonstrations, `demo_2` before `demo_10`, are read as they are asked for.

    Raises:
        InvalidDataset: one sentence that names the demonstration and what is wrong with it.
    """
    with hdf5.opened(path) as file:
        data = hdf5.group(file, "data")
        demos = _demos(data)
        if not demos:
            raise InvalidDataset("it holds no demonstrations; robomimic calls them data/demo_0, data/demo_1, ...")
        with _told_of(demos[0]):
            found = _about(hdf5.group(data, demos[0]))
        everywhere = _in_every_demo(data, demos, found)
        n_states = _n_states(data, demos)
        labels, tags, remarks = robomimic_masks.read(file, demos)
        text, env_args, total = hdf5.text(file, KEY), hdf5.text(data, ENV_ARGS) or "", hdf5.attribute(data, "total")
    found = replace(
        found,
        has_rewards="rewards" in everywhere,
        has_costs=COSTS in everywhere,
        n_states=n_states or 0,
        n_steps=int(total) if isinstance(total, (int, np.integer)) else None,
        env_id=_env_id(env_args),
        facts={ENV_ARGS: env_args} if 0 < len(env_args) <= LONGEST_FACT else {},
        notes=(*((STATES_DIFFER,) if n_states is None else ()), *remarks),
    )
    about, knows_final_observations = nested.completed(found, text, joined_actions=True, place=keys)
    # Masks go before our notes, as somebody may have changed them; but not every tag can be one.
    others = {tag: members for tag, members in about.tags.items() if not robomimic_masks.fits(tag)}
    about = replace(about, labels=labels, tags={**others, **tags})
    layout = _Layout(about, "dones" in everywhere, knows_final_observations and "next_obs" in everywhere)
    return Recording(about, _steps(path, demos, layout))


@dataclass(frozen=True)
class _Layout:
    about: About
    has_dones: bool
    knows_final_observations: bool


@contextmanager
def _told_of(demo: str) -> Iterator[None]:
    """Names the demonstration in whatever is wrong with it."""
    try:
        yield
    except InvalidDataset as problem:
        raise InvalidDataset(f"{demo}: {problem}") from None


def _demos(data: h5py.Group) -> list[str]:
    return sorted((name for name in hdf5.members(data) if _DEMO.fullmatch(name)), key=lambda name: int(name[5:]))


def _about(demo: h5py.Group) -> About:
    """The parts of the first demonstration, which all must have."""
    if "obs" not in demo:
        raise InvalidDataset("it has no observations; extract them with robomimic's dataset_states_to_obs.py")
    found = [
        nested.part("/".join(path), array.shape[1:], array.dtype)
        for path, array in nested.arrays(hdf5.group(demo, "obs"))
    ]
    vector = tuple(part for part in found if not nested.is_image(part))
    if [part.name for part in vector] == [FLAT]:
        vector = (replace(vector[0], name=""),)
    actions = hdf5.array(demo, "actions")
    return About(
        observations=vector,
        actions=(nested.part("", actions.shape[1:], actions.dtype),),
        images=tuple(part for part in found if nested.is_image(part)),
    )


def _in_every_demo(data: h5py.Group, demos: list[str], about: About) -> set[str]:
    """Which of the arrays that may be missing are there in all demonstrations."""
    everywhere = {"rewards", "dones", COSTS, "next_obs"}
    for name in demos:
        with _told_of(name):
            demo = hdf5.group(data, name)
            everywhere = {key for key in everywhere if key in demo}
            if "next_obs" in everywhere and not _has_all(hdf5.group(demo, "next_obs"), about):
                everywhere.remove("next_obs")
    return everywhere


def _n_states(data: h5py.Group, demos: list[str]) -> int | None:
    """Numbers of a simulator's state, 0 where no demonstration has one; None where they differ."""
    sizes_of = set()
    for name in demos:
        with _told_of(name):
            demo = hdf5.group(data, name)
            shape = hdf5.array(demo, STATES).shape if STATES in demo else (0, 0)
            sizes_of.add(shape[1] if len(shape) == 2 else 0)
    return sizes_of.pop() if len(sizes_of) == 1 else None


def _has_all(group: h5py.Group, about: About) -> bool:
    there = {path for path, _ in nested.arrays(group)}
    return all(keys(part) in there for part in about.observations + about.images)


def _env_id(env_args: str) -> str | None:
    try:
        name = json.loads(env_args)["env_name"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return name[:200] if isinstance(name, str) and name else None


def _steps(path: Path, demos: list[str], layout: _Layout) -> Iterator[Steps]:
    with hdf5.opened(path) as file:
        data = hdf5.group(file, "data")
        for name in demos:
            with _told_of(name):
                yield from _demo_steps(hdf5.group(data, name), layout)


def _demo_steps(demo: h5py.Group, layout: _Layout) -> Iterator[Steps]:
    about, n = layout.about, _n_steps(demo, layout)
    seen = _Observed(demo, "obs", about)
    there = {"rewards": about.has_rewards, COSTS: about.has_costs, STATES: about.n_states}
    per_step = {key: hdf5.array(demo, key) for key, is_there in there.items() if is_there}
    actions = hdf5.array(demo, "actions")
    size = 4 * (about.n_states + sum(part.size for part in about.observations + about.actions))
    size += sum(part.size for part in about.images)
    for start in range(0, n, sizes.rows_per_block(size)):
        stop = min(n, start + sizes.rows_per_block(size))
        observations, images = seen.rows(start, stop)
        values = {key: _floats(hdf5.rows(array, start, stop)) for key, array in per_step.items()}
        states = values.get(STATES)
        steps = Steps(
            observations=observations,
            actions=_actions(about, hdf5.rows(actions, start, stop)),
            ends=np.full(stop - start, GOES_ON, dtype=np.uint8),
            rewards=values.get("rewards"),
            costs=values.get(COSTS),
            states=None if states is None else states.reshape(stop - start, -1),
            images=images,
        )
        yield steps if stop < n else _ended(steps, demo, layout)


def _n_steps(demo: h5py.Group, layout: _Layout) -> int:
    """Of a demonstration whose arrays all have that many."""
    about = layout.about
    n = len(hdf5.array(demo, "actions"))
    if n == 0:
        raise InvalidDataset("it has no steps; remove it")
    paths = [("obs", *keys(part)) for part in about.observations + about.images]
    if layout.knows_final_observations:
        paths += [("next_obs", *path[1:]) for path in paths]
    flags = {"rewards": about.has_rewards, COSTS: about.has_costs, STATES: about.n_states, "dones": layout.has_dones}
    for path in [*paths, *((key,) for key, there in flags.items() if there)]:
        rows = nested.find(demo, path).shape[:1]
        if rows != (n,):
            raise InvalidDataset(f"{'/'.join(path)!r} has {rows[0] if rows else 0} rows for {n} actions")
    return n


class _Observed:
    """The observations of a demonstration, or its next ones."""

    def __init__(self, demo: h5py.Group, key: str, about: About) -> None:
        self._about = about
        group = hdf5.group(demo, key)
        self._arrays = {part.name: nested.find(group, keys(part)) for part in about.observations + about.images}

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, nested.Pictures]:
        """[n, O] float32, and pictures by name."""
        columns = {name: hdf5.rows(array, start, stop) for name, array in self._arrays.items()}
        n = stop - start
        return (
            nested.flat(self._about.observations, columns, n),
            nested.pictures(self._about.images, columns, n),
        )


def _ended(steps: Steps, demo: h5py.Group, layout: _Layout) -> Steps:
    """The last steps of a demonstration, which says how it ends and what is seen then."""
    n = len(hdf5.array(demo, "actions"))
    is_done = layout.has_dones and bool(hdf5.rows(hdf5.array(demo, "dones"), n - 1, n).any())
    is_cut = bool(hdf5.attribute(demo, TRUNCATED))
    steps.ends[-1] = (TERMINATED * is_done | CUT_OFF * is_cut) or CUT_OFF
    if not layout.knows_final_observations:
        return steps
    final, images = _Observed(demo, "next_obs", layout.about).rows(n - 1, n)
    return replace(steps, final_observations=final, final_images=images)


def _actions(about: About, values: np.ndarray) -> np.ndarray:
    whole = Part("", (sum(part.size for part in about.actions),))
    vectors = nested.flat((whole,), {"": values}, len(values))
    nested.check_choices(about.actions, vectors)
    return vectors


def _floats(values: np.ndarray) -> np.ndarray:
    return nested.flat((Part(shape=values.shape[1:]),), {"": values}, len(values)).reshape(-1)


__all__ = ["detect", "read", "write"]
