"""Trained networks as safetensors files that say themselves what they are. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.errors import NotReady
from safemil_core.learning.networks import CostNetwork, MixturePolicy
from safemil_core.workspace import whole_file

N = TypeVar("N", bound=nn.Module)

KEY = "safemil"
"""Of the metadata: one key, because safetensors writes several in any order, and equal networks make equal files."""


def save_cost(path: Path, network: CostNetwork, config: CostConfig, n_observations: int, n_actions: int) -> None:
    """Write a cost network with all that is needed to make it again."""
    _save(path, network.state_dict(), "cost", config, n_observations, n_actions)


def save_policy(path: Path, policy: MixturePolicy, config: PolicyConfig, n_observations: int, n_actions: int) -> None:
    """Write a policy with all that is needed to make it again."""
    _save(path, policy.state_dict(), "policy", config, n_observations, n_actions)


def load_cost(path: Path) -> CostNetwork:
    """Read a cost network, ready to score. Raises NotReady for a file that is not one."""
    return _load(path, "cost", lambda config, *sizes: CostNetwork(CostConfig(**config), *sizes))


def load_policy(path: Path) -> MixturePolicy:
    """Read a policy, ready to act. Raises NotReady for a file that is not one."""
    return _load(path, "policy", lambda config, *sizes: MixturePolicy(PolicyConfig(**config), *sizes))


def _save(
    path: Path,
    tensors: dict[str, Tensor],
    kind: str,
    config: CostConfig | PolicyConfig,
    n_observations: int,
    n_actions: int,
) -> None:
    about = {"kind": kind, "n_observations": n_observations, "n_actions": n_actions, "config": config.model_dump()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()},
            temporary,
            metadata={KEY: json.dumps(about)},
        )


def _load(path: Path, kind: str, make: Callable[[dict[str, Any], int, int], N]) -> N:
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no iterator of its own
        if about["kind"] != kind:
            raise NotReady(f"{path.name} does not hold a {kind} network; train again")
        network = make(about["config"], about["n_observations"], about["n_actions"])
        network.load_state_dict(tensors)
        return network.eval()
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as problem:
        cause = str(problem).partition("\n")[0].rstrip(": ")  # torch lists every tensor that does not fit
        raise NotReady(f"{path.name} cannot be read as a {kind} network ({cause}); train again") from None
