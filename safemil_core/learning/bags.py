"""Labels and trajectories -> bags: which steps of which trajectories are compared. From a seeded generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

Segments = Mapping[int, tuple[tuple[int, int], ...]]
"""First and last step of every segment in which a trajectory went wrong, by trajectory."""
NO_SEGMENTS: Segments = MappingProxyType({})


@dataclass(frozen=True)
class Bag:
    """`K` windows of at most `H` steps each."""

    steps: Tensor
    """[K, H] int64, positions in the flat arrays; where a window is shorter than H, its last step again."""

    is_step: Tensor
    """[K, H] bool, False where a window is already over."""


class BagSampler:
    """Draws bags of trajectories with replacement, and from each a window of consecutive steps.

    Trajectories are drawn uniformly. A window starts uniformly among the places where it fits whole; what is shorter
    than the window is taken whole. Where somebody has marked segments of a trajectory, its windows lie within one of
    them, and all places within all of them are equally likely: a mark of 50 steps is not worth less a step than one
    of 5, and how a mark is cut into segments changes little. Drawing costs O(K H), whatever the size of the dataset.
    """

    def __init__(
        self,
        offsets: np.ndarray,
        members: np.ndarray,
        bag_size: int,
        window: int,
        device: torch.device,
        segments: Segments = NO_SEGMENTS,
    ) -> None:
        """
        Args:
            offsets: [N + 1] where trajectories begin.
            members: trajectories to draw from; at least one.
            bag_size: K.
            window: H, or 0 for whole trajectories or segments.
            device: where the indices are made.
            segments: of trajectories, whether members or not.
        """
        if len(members) == 0:
            raise ValueError("a bag needs at least one trajectory to draw from")
        begins, lengths, owners = _spans(offsets, members, segments)
        width = min(window, int(lengths.max())) or int(lengths.max())
        # Places where a window may start, counted through all spans of all members.
        places = np.concatenate([[0], np.cumsum(np.maximum(lengths - width + 1, 1))])
        first_spans = np.searchsorted(owners, np.arange(len(members) + 1))
        self._begins, self._lengths, self._places, self._of_member = (
            torch.as_tensor(array, device=device) for array in (begins, lengths, places, places[first_spans])
        )
        self._n_members, self._bag_size = len(members), bag_size
        self._times = torch.arange(width, device=device)

    def draw(self, generator: torch.Generator) -> Bag:
        """One bag; the generator must live on the sampler's device."""
        uniform = torch.rand(2, self._bag_size, generator=generator, device=self._times.device, dtype=torch.float64)
        chosen = (uniform[0] * self._n_members).long()
        low, high = self._of_member[chosen], self._of_member[chosen + 1]
        place = low + (uniform[1] * (high - low)).long()
        span = torch.searchsorted(self._places, place, right=True) - 1
        first = place - self._places[span]
        lengths = self._lengths[span].unsqueeze(1)
        within = torch.minimum(first.unsqueeze(1) + self._times, lengths - 1)
        return Bag(steps=self._begins[span].unsqueeze(1) + within, is_step=self._times < lengths)


def _spans(offsets: np.ndarray, members: np.ndarray, segments: Segments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where to draw from: first step and length of each span, and the position in `members` that it belongs to.

    A member's spans are its segments, or all of it where it has none; the spans of one member follow one another.
    """
    starts, lengths = offsets[:-1][members], np.diff(offsets)[members]
    is_whole = np.ones(len(members), dtype=bool)
    pieces = []
    for position in np.flatnonzero(np.isin(members, [t for t, marked in segments.items() if marked])):
        marked = np.array(segments[int(members[position])], dtype=np.int64).reshape(-1, 2)
        if marked.min() < 0 or (marked[:, 0] > marked[:, 1]).any() or marked.max() >= lengths[position]:
            raise ValueError(f"a segment of trajectory {members[position]} lies outside it: {marked.tolist()}")
        is_whole[position] = False
        begins = starts[position] + marked[:, 0]
        pieces.append(np.stack([begins, marked[:, 1] - marked[:, 0] + 1, np.full(len(marked), position)]))
    pieces.append(np.stack([starts, lengths, np.arange(len(members))])[:, is_whole])
    spans = np.concatenate(pieces, axis=1)
    begins, sizes, owners = spans[:, np.argsort(spans[2], kind="stable")]
    return begins, sizes, owners
