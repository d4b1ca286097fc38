"""Trained networks as safetensors files that say themselves what they are. Never pickle."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.errors import NotReady
from safemil_core.learning.networks import CostNetwork, MixturePolicy
from safemil_core.workspace import whole_file


def save_cost(path: Path, network: CostNetwork, config: CostConfig, n_observations: int, n_actions: int) -> None:
    """Write a cost network with all that is needed to make it again."""
    _save(path, network.state_dict(), "cost", config, n_observations, n_actions)


def save_policy(path: Path, policy: MixturePolicy, config: PolicyConfig, n_observations: int, n_actions: int) -> None:
    """Write a policy with all that is needed to make it again."""
    _save(path, policy.state_dict(), "policy", config, n_observations, n_actions)


def load_cost(path: Path) -> CostNetwork:
    """Read a cost network, ready to score. Raises NotReady for a file that is not one."""
    tensors, (n_observations, n_actions, config) = _load(path, "cost")
    network = CostNetwork(CostConfig(**config), n_observations, n_actions)
    network.load_state_dict(tensors)
    return network.eval()


def load_policy(path: Path) -> MixturePolicy:
    """Read a policy, ready to act. Raises NotReady for a file that is not one."""
    tensors, (n_observations, n_actions, config) = _load(path, "policy")
    policy = MixturePolicy(PolicyConfig(**config), n_observations, n_actions)
    policy.load_state_dict(tensors)
    return policy.eval()


def _save(
    path: Path,
    tensors: dict[str, Tensor],
    kind: str,
    config: CostConfig | PolicyConfig,
    n_observations: int,
    n_actions: int,
) -> None:
    about = {
        "kind": kind,
        "n_observations": str(n_observations),
        "n_actions": str(n_actions),
        "config": config.model_dump_json(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=about)


def _load(path: Path, kind: str) -> tuple[dict[str, Tensor], tuple[int, int, dict[str, object]]]:
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no iterator of its own
        if about.get("kind") != kind:
            raise NotReady(f"{path.name} does not hold a {kind} network; train again")
        return tensors, (int(about["n_observations"]), int(about["n_actions"]), json.loads(about["config"]))
    except (SafetensorError, OSError, KeyError, ValueError) as problem:
        raise NotReady(f"{path.name} cannot be read as a {kind} network ({problem}); train again") from None
