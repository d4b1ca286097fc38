"""Labels and trajectories -> bags: which steps of which trajectories are compared, and how much each of them counts.

A bag is a weighted set of steps. Drawing it costs O(K) for whatever dataset, and many are drawn at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from safemil_core.data.labels.records import Segments
from safemil_core.learning.arithmetic import on_device

NO_SEGMENTS: Segments = MappingProxyType({})


@dataclass(frozen=True)
class Bag:
    """`K` windows as a set of `P` steps, `w_i = n gamma^t / K` for time t of a window that was drawn n times."""

    steps: Tensor
    """[P] int64, positions in the flat arrays."""

    weights: Tensor
    """[P] float32; 0 past the end of what is shorter than its window."""


@dataclass(frozen=True)
class Bags:
    """All bags that one update compares, for each of `M` members, side by side: bag k is the columns up to ends[k]."""

    steps: Tensor
    """[M, P] int64."""

    weights: Tensor
    """[M, P] float32."""

    ends: tuple[int, ...]
    """Where each bag ends."""

    def each(self, of: Tensor) -> list[Tensor]:
        """Each bag's columns of a tensor [M, P, ...]."""
        return [of[:, begin:end] for begin, end in pairwise((0, *self.ends))]

    def windows(self, n: int) -> Tensor:
        """[P] which window each column belongs to, of `n` in each bag: those of one bag may be wider than another's."""
        sizes = [end - begin for begin, end in pairwise((0, *self.ends))]
        parts = [
            number * n + torch.arange(size, device=self.weights.device) // (size // n)
            for number, size in enumerate(sizes)
        ]
        return torch.cat(parts)


def kinds_of_bags(labels: np.ndarray, preferred_weight: float) -> list[np.ndarray]:
    """[N] bool, which trajectories the non-preferred, the unlabelled and, if they count, the preferred bags draw from.

    Preferred ones count where they have a weight and others are left to be unlabelled; else they are unlabelled, too.
    """
    is_marked, is_preferred = labels == "non_preferred", labels == "preferred"
    is_other = ~is_marked & ~is_preferred
    if is_preferred.any() and is_other.any() and preferred_weight > 0:
        return [is_marked, is_other, is_preferred]
    return [is_marked, ~is_marked]


def side_by_side(drawn: Sequence[Sequence[Sequence[Bag]]], device: torch.device | None = None) -> list[Bags]:
    """The bags of some updates, given as [kind][member][update]; shorter ones of a kind are filled up with steps of
    weight 0. Weights come to the device that trains."""
    steps, weights = [], []
    for of_kind in drawn:
        bags = [bag for of_member in of_kind for bag in of_member]
        shape = (len(of_kind), len(of_kind[0]), -1)
        steps.append(_stacked([bag.steps for bag in bags]).view(shape))
        weights.append(_stacked([bag.weights for bag in bags]).view(shape))
    ends = tuple(np.cumsum([part.shape[-1] for part in steps]).tolist())
    all_weights = torch.cat(weights, dim=-1)
    all_weights = all_weights if device is None else on_device(all_weights, device)
    updates = zip(torch.cat(steps, dim=-1).unbind(1), all_weights.unbind(1), strict=True)
    return [Bags(*of_update, ends) for of_update in updates]


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    """[rows, longest], zeros at the end of shorter ones."""
    is_even = len({len(row) for row in rows}) == 1
    return torch.stack(list(rows)) if is_even else pad_sequence(list(rows), batch_first=True)


class BagSampler:
    """Draws bags of trajectories with replacement, and from each a window of consecutive steps.

    Trajectories are drawn uniformly, or by given shares. A window starts uniformly among the places where it fits
    whole; what is shorter than the window is taken whole. Where somebody has marked segments of a trajectory, its
    windows lie within one of them, and all places within all of them are equally likely: a mark of 50 steps is not
    worth less a step than one of 5, and how a mark is cut into segments changes little.
    """

    def __init__(
        self,
        offsets: np.ndarray,
        members: np.ndarray,
        *,
        bag_size: int,
        window: int,
        gamma: float,
        segments: Segments = NO_SEGMENTS,
        device: torch.device | None = None,
    ) -> None:
        """
        Args:
            offsets: [N + 1] where trajectories begin.
            members: trajectories to draw from; at least one.
            bag_size: K.
            window: H, or 0 for whole trajectories or segments.
            gamma: discount a step, from a window's start.
            segments: of trajectories, whether members or not.
            device: where bags are wanted; they are the same ones on all.
        """
        if len(members) == 0:
            raise ValueError("a bag needs at least one trajectory to draw from")
        begins, lengths, owners = _spans(offsets, members, segments)
        self._is_whole = window == 0
        self._device = device or torch.device("cpu")
        width = min(window, int(lengths.max())) or int(lengths.max())
        # Places where a window may start, counted through all spans of all members.
        places = np.concatenate([[0], np.cumsum(np.maximum(lengths - width + 1, 1))])
        first_spans = np.searchsorted(owners, np.arange(len(members) + 1))
        # Whole trajectories are drawn on the host, since their number decides on shapes.
        self._draws_on = torch.device("cpu") if self._is_whole else self._device
        self._begins = torch.as_tensor(begins, device=self._device)
        self._lengths, self._places, self._of_member = (
            torch.as_tensor(of, device=self._draws_on) for of in (lengths, places, places[first_spans])
        )
        self._members, self._bag_size = members, bag_size
        self._times = torch.arange(width, device=self._device)
        self._discounts = gamma ** self._times.double()
        self._cumulated: Tensor | None = None

    @property
    def bag_steps(self) -> int:
        """The most steps that a bag may hold."""
        return self._bag_size * len(self._times)

    def set_shares(self, shares: np.ndarray) -> None:
        """Draw members with these probabilities, of all trajectories [N], > 0 and of any sum, instead of uniformly."""
        cumulated = np.cumsum(shares[self._members])
        self._cumulated = torch.as_tensor(cumulated / cumulated[-1], device=self._draws_on)

    def draw(self, generator: torch.Generator, n: int = 1) -> list[Bag]:
        """`n` bags."""
        uniform = torch.rand(2, n, self._bag_size, generator=generator, dtype=torch.float64)
        uniform = on_device(uniform, self._draws_on)
        if self._cumulated is None:
            chosen = (uniform[0] * len(self._members)).long()
        else:
            chosen = torch.searchsorted(self._cumulated, uniform[0], right=True).clamp_max(len(self._members) - 1)
        low, high = self._of_member[chosen], self._of_member[chosen + 1]
        place = low + (uniform[1] * (high - low)).long()
        span = torch.searchsorted(self._places, place, right=True) - 1
        if self._is_whole:
            return [self._whole(*torch.unique(of, return_counts=True)) for of in span]
        steps, weights = self._windows(span, place - self._places[span])
        weights = (weights / self._bag_size).float()
        return [Bag(*bag) for bag in zip(steps.flatten(1), weights.flatten(1), strict=True)]

    def _whole(self, spans: Tensor, counts: Tensor) -> Bag:
        """Each span once, however often it was drawn: a bag of 128 out of 50 trajectories holds 46 or so."""
        lengths = self._lengths[spans]
        n_steps = int(lengths.sum())
        spans, counts, lengths = (on_device(of, self._device) for of in (spans, counts, lengths))
        owners = torch.repeat_interleave(lengths, output_size=n_steps)
        times = torch.arange(n_steps, device=self._device) - (lengths.cumsum(dim=0) - lengths)[owners]
        weights = self._discounts[times] * counts[owners] / self._bag_size
        return Bag(self._begins[spans][owners] + times, weights.float())

    def _windows(self, spans: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """[..., H] steps and discounts of windows that begin at step `first` of their spans."""
        lengths = self._lengths[spans].unsqueeze(-1)
        within = torch.minimum(first.unsqueeze(-1) + self._times, lengths - 1)
        return self._begins[spans].unsqueeze(-1) + within, self._discounts * (self._times < lengths)


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
