"""Trained networks as safetensors files that say themselves what they are. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.errors import NotReady
from safemil_core.learning.array_files import KEY, Arrays, read_network
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.optimiser import State
from safemil_core.learning.policies import Policy, make_policy
from safemil_core.workspace import whole_file

N = TypeVar("N", bound=nn.Module)


def save_cost(path: Path, network: CostNetwork, config: CostConfig, sizes: Sizes) -> None:
    """Write a cost network with all that is needed to make it again."""
    _save(path, network, "cost", config, sizes)


def save_policy(path: Path, policy: Policy, config: PolicyConfig, sizes: Sizes) -> None:
    """Write a policy with all that is needed to make it again."""
    _save(path, policy, "policy", config, sizes)


def load_cost(path: Path) -> CostNetwork:
    """Read a cost network, ready to score. Raises NotReady for a file that is not one."""
    return _load(path, "cost", lambda config, sizes: CostNetwork(CostConfig.of_file(config), sizes))


def load_policy(path: Path) -> Policy:
    """Read a policy, ready to act. Raises NotReady for a file that is not one."""
    return _load(path, "policy", lambda config, sizes: make_policy(PolicyConfig(**config), sizes))


def save_state(path: Path, state: State) -> None:
    """Write all that training needs to go on: tensors by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, temporary)


def load_state(path: Path) -> State:
    """Read what `save_state` wrote. Raises NotReady where it cannot be read whole."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        cause = str(problem).partition("\n")[0]
        raise NotReady(f"{path.name} cannot be read as a checkpoint ({cause}); use an earlier one") from None


def _save(path: Path, network: nn.Module, kind: str, config: CostConfig | PolicyConfig, sizes: Sizes) -> None:
    about = {"kind": kind, **asdict(sizes), "config": config.model_dump()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        save_file(
            {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
            temporary,
            metadata={KEY: json.dumps(about)},
        )


def _load(path: Path, kind: str, make: Callable[[dict[str, Any], Sizes], N]) -> N:
    def made(about: dict[str, Any], arrays: Arrays) -> N:
        images = tuple((height, width, channels) for height, width, channels in about["images"])
        sizes = Sizes(about["observations"], about["actions"], tuple(about["choices"]), images)
        network = make(about["config"], sizes)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return network.eval()

    return read_network(path, kind, made)
