"""Steps drawn in proportion to their weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from safemil_core.learning.arithmetic import on_device


class WeightedSteps:
    """Looked up by runs of steps that weigh the same, as those of a trajectory mostly do: few enough for a cache."""

    def __init__(self, weights: np.ndarray, device: torch.device) -> None:
        """
        Args:
            weights: [n] >= 0, not all 0; a step of weight 0 is never drawn.
            device: where steps are drawn.
        """
        begins = np.flatnonzero(np.diff(weights, prepend=np.nan))
        lengths = np.diff(begins, append=len(weights))
        weighs = weights[begins] > 0
        begins, lengths = begins[weighs], lengths[weighs]
        ends = np.cumsum(weights[begins] * lengths)
        columns = (begins, lengths, weights[begins], ends, np.concatenate([[0.0], ends[:-1]]))
        self._begins, self._lengths, self._weights, self._ends, self._before = (
            on_device(torch.from_numpy(column), device) for column in columns
        )
        """[runs] first step, number of steps, weight of each, and all weight up to the end, and up to the beginning."""

    def at(self, uniform: Tensor) -> Tensor:
        """[...] int64 steps for numbers [...] float64, drawn uniformly from [0, 1)."""
        sought = uniform * self._ends[-1]
        run = torch.searchsorted(self._ends, sought, right=True).clamp_max_(len(self._ends) - 1)
        within = ((sought - self._before[run]) / self._weights[run]).long()
        return self._begins[run] + torch.minimum(within, self._lengths[run] - 1)  # rounding leaves no run
