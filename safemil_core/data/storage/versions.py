"""Filters and merges: trajectories of datasets that are there, as recordings of which new datasets are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from safemil_core.data.formats.sizes import rows_per_block
from safemil_core.data.labels.records import Label, LabelState
from safemil_core.data.labels.store import LabelStore
from safemil_core.data.recording import CUT_OFF, NOTHING, About, Recording, Steps
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset


def recording_of(trajectories: TrajectorySet, about: About, chosen: Sequence[int] | None = None) -> Recording:
    """The chosen trajectories in this order, all where None; without labels, which `follow`.

    Raises:
        InvalidDataset: none is chosen, one twice, or one that is not there.
    """
    numbers = np.arange(len(trajectories)) if chosen is None else np.array([*chosen], dtype=np.int64)
    if not len(numbers):
        raise InvalidDataset("no trajectory is chosen; choose at least one")
    if len(np.unique(numbers)) < len(numbers) or numbers.min() < 0 or numbers.max() >= len(trajectories):
        raise InvalidDataset(f"each chosen trajectory must be there, of 0 to {len(trajectories) - 1}, and chosen once")
    place = {int(number): new for new, number in enumerate(numbers)}
    said = replace(
        about,
        n_steps=int(trajectories.lengths[numbers].sum()),
        clips={place[old]: clip for old, clip in about.clips.items() if old in place},
        labels={},
        segments={},
        tags={},
    )
    return Recording(said, _steps(trajectories, numbers))


def follow(
    origins: Mapping[int, int],
    said: LabelState,
    into: LabelStore,
    *,
    author: str,
    note: str,
    only_unsaid: bool = False,
) -> int | None:
    """Say of trajectories what is said of those that they come from, as one action; None where nothing is.

    Args:
        origins: trajectory -> the one that it comes from.
        said: of the dataset where those are.
        into: the labels of the dataset where the trajectories are.
        author: who wants it.
        note: why.
        only_unsaid: as of `LabelStore.bring_in`.
    """
    labels = {new: cast(Label, str(said.labels[old])) for new, old in origins.items() if said.labels[old] != "none"}
    members = {tag: set(tagged) for tag, tagged in said.tags.items()}
    tags = {tag: tuple(new for new, old in origins.items() if old in tagged) for tag, tagged in members.items()}
    return into.bring_in(
        labels,
        {new: said.segments[old] for new, old in origins.items() if old in said.segments},
        {tag: tagged for tag, tagged in tags.items() if tagged},
        reasons={new: str(said.reasons[origins[new]]) for new in labels if said.reasons[origins[new]]},
        author=author,
        note=note,
        origin="parent",
        only_unsaid=only_unsaid,
    )


def _steps(every: TrajectorySet, numbers: np.ndarray) -> Iterator[Steps]:
    """Runs of neighbours together, in blocks of about 8 MB."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    row_bytes = sum(int(array[:1].nbytes) for array in (every.observations, every.actions, *every.images.values()))
    most = rows_per_block(row_bytes)
    for run in np.split(numbers, breaks):
        first, last = int(run[0]), int(run[-1]) + 1
        for start in range(int(every.offsets[first]), int(every.offsets[last]), most):
            yield _block(every, start, min(start + most, int(every.offsets[last])))


def _block(every: TrajectorySet, start: int, stop: int) -> Steps:
    """Steps `start` to `stop`, wherever in trajectories they are."""
    ending = np.arange(*np.searchsorted(every.offsets[1:], [start + 1, stop + 1]))
    ends = np.zeros(stop - start, dtype=np.uint8)
    ends[every.offsets[1:][ending] - 1 - start] = CUT_OFF if every.ends is None else every.ends[ending]
    finals = every.final_observations
    return Steps(
        observations=every.observations[start:stop],
        actions=every.actions[start:stop],
        ends=ends,
        rewards=None if every.rewards is None else every.rewards[start:stop],
        costs=None if every.costs is None else every.costs[start:stop],
        states=None if every.states is None else every.states[start:stop],
        images={name: array[start:stop] for name, array in every.images.items()} or NOTHING,
        final_observations=None if finals is None else finals[ending],
        final_images={name: array[ending] for name, array in every.final_images.items()} or NOTHING,
    )


def same_trajectories(here: np.ndarray, there: np.ndarray) -> dict[int, int]:
    """Trajectory by trajectory of another dataset with equal content.

    Args:
        here: [N, 16] keys of the dataset.
        there: [M, 16] keys of the other; where several are equal, the first counts.
    """
    first: dict[bytes, int] = {}
    for number, key in enumerate(there):
        first.setdefault(key.tobytes(), number)
    return {number: first[key.tobytes()] for number, key in enumerate(here) if key.tobytes() in first}
