"""Behaviour cloning as a plain loop in PyTorch: draw a batch, forward, backward, step, all as torch comes."""

from __future__ import annotations

import torch
from torch import Tensor

from safemil_core.bench.reference import COMPONENTS, descend, optimiser, perceptron, sample
from safemil_core.bench.workloads import N_POLICY_BATCH, Example, Prepared, Workload


def prepare(workload: Workload) -> Prepared:
    """A deterministic policy, or the paper's mixture by the error of a sample; both by squared error."""
    example, device = Example.read(workload.data), workload.device
    torch.manual_seed(0)
    observations, actions = (torch.tensor(of).to(device) for of in (example.observations, example.actions))
    n_actions, is_mixture = actions.shape[1], workload.task == "cloning a mixture"
    n_outputs = COMPONENTS * (1 + 2 * n_actions) if is_mixture else n_actions
    policy = perceptron(observations.shape[1], workload.hidden, n_outputs).to(device)
    by = optimiser(policy)

    def acts(at: Tensor) -> Tensor:
        outputs: Tensor = policy(at)
        return sample(outputs, n_actions) if is_mixture else torch.tanh(outputs)

    def update() -> None:
        drawn = torch.randint(len(observations), (N_POLICY_BATCH,), device=device)
        descend((acts(observations[drawn]) - actions[drawn]).square().sum(dim=-1).mean(), policy, by)

    return Prepared(update)
