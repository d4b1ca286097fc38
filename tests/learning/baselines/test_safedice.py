"""SafeDICE by hand, and on a mixture of which the ratios are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from baseline_cases import Taught, config, short_ones_of_one_kind, steps_of_two_kinds

from safemil_core.errors import InvalidConfig
from safemil_core.learning import cost_trainer
from safemil_core.learning.baselines.safedice import SafeDiceTrainer, dice_loss, log_ratio
from safemil_core.learning.baselines.settings import as_trained
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData


def test_the_reward_by_hand():
    """With alpha = 0.5: log (1 - 1.5 c) / (0.5 (1 - c)); a step that only the preferred policy makes counts double."""
    found = log_ratio(torch.tensor([0.0, 0.4]), 0.5)
    assert found.tolist() == pytest.approx([np.log(2), np.log(0.4 / 0.3)], rel=1e-5)


@pytest.mark.parametrize("alpha", [1e-5, 9.9e-4])
def test_the_surest_of_steps_is_the_least_preferred_and_its_ratio_a_number(alpha):
    ratios = log_ratio(torch.tensor([0.1, 0.9, 0.99, 0.999, 0.999999, 1.0]), alpha)
    assert ratios.isfinite().all()
    assert (ratios.diff() <= 0).all()


def test_the_loss_of_nu_by_hand():
    loss = dice_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, np.log(3)]]), gamma=0.75)
    assert loss.tolist() == pytest.approx([0.25 * 2 + np.log(2)])


def test_a_mixture_is_taken_apart():
    """All marked steps have action 1, and half of the unlabelled. A discriminator says 1 / (1 + 0.5) of these, so that
    alpha is the share of one half, and what remains is the other half, twice as often."""
    data = steps_of_two_kinds(1.0, 0.5)
    taught = Taught(
        data, config("safedice", "baseline.gradient_penalty=0", "baseline.updates=600", "baseline.learning_rate=0.003")
    )
    is_unlabelled, is_unsafe = np.repeat(data.labels == "none", 10), data.actions[:, 0].numpy() > 0
    assert taught.costs[is_unsafe].mean() == pytest.approx(2 / 3, abs=0.04)
    assert taught.weights.steps[is_unlabelled & is_unsafe].max() < 0.01
    assert taught.weights.steps[is_unlabelled & ~is_unsafe].mean() == pytest.approx(2, abs=0.02)
    assert not taught.weights.steps[~is_unlabelled].any()


def test_a_step_of_a_short_trajectory_counts_no_more_than_one_of_a_long_one():
    """A discriminator says p_N / (p_N + p_U): of halves of both kinds, as trajectories are, it would say 0.5."""
    data = short_ones_of_one_kind()
    taught = Taught(data, config("safedice", "baseline.gradient_penalty=0", "baseline.updates=600"))
    is_first = data.actions[:, 0].numpy() > 0
    assert taught.costs[is_first].mean() == pytest.approx(0.5 / 0.6, abs=0.04)
    assert taught.costs[~is_first].mean() == pytest.approx(0.5 / 1.4, abs=0.04)


def test_the_penalty_pulls_the_slope_to_one():
    """Actions are 1 or -1 and, scaled, two deviations apart: a slope of 1 makes logits that differ by 2. Without the
    penalty these would differ by 4 log 3, of steps that are 9 times as often marked as not, or the other way round."""
    data = steps_of_two_kinds(0.9, 0.1)
    taught = Taught(data, config("safedice", "baseline.gradient_penalty=100", "baseline.updates=600"))
    logits = np.log(taught.costs / (1 - taught.costs))
    assert logits.max() - logits.min() == pytest.approx(2, abs=0.2)


def trainer_of(data, *settings):
    of_safedice = as_trained(config("safedice", "baseline.batch_size=64", *settings))
    torch.manual_seed(0)
    network = CostNetwork(of_safedice.cost, data.sizes)
    network.fit(data.numbers)
    return SafeDiceTrainer(network, data, of_safedice)


def penalised(trainer):
    """Where the penalty of an update looks at slopes."""
    slopes, asked = trainer.network.slopes, []
    trainer.network.slopes = lambda inputs: (asked.append(inputs), slopes(inputs))[1]
    trainer.update()
    return torch.cat(asked, dim=1)


@pytest.mark.parametrize("chunk", [cost_trainer.CHUNK, 50])
@pytest.mark.parametrize("last_of_segment", [0, 2])
def test_the_penalty_mixes_marked_with_unlabelled_steps_and_these_with_one_another(monkeypatch, chunk, last_of_segment):
    """The action, scaled, is 1 in the marked steps and -1 in the others: half of the mixtures lie between, and half
    are unlabelled. So it is where all marked segments are of one step, and where there are many steps at a time."""
    monkeypatch.setattr(cost_trainer, "CHUNK", chunk)
    segments = dict.fromkeys(range(20), ((0, last_of_segment),))
    found = penalised(trainer_of(replace(steps_of_two_kinds(1.0, 0.0), segments=segments)))[0, :, -1]
    between, unlabelled = found.chunk(2)
    assert len(found) == 4 * 64
    assert unlabelled.tolist() == pytest.approx([-1] * 128, abs=1e-4)
    assert between.mean().item() == pytest.approx(0, abs=0.15)
    assert ((between > -1) & (between < 1)).all()


@pytest.mark.parametrize("last_of_segment", [0, 2])
def test_the_penalty_weighs_the_same_whatever_the_width_of_windows(last_of_segment):
    """Of a network that says the same of all steps, whose slope is 0: 10 / 2 for the distance of 1."""
    segments = dict.fromkeys(range(20), ((0, last_of_segment),))
    trainer = trainer_of(replace(steps_of_two_kinds(1.0, 0.0), segments=segments))
    with torch.no_grad():
        trainer.network.body.weights.zero_()
    bags = trainer._batches.next().bags
    inputs = torch.zeros(1, bags.ends[-1], trainer.network.n_inputs)
    assert trainer.penalty(inputs, bags).sum().item() / bags.ends[-1] == pytest.approx(5, abs=1e-3)


def test_where_all_trajectories_are_of_one_step_each_stays_where_it_is():
    """nu is of a step and the one after it, which must not be one of another trajectory."""
    labels = np.repeat(["non_preferred", "none"], 200)
    data = replace(steps_of_two_kinds(1.0, 0.5), observations=torch.rand(400, 2), offsets=np.arange(401), labels=labels)
    trainer = trainer_of(data, "baseline.updates=2")
    trainer.update()
    value, asked = trainer._value, []
    trainer._value = lambda observations: (asked.append(observations), value(observations))[1]
    trainer.update()
    now, after, _ = asked
    assert now.unique(dim=1).shape[1] > 1
    assert torch.equal(now, after)


def test_images_are_refused_in_words():
    data = steps_of_two_kinds(1.0, 0.5)
    with_images = TrainingData(
        data.observations, data.actions, data.offsets, data.labels, images=(torch.zeros(400, 8, 8, 3),)
    )
    with pytest.raises(InvalidConfig, match="safedice sees numbers alone"):
        Taught(with_images, config("safedice"))
