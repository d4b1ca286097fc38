"""DWBC-NU: a discriminator of the non-preferred from the unlabelled, by positive-unlabelled learning.

Xu, Zhan, Yin and Qin (2022), with the roles as in the SafeMIL paper: the marked steps are the "positive" ones, and
cloning weighs an unlabelled step by 1 - d. Their discriminator also sees log pi(a | s) of the policy; this one is a
function of the step alone, so that its scores can be looked at like any cost.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from safemil_core.config import RunConfig
from safemil_core.learning.bags import Bags
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

LIMITS = (0.1, 0.9)
"""Of what the discriminator says, as in the authors' code: the loss has no lower bound without."""


class DwbcTrainer(CostTrainer):
    """Trains d(s, a), the chance that a step is of the non-preferred."""

    def __init__(self, network: CostNetwork, data: TrainingData, config: RunConfig) -> None:
        super().__init__(network, data, config)
        draw_steps_alike(self, data)
        self._unsafe_share = config.baseline.unsafe_share

    def objective(self, outputs: Tensor, bags: Bags) -> tuple[list[Tensor], Tensor]:
        marked, unlabelled = (of.clamp(*LIMITS) for of in bags.each(self.network.aggregator.step_costs(outputs)))
        return [marked.mean(dim=-1), unlabelled.mean(dim=-1)], unlabelled_loss(marked, unlabelled, self._unsafe_share)


def draw_steps_alike(trainer: CostTrainer, data: TrainingData) -> None:
    """Let a trainer's bags draw all steps of a kind, or of the segments that are marked in it, equally often, as
    discriminators do: drawn alike, short trajectories would count for more than they are."""
    n_steps = np.diff(data.offsets).astype(np.float64)
    for trajectory, spans in data.segments.items():
        if spans and data.labels[trajectory] == "non_preferred":
            n_steps[trajectory] = sum(last - first + 1 for first, last in spans)
    if np.ptp(n_steps):
        trainer.set_shares(n_steps)


def unlabelled_loss(marked: Tensor, unlabelled: Tensor, share: float) -> Tensor:
    """`share E_N[-log d + log(1 - d)] + E_U[-log(1 - d)]`, where `share` of the unlabelled are like the marked.

    The second term takes those out of the third that are only unlabelled.

    Args:
        marked: [M, n] d of marked steps.
        unlabelled: [M, n].
        share: eta.

    Returns:
        [M].
    """
    of_marked = torch.log1p(-marked) - marked.log()
    return share * of_marked.mean(dim=-1) - torch.log1p(-unlabelled).mean(dim=-1)
