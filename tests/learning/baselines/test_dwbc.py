"""DWBC-NU by hand, and where its discriminator must end."""

import numpy as np
import pytest
import torch
from baseline_cases import Taught, config, short_ones_of_one_kind, steps_of_two_kinds

from safemil_core.learning.baselines.dwbc import unlabelled_loss


def test_the_loss_by_hand():
    marked, unlabelled = torch.tensor([[0.8, 0.8]]), torch.tensor([[0.2, 0.5]])
    expected = 0.25 * (np.log(0.2) - np.log(0.8)) - (np.log(0.8) + np.log(0.5)) / 2
    assert unlabelled_loss(marked, unlabelled, 0.25).tolist() == pytest.approx([expected], rel=1e-5)


def test_the_discriminator_finds_the_share_of_each_kind_of_step_that_is_like_the_marked():
    """The loss is least at d = eta p_N / p_U: here 0.5 * 0.8 / 0.5 of steps with action 1, and 0.5 * 0.2 / 0.5."""
    data = steps_of_two_kinds(0.8, 0.5)
    taught = Taught(data, config("dwbc_nu", "baseline.batch_size=256"))
    is_first = data.actions[:, 0].numpy() > 0
    assert taught.costs[is_first].mean() == pytest.approx(0.8, abs=0.03)
    assert taught.costs[~is_first].mean() == pytest.approx(0.2, abs=0.03)


def test_a_step_of_a_short_trajectory_counts_no_more_than_one_of_a_long_one():
    """d = eta p_N / p_U is 0.5 * 0.5 / 0.9 of the nine tenths of the unlabelled steps, and more than the limit of the
    tenth; drawn as often as trajectories, both would be halves, and d 0.5."""
    data = short_ones_of_one_kind()
    taught = Taught(data, config("dwbc_nu", "baseline.batch_size=256"))
    is_first = data.actions[:, 0].numpy() > 0
    assert taught.costs[~is_first].mean() == pytest.approx(0.25 / 0.9, abs=0.03)
    assert taught.costs[is_first].mean() > 0.85


def test_an_unlabelled_step_weighs_what_the_discriminator_leaves():
    data = steps_of_two_kinds(0.8, 0.5)
    taught = Taught(data, config("dwbc_nu", "baseline.updates=20", "weights.scheme=trajectory"))
    is_unlabelled = np.repeat(data.labels == "none", 10)
    left = np.where(is_unlabelled, 1 - taught.costs.astype(np.float64), 0)
    np.testing.assert_allclose(taught.weights.steps, left / left[is_unlabelled].mean())
