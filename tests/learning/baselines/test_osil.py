"""OSIL by hand, and a policy that avoids what its critics expect."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from baseline_cases import Taught, config
from learning_cases import MARKED, crossing, generator

from safemil_core.errors import InvalidConfig
from safemil_core.learning.baselines.osil import OsilTrainer, adaptation, contrastive_loss
from safemil_core.learning.baselines.settings import as_trained
from safemil_core.learning.baselines.trex import ranking_loss, window_costs
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData


def test_the_contrastive_loss_by_hand():
    """Two windows of two steps, alike within, unlike between: each step tells its one partner from the two others."""
    features = torch.tensor([[[2.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 5.0]]])
    windows = torch.tensor([0, 0, 1, 1])
    loss = contrastive_loss(features, torch.ones(1, 4), windows)
    assert loss.tolist() == pytest.approx([np.log(1 + 2 * np.exp(-10))], rel=1e-3)
    # A partner that counts by a half, as a step that is discounted does; the first step of a window counts whole.
    halved = contrastive_loss(features, torch.tensor([[1.0, 0.5, 1.0, 0.5]]), windows)
    assert halved.tolist() == pytest.approx([0.75 * np.log(1 + 2 * np.exp(-10))], rel=1e-3)


def test_past_the_end_of_a_short_window_there_is_nothing_to_tell_by_hand():
    """Two windows of two steps, as above, the second of which ends after its first step: of three steps the first two
    have a partner each and one other to tell it from, and the third has none."""
    features = torch.tensor([[[2.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    windows, discounts = torch.tensor([0, 0, 1, 1]), torch.tensor([[1.0, 0.5, 1.0, 0.0]])
    short = contrastive_loss(features, discounts, windows)
    assert short.tolist() == pytest.approx([(0.5 + 1) / 3 * np.log(1 + np.exp(-10))], rel=1e-3)
    assert short.tolist() == contrastive_loss(features[:, :3], discounts[:, :3], windows[:3]).tolist()


def test_marked_segments_of_unlike_lengths_are_told_apart_by_their_own_steps():
    """Of each marked trajectory 2 steps, or 4; windows are of 4. What is filled up, as often as it is drawn, changes
    nothing: the loss is that of the real steps alone."""
    lengths = {t: 2 if t < 8 else 4 for t in MARKED}
    data = crossing(segments={t: ((10, 9 + n),) for t, n in lengths.items()})
    of_osil = as_trained(config("osil", "baseline.batch_size=8", "cost.gamma=0.9"))
    trainer = OsilTrainer(CostNetwork(of_osil.cost, data.sizes), data, of_osil)
    bags, windows = (of := trainer._batches.next().bags), of.windows(8)
    is_step = bags.weights[0] > 0
    assert 0 < (~is_step).sum() < bags.ends[0]
    features = torch.randn(1, len(windows), 3, generator=generator())
    discounts = bags.weights * 8
    padded = contrastive_loss(features, discounts, windows)
    real = contrastive_loss(features[:, is_step], discounts[:, is_step], windows[is_step])
    torch.testing.assert_close(padded, real)


def test_windows_of_short_segments_are_told_apart_as_those_of_whole_trajectories_are():
    """Marked windows are of 3 steps, unlabelled ones of 5; features are alike in each of the four, and nowhere else. So
    a step tells its partners from nothing but one another: of 2 or of 4."""
    data = crossing(segments=dict.fromkeys(MARKED, ((10, 12),)))
    of_osil = as_trained(config("osil", "baseline.batch_size=2"))
    trainer = OsilTrainer(CostNetwork(of_osil.cost, data.sizes), data, of_osil)
    bags = trainer._batches.next().bags
    assert bags.ends == (6, 16)
    windows = torch.tensor([0] * 3 + [1] * 3 + [2] * 5 + [3] * 5)
    features = torch.zeros(1, 16, trainer.network.aggregator.n_inputs)
    features[0, torch.arange(16), windows] = 1.0
    ranked = ranking_loss(*window_costs(trainer.network.aggregator.step_costs(features), bags, 2))
    _, losses = trainer.objective(features, bags)
    expected = (6 * np.log(2) + 10 * np.log(4)) / 16
    assert (losses - ranked).tolist() == pytest.approx([expected], abs=1e-3)


def test_the_weight_of_expected_costs_by_hand():
    assert adaptation(torch.zeros(1, 3), 1.0).item() == pytest.approx(1)
    assert adaptation(torch.tensor([[-np.log(3), 0.0]]), 1.0).item() == pytest.approx(2)
    assert adaptation(torch.tensor([[-100.0]]), 1.0).item() == pytest.approx(np.exp(5), rel=1e-5)


def test_the_safe_policy_turns_back_before_the_limit_and_plain_cloning_does_not():
    data = crossing()
    settings = [
        "baseline.updates=150", "baseline.batch_size=16", "baseline.learning_rate=0.003", "cost.gamma=0.9",
        "policy.hidden_sizes=[32]", "policy.batch_size=64", "policy.updates=300", "policy.learning_rate=0.005",
    ]  # fmt: skip
    taught = Taught(data, config("osil", *settings))
    np.testing.assert_array_equal(taught.weights.trajectories, data.labels == "none")
    before_the_limit = torch.stack([torch.full((50,), 0.42), torch.linspace(0.05, 0.95, 50)], dim=1)
    with torch.no_grad():
        safe, bc = (getattr(taught.networks, name)(before_the_limit).mean().item() for name in ("safe", "bc"))
    assert safe < bc - 0.3


def test_discrete_actions_are_refused_in_words():
    data = crossing()
    choices = torch.nn.functional.one_hot((data.actions[:, 0] > 0).long(), 2).float()
    with pytest.raises(InvalidConfig, match="osil needs numbers as observations and actions"):
        Taught(replace(data, actions=choices, choices=(2,)), config("osil"))


@pytest.mark.parametrize("n_marked_steps", [1, 3])
def test_where_no_step_that_may_be_imitated_leads_to_another_it_is_refused_in_words(n_marked_steps):
    lengths = [n_marked_steps] * 4 + [1] * 6
    data = TrainingData(
        observations=torch.linspace(0, 1, 2 * sum(lengths)).view(-1, 2),
        actions=torch.zeros(sum(lengths), 1),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.array(["non_preferred"] * 4 + ["none"] * 6),
    )
    with pytest.raises(InvalidConfig, match="every trajectory that it may imitate is of one step; use another method"):
        Taught(data, config("osil", "baseline.updates=2"))
