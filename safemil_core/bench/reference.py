"""The method as one would write it down from the paper, with no thought of speed: the contestant to beat.

Written from the paper (arXiv 2511.08136, sections 4 and 5): a Python loop over the window with a copy for every step,
one pair of bags an update, `torch.nn` and `torch.optim` as they come. Nothing but torch's own defaults sets the process
up, so nothing of `learning` is imported here.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from safemil_core.bench.workloads import Example, Prepared, Workload

GAMMA, BETA, CLIP = 0.99, 0.6, 10.0
LEARNING_RATE, WEIGHT_DECAY = 3e-4, 0.01
COMPONENTS = 2
MEAN_LIMIT, LOG_STD_LIMITS = 7.0, (-5.0, 2.0)

Windows = tuple[Tensor, Tensor]
"""Observations [K, H, O] and actions [K, H, A]."""


def prepare(workload: Workload) -> Prepared:
    """The cost network's update alone, or with the policy's after it."""
    reference = Reference(Example.read(workload.data), workload)
    update = reference.update_both if workload.task == "alternating" else reference.update_cost
    return Prepared(update, costs=reference.costs)


class Reference:
    """Cost network and policy, trained in turns."""

    def __init__(self, example: Example, workload: Workload) -> None:
        torch.manual_seed(0)
        self._rng, device = np.random.default_rng(0), workload.device
        self._bag_size, self._window = workload.bag_size, example.steps_of(workload.window)
        self._trajectories: list[tuple[Tensor, Tensor]] = []
        for steps in map(slice, example.offsets[:-1], example.offsets[1:]):
            observations, actions = example.observations[steps], example.actions[steps]
            self._trajectories.append((torch.tensor(observations).to(device), torch.tensor(actions).to(device)))
        self._marked, self._unlabelled = np.flatnonzero(example.is_marked()), np.flatnonzero(~example.is_marked())
        n_observations, n_actions = example.observations.shape[1], example.actions.shape[1]
        body = perceptron(n_observations + n_actions, workload.hidden, 1)
        self.cost = nn.Sequential(*body, nn.Sigmoid()).to(device)
        self.policy = perceptron(n_observations, workload.hidden, COMPONENTS * (1 + 2 * n_actions)).to(device)
        self._cost_optimiser, self._policy_optimiser = optimiser(self.cost), optimiser(self.policy)

    def update_cost(self) -> None:
        """Draw a pair of bags and learn from it."""
        loss = bag_pair_loss(self.cost, self._bag(self._marked), self._bag(self._unlabelled))
        descend(loss, self.cost, self._cost_optimiser)

    def update_policy(self) -> None:
        """Clone the steps of unlabelled windows, each window weighted by exp(-C / beta) over the mean of the bag."""
        observations, actions = windows = self._bag(self._unlabelled)
        with torch.no_grad():
            weights = torch.exp(-window_costs(self.cost, windows) / BETA)
            weights = (weights / weights.mean()).repeat_interleave(self._window)
        sampled = sample(self.policy(observations.flatten(0, 1)), actions.shape[-1])
        errors = (sampled - actions.flatten(0, 1)).square().sum(dim=-1)
        descend((weights * errors).mean(), self.policy, self._policy_optimiser)

    def update_both(self) -> None:
        """One turn of the authors' loop."""
        self.update_cost()
        self.update_policy()

    @torch.no_grad()
    def costs(self) -> np.ndarray:
        """[sum T]."""
        each = [self.cost(torch.cat(arrays, dim=-1)).squeeze(-1) for arrays in self._trajectories]
        return torch.cat(each).cpu().numpy()

    def _bag(self, members: np.ndarray) -> Windows:
        """K trajectories with replacement, a window of each."""
        observations, actions = [], []
        for member in self._rng.choice(members, self._bag_size):
            of_all, actions_of_all = self._trajectories[member]
            start = self._rng.integers(0, len(of_all) - self._window + 1)
            observations.append(of_all[start : start + self._window])
            actions.append(actions_of_all[start : start + self._window])
        return torch.stack(observations), torch.stack(actions)


def perceptron(n_inputs: int, hidden: int, n_outputs: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(n_inputs, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, n_outputs)
    )


def optimiser(network: nn.Module) -> torch.optim.Optimizer:
    """As the paper has it."""
    return torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def descend(loss: Tensor, network: nn.Module, by: torch.optim.Optimizer) -> None:
    """One step."""
    by.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    by.step()


def window_costs(cost: nn.Module, windows: Windows) -> Tensor:
    """[K] the discounted cost of each window, step after step."""
    observations, actions = windows
    total, discount = torch.zeros(len(observations), device=observations.device), 1.0
    for step in range(observations.shape[1]):
        inputs = torch.cat([observations[:, step].clone(), actions[:, step].clone()], dim=-1)
        total = total + discount * cost(inputs).squeeze(-1)
        discount *= GAMMA
    return total


def bag_pair_loss(cost: nn.Module, non_preferred: Windows, unlabelled: Windows) -> Tensor:
    """-log sigmoid of the difference of the bags' scores (Eq. 6, Bradley-Terry)."""
    return functional.softplus(window_costs(cost, unlabelled).mean() - window_costs(cost, non_preferred).mean())


def sample(outputs: Tensor, n_actions: int) -> Tensor:
    """[n, A] a reparameterised sample of the mixture of Gaussians under tanh that outputs [n, C (1 + 2 A)] mean."""
    sizes = [COMPONENTS, COMPONENTS * n_actions, COMPONENTS * n_actions]
    logits, means, log_stds = torch.split(outputs, sizes, dim=-1)
    means = means.view(-1, COMPONENTS, n_actions).clamp(-MEAN_LIMIT, MEAN_LIMIT)
    log_stds = log_stds.view(-1, COMPONENTS, n_actions).clamp(*LOG_STD_LIMITS)
    chosen = functional.gumbel_softmax(logits, hard=True).unsqueeze(-1)
    return torch.tanh((chosen * (means + log_stds.exp() * torch.randn_like(means))).sum(dim=1))
