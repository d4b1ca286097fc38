"""SafeDICE by hand, and on a mixture of which the ratios are known."""

import numpy as np
import pytest
import torch
from baseline_cases import Taught, config, short_ones_of_one_kind, steps_of_two_kinds

from safemil_core.errors import InvalidConfig
from safemil_core.learning.baselines.safedice import dice_loss, log_ratio
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


def test_images_are_refused_in_words():
    data = steps_of_two_kinds(1.0, 0.5)
    with_images = TrainingData(
        data.observations, data.actions, data.offsets, data.labels, images=(torch.zeros(400, 8, 8, 3),)
    )
    with pytest.raises(InvalidConfig, match="safedice sees numbers alone"):
        Taught(with_images, config("safedice"))
