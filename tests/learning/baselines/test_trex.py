"""T-REX by hand, as SafeMIL with bags of one, and on a problem with a known answer."""

import numpy as np
import pytest
import torch
from baseline_cases import Taught, config
from learning_cases import crossing, true_costs

from safemil_core.assessment.evaluation import roc_auc
from safemil_core.config import RunConfig
from safemil_core.learning.bags import Bags
from safemil_core.learning.baselines.settings import as_trained
from safemil_core.learning.baselines.trex import TrexTrainer, ranking_loss, window_costs
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork


def test_costs_of_windows_by_hand():
    """Two windows of two steps in each bag, discounted by a half; a bag gives each window half of its weight."""
    weights = torch.tensor([[0.5, 0.25, 0.5, 0.25] * 2])
    costs = torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 1.0, 1.0]])
    marked, unlabelled = window_costs(costs, Bags(torch.zeros(1, 8, dtype=torch.int64), weights, (4, 8)), 2)
    assert marked.tolist() == [[1.0, 0.5]]
    assert unlabelled.tolist() == [[0.75, 1.5]]


def test_the_loss_of_pairs_by_hand():
    loss = ranking_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    assert loss.tolist() == pytest.approx([(np.log1p(np.exp(-1)) + np.log(2)) / 2])


def test_with_one_pair_an_update_it_is_safemil_with_bags_of_one():
    data = crossing()
    of_trex = as_trained(config("trex_wbc", "baseline.batch_size=1"))
    torch.manual_seed(0)
    network = CostNetwork(of_trex.cost, data.sizes)
    ranked, plain = (kind(network, data, of_trex) for kind in (TrexTrainer, CostTrainer))
    outputs, bags = torch.randn(1, 20, 1), plain._batches.next().bags
    (scores, loss), (expected_scores, expected_loss) = (of.objective(outputs, bags) for of in (ranked, plain))
    assert torch.allclose(loss, expected_loss)
    assert all(torch.allclose(*pair) for pair in zip(scores, expected_scores, strict=True))


def test_it_ranks_the_steps_beyond_the_limit_higher():
    data = crossing()
    taught = Taught(data, config("trex_wbc", "baseline.learning_rate=0.003", "cost.hidden_sizes=[32]"))
    is_unmarked = np.repeat(data.labels == "none", 16)
    assert roc_auc(taught.costs[is_unmarked], true_costs()[is_unmarked] > 0) > 0.8
    unsafe, safe = np.arange(17, 40, 2), np.arange(0, 40, 2)
    assert taught.weights.trajectories[unsafe].max() < taught.weights.trajectories[safe].min()


def test_its_costs_weigh_whole_trajectories():
    assert as_trained(RunConfig(method="trex_wbc")).weights.scheme == "trajectory"
