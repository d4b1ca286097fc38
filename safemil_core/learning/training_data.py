"""What training may see: observations, actions and labels. Rewards and true costs have no way in.

On the CPU the arrays stay where they are, memory-mapped: no dataset is held whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor

from safemil_core.data.recording import Part
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig, InvalidDataset
from safemil_core.learning.bags import NO_SEGMENTS, Segments

BLOCK = 131_072
"""Steps that are looked at together where all have to be."""
MOST_CHOICES = 4_096
"""Of a discrete action: each becomes an input of its own."""


@dataclass(frozen=True)
class TrainingData:
    """All that training sees of `N` trajectories."""

    observations: Tensor
    """[sum T, O] float32."""
    actions: Tensor
    """[sum T, A] float32, discrete ones spread over an input for each choice."""
    offsets: np.ndarray
    """[N + 1] where trajectories begin."""
    labels: np.ndarray
    """[N] `non_preferred`, `preferred`, `unsure` or `none`."""
    segments: Segments = field(default_factory=dict)
    """Where trajectories went wrong, for those of which somebody has said it."""

    @classmethod
    def of(
        cls,
        trajectories: TrajectorySet,
        labels: np.ndarray,
        device: torch.device,
        *,
        segments: Segments = NO_SEGMENTS,
        action_parts: Sequence[Part] = (),
    ) -> Self:
        """Take what training may see, and nothing else, to a device.

        Args:
            trajectories: the dataset, possibly memory-mapped.
            labels: [N].
            device: where to train; the CPU shares the arrays, any other gets a copy.
            segments: by trajectory; those of trajectories that are not non-preferred do not count.
            action_parts: what the actions consist of, for the discrete among them; empty: all are numbers.

        Raises:
            InvalidConfig: a discrete action has too many choices.
            InvalidDataset: a discrete action is none of its choices.
        """
        is_discrete = any(part.n_choices is not None for part in action_parts)
        actions = spread_choices(trajectories.actions, action_parts) if is_discrete else trajectories.actions
        return cls(
            observations=_shared(trajectories.observations).to(device),
            actions=_shared(actions).to(device),
            offsets=np.array(trajectories.offsets),
            labels=labels,
            segments=segments,
        )

    @property
    def sizes(self) -> tuple[int, int]:
        """O and A, as networks are made for them."""
        return self.observations.shape[1], self.actions.shape[1]

    def blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All observations and actions, some steps at a time."""
        for start in range(0, len(self.observations), BLOCK):
            yield self.observations[start : start + BLOCK], self.actions[start : start + BLOCK]


def spread_choices(actions: np.ndarray, parts: Sequence[Part]) -> np.ndarray:
    """Discrete actions as one input for each choice, 1 for the one taken and 0 for the others; numbers as they are.

    Choices have no order: as a number, choice 1 would lie between 0 and 2.

    Args:
        actions: [n, A] float32, a discrete part as the number of its choice.
        parts: of the A numbers, in order.

    Returns:
        [n, A'] float32.
    """
    columns, at = [], 0
    for part in parts:
        values = actions[:, at : at + part.size]
        at += part.size
        if part.n_choices is None:
            columns.append(values)
            continue
        if part.n_choices * part.size > MOST_CHOICES:
            raise InvalidConfig(
                f"the action {part.name!r} has {part.n_choices * part.size} choices; training takes {MOST_CHOICES}"
            )
        choices = np.arange(part.n_choices, dtype=np.float32)
        taken = values[:, :, None] == choices
        if not taken.any(axis=2).all():
            raise InvalidDataset(f"the action {part.name!r} is not always one of its {part.n_choices} choices")
        columns.append(taken.reshape(len(actions), -1).astype(np.float32))
    return np.concatenate(columns, axis=1)


def _shared(array: np.ndarray) -> Tensor:
    """A tensor over the array's own memory."""
    with warnings.catch_warnings():
        # Torch warns of writing to a read-only map. Nothing writes to it: training gathers steps and scores them.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)
