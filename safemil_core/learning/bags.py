"""Labels and trajectories -> bags: which steps of which trajectories are compared. From a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Bag:
    """`K` windows of at most `H` steps each."""

    steps: Tensor
    """[K, H] int64, positions in the flat arrays; where a window is shorter than H, its last step again."""

    is_step: Tensor
    """[K, H] bool, False where a window is already over."""


class BagSampler:
    """Draws bags of trajectories with replacement, and from each a window of consecutive steps.

    A window starts uniformly among the places where it fits whole; a trajectory shorter than the window is taken
    whole. Drawing costs O(K H), whatever the size of the dataset.
    """

    def __init__(
        self, offsets: np.ndarray, members: np.ndarray, bag_size: int, window: int, device: torch.device
    ) -> None:
        """
        Args:
            offsets: [N + 1] where trajectories begin.
            members: trajectories to draw from; at least one.
            bag_size: K.
            window: H, or 0 for whole trajectories.
            device: where the indices are made.
        """
        if len(members) == 0:
            raise ValueError("a bag needs at least one trajectory to draw from")
        lengths = np.diff(offsets)[members]
        self._starts = torch.as_tensor(offsets[:-1][members], device=device)
        self._lengths = torch.as_tensor(lengths, device=device)
        self._bag_size = bag_size
        self._times = torch.arange(min(window, int(lengths.max())) or int(lengths.max()), device=device)

    def draw(self, generator: torch.Generator) -> Bag:
        """One bag; the generator must live on the sampler's device."""
        width = len(self._times)
        uniform = torch.rand(2, self._bag_size, generator=generator, device=self._times.device, dtype=torch.float64)
        chosen = (uniform[0] * len(self._starts)).long()
        lengths = self._lengths[chosen]
        first = (uniform[1] * (lengths - width + 1).clamp_min(1)).long()
        is_step = self._times < lengths.unsqueeze(1)
        within = torch.minimum(first.unsqueeze(1) + self._times, lengths.unsqueeze(1) - 1)
        return Bag(steps=self._starts[chosen].unsqueeze(1) + within, is_step=is_step)
