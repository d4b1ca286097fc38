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

from safemil_core.data.labels.records import Segments
from safemil_core.data.recording import Part
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.arithmetic import in_parallel, on_device, pieces
from safemil_core.learning.bags import NO_SEGMENTS
from safemil_core.learning.choices import spread_choices
from safemil_core.learning.networks import Sizes

CPU = torch.device("cpu")
BLOCK = 16_384
"""Steps that are looked at together where all have to be: what networks make of them stays in the cache."""
BLOCK_NUMBERS = 2**24
"""Numbers that are looked at together: fewer steps than that where these are images."""
FETCHED_STEPS = 8_192
"""That one core fetches at a time, where data stay on the host."""
MOST_OF_DEVICE = 0.5
"""Share of a device's free memory that a dataset may take; the rest is for what is computed of it."""


@dataclass(frozen=True)
class TrainingData:
    """All that training sees of `N` trajectories."""

    observations: Tensor
    """[sum T, O] float32, the numbers in them."""
    actions: Tensor
    """[sum T, A] float32, discrete ones spread over an input for each choice."""
    offsets: np.ndarray
    """[N + 1] where trajectories begin."""
    labels: np.ndarray
    """[N] `non_preferred`, `preferred`, `unsure` or `none`."""
    segments: Segments = field(default_factory=dict)
    """Where trajectories went wrong, for those of which somebody has said it."""
    choices: tuple[int, ...] = ()
    """Of each discrete action, where all actions are discrete."""
    images: tuple[Tensor, ...] = ()
    """[sum T, height, width, channels] uint8 each, the images in the observations."""
    device: torch.device = CPU
    """That trains. The arrays lie there too, unless they are larger than its memory: then on the host."""

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
            device: where to train. The CPU shares the arrays; another gets a copy if they fit into its memory.
            segments: by trajectory; those of trajectories that are not non-preferred do not count.
            action_parts: what the actions consist of, for the discrete among them; empty: all are numbers.

        Raises:
            InvalidConfig: a discrete action has too many choices.
            InvalidDataset: a discrete action is none of its choices.
        """
        is_discrete = [part.n_choices is not None for part in action_parts]
        actions = spread_choices(trajectories.actions, action_parts) if any(is_discrete) else trajectories.actions
        arrays = [_shared(array) for array in (trajectories.observations, actions, *trajectories.images.values())]
        if _fits(arrays, device):
            arrays = [array.to(device) for array in arrays]
        return cls(
            observations=arrays[0],
            actions=arrays[1],
            images=tuple(arrays[2:]),
            offsets=np.array(trajectories.offsets),
            labels=labels,
            segments=segments,
            choices=_choices(action_parts),
            device=device,
        )

    @property
    def sizes(self) -> Sizes:
        """As networks are made for them."""
        images = tuple((height, width, channels) for _, height, width, channels in (of.shape for of in self.images))
        return Sizes(self.observations.shape[1], self.actions.shape[1], self.choices, images)

    @property
    def n_steps(self) -> int:
        return len(self.observations)

    @property
    def is_remote(self) -> bool:
        """Whether steps have to be fetched from the host, which then is best done ahead."""
        return self.observations.device.type != self.device.type  # "cuda" is "cuda:0", but not equal to it

    @property
    def step_numbers(self) -> int:
        """Numbers that networks see of a step, its pixels among them."""
        return self.observations.shape[1] + self.actions.shape[1] + sum(image[0].numel() for image in self.images)

    def take(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Observations [..., O + pixels] and actions [..., A] of steps [...] int64 on the host, on the device that
        trains. Pixels, from 0 to 255, become floating-point numbers only here."""
        flat = on_device(steps.flatten(), self.observations.device)
        taken = [self._fetched(of, flat) if self.is_remote else of.index_select(0, flat) for of in self._arrays]
        return self._joined(taken[1:]).view(*steps.shape, -1), taken[0].view(*steps.shape, -1)

    def blocks(self, steps: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Observations and actions as `take` gives them, of all steps or of these [n], some at a time."""
        length = max(1, min(BLOCK, BLOCK_NUMBERS // self.step_numbers))
        if steps is not None:
            yield from (self.take(some) for some in torch.split(steps, length))
            return
        for start in range(0, self.n_steps, length):
            block = [of[start : start + length].to(self.device) for of in self._arrays]
            yield self._joined(block[1:]), block[0]

    def numbers(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The numbers in all observations, and all actions, some steps at a time."""
        for start in range(0, self.n_steps, BLOCK):
            block = slice(start, start + BLOCK)
            yield self.observations[block].to(self.device), self.actions[block].to(self.device)

    def _fetched(self, array: Tensor, steps: Tensor) -> Tensor:
        """Rows of an array on the host, on the device; neither waits for the other."""
        rows = torch.empty(len(steps), *array.shape[1:], dtype=array.dtype, pin_memory=self.device.type == "cuda")

        def fetch(piece: slice) -> None:
            torch.index_select(array, 0, steps[piece], out=rows[piece])

        in_parallel(fetch, pieces(len(steps), FETCHED_STEPS))
        return rows.to(self.device, non_blocking=True)

    @property
    def _arrays(self) -> tuple[Tensor, ...]:
        return self.actions, self.observations, *self.images

    @staticmethod
    def _joined(parts: Sequence[Tensor]) -> Tensor:
        """[n, O + pixels] float32 of numbers [n, O] and images [n, height, width, channels]."""
        return torch.cat([part.flatten(1) for part in parts], dim=1) if len(parts) > 1 else parts[0]


def _fits(arrays: Sequence[Tensor], device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return sum(array.nbytes for array in arrays) <= MOST_OF_DEVICE * free


def _choices(action_parts: Sequence[Part]) -> tuple[int, ...]:
    """Of each discrete action; none where there are other actions too."""
    counts = [part.n_choices for part in action_parts for _ in range(part.size)]
    return tuple(n for n in counts if n is not None) if None not in counts else ()


def _shared(array: np.ndarray) -> Tensor:
    """A tensor over the array's own memory."""
    with warnings.catch_warnings():
        # Torch warns of writing to a read-only map. Nothing writes to it: training gathers steps and scores them.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)
