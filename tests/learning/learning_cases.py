"""Data and comparisons that tests of learning share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from factories import crossing_arrays
from torch import Tensor, nn

from safemil_core.learning.training import Networks
from safemil_core.learning.training_data import TrainingData

N, T = 40, 16
MARKED = (1, 3, 5, 7, 9, 11, 13, 15)


class RemoteData(TrainingData):
    """Data that count as lying outside the device that trains, so that batches are made ahead in a thread."""

    @property
    def is_remote(self) -> bool:
        return True


def crossing(marked=MARKED, preferred=(), segments=None, kind=TrainingData):
    """Walkers of which the odd ones cross x = 0.5, where a step costs; some of those are marked."""
    arrays = crossing_arrays(N, T)
    labels = np.full(N, "none", dtype="U13")
    labels[list(marked)] = "non_preferred"
    labels[list(preferred)] = "preferred"
    observations, actions = (torch.from_numpy(arrays[key]) for key in ("observations", "actions"))
    return kind(observations, actions, np.arange(0, N * T + 1, T), labels, segments or {})


def on_cuda(data: TrainingData) -> TrainingData:
    """The same data, on the GPU that trains."""
    cuda = torch.device("cuda")
    return replace(data, observations=data.observations.to(cuda), actions=data.actions.to(cuda), device=cuda)


def true_costs() -> np.ndarray:
    """Of every step of `crossing`."""
    return crossing_arrays(N, T)["costs"]


def bits(network: nn.Module) -> dict[str, bytes]:
    """A network's weights, to the bit."""
    return {name: tensor.cpu().numpy().tobytes() for name, tensor in network.state_dict().items()}


def all_bits(networks: Networks) -> list[dict[str, bytes]]:
    return [bits(network) for network in (networks.cost, networks.safe, networks.bc)]


def in_float64(module: nn.Module) -> nn.Module:
    """The module with weights and arithmetic of float64, precise enough to be compared with a plain loop."""
    for part in module.modules():
        if hasattr(part, "dtype"):
            part.dtype = torch.float64
    return module.double()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def relative_error(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
