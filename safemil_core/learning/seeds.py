"""Random numbers as a function of a run's seed, what they are for, and the update: nothing to keep in a checkpoint."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch

Stream = Literal["weights", "bags", "cloning", "noise", "probe", "failure_modes", "masks", "baseline", "separation"]
_STREAMS: tuple[Stream, ...] = get_args(Stream)


def generator(seed: int, stream: Stream, number: int = 0, device: torch.device | None = None) -> torch.Generator:
    """A generator of its own for each number of each stream; how one is used up changes no other."""
    return torch.Generator(device or "cpu").manual_seed(number_of(seed, stream, number))


def number_of(seed: int, stream: Stream, number: int = 0) -> int:
    """A seed made of seeds, in [0, 2^63)."""
    sequence = np.random.SeedSequence((seed, _STREAMS.index(stream), number))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
