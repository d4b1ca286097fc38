"""Weighted behaviour cloning: what is drawn, and the loss of both kinds."""

import numpy as np
import pytest
import torch

from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.learning.networks import MixturePolicy
from safemil_core.learning.policy import Cloner, cloning_loss

BOTH = ("log_likelihood", "squared_error")


def clone(weights, observations, actions, updates=300, loss="log_likelihood", **policy):
    """A policy after some updates of imitating steps with these weights."""
    config = RunConfig(policy=PolicyConfig(hidden_sizes=(16,), batch_size=32, updates=updates, loss=loss, **policy))
    torch.manual_seed(0)
    network = MixturePolicy(config.policy, observations.shape[1], actions.shape[1])
    cloner = Cloner(network, config, observations, actions, torch.Generator().manual_seed(0))
    cloner.set_weights(np.array(weights, dtype=np.float64))
    losses = [float(cloner.update()) for _ in range(updates)]
    return network, losses


@pytest.mark.parametrize("loss", BOTH)
def test_a_policy_learns_the_action_of_the_weighted_steps_alone(loss):
    """In the same state two actions; all the weight lies on one."""
    observations = torch.zeros(200, 2)
    actions = torch.cat([torch.full((100, 1), 0.6), torch.full((100, 1), -0.6)])
    network, losses = clone([1.0] * 100 + [0.0] * 100, observations, actions, loss=loss, learning_rate=1e-2)
    assert network(torch.zeros(2)).item() == pytest.approx(0.6, abs=0.05)
    assert np.mean(losses[-20:]) < np.mean(losses[:20])


def test_by_likelihood_a_mixture_keeps_two_ways_to_act_and_squared_error_averages_them():
    observations = torch.ones(200, 2)
    actions = torch.cat([torch.full((100, 1), 0.95), torch.full((100, 1), -0.95)])
    actions = actions + 0.01 * torch.randn(200, 1, generator=torch.Generator().manual_seed(0))
    kept, _ = clone([1.0] * 200, observations, actions, 600, "log_likelihood", learning_rate=1e-2)
    means = torch.tanh(kept.mixture(torch.ones(2))[1]).squeeze(-1).sort().values
    np.testing.assert_allclose(means.detach().numpy(), [-0.95, 0.95], atol=0.05)
    averaged, _ = clone([1.0] * 200, observations, actions, loss="squared_error", components=1, learning_rate=1e-2)
    assert abs(averaged(torch.ones(2)).item()) < 0.2


def test_steps_are_imitated_in_proportion_to_their_weights():
    """The best constant under squared error is the weighted mean of the actions."""
    observations = torch.zeros(3, 1)
    actions = torch.tensor([[-0.5], [0.0], [0.5]])
    network, _ = clone([1, 0, 3], observations, actions, 500, "squared_error", components=1, learning_rate=1e-2)
    assert network(torch.zeros(1)).item() == pytest.approx(0.25, abs=0.06)


def test_a_step_without_weight_is_never_drawn():
    """Its action would make the loss not a number."""
    observations, actions = torch.zeros(6, 1), torch.full((6, 1), 0.5)
    weights = np.array([0, 1, 0, 0, 1, 0])
    actions[weights == 0] = torch.nan
    _, losses = clone(weights, observations, actions, updates=200)
    assert np.isfinite(losses).all()


def test_the_likelihood_loss_is_the_mean_negative_log_density():
    torch.manual_seed(0)
    policy = MixturePolicy(PolicyConfig(hidden_sizes=(8,)), 3, 2)
    observations, actions = torch.randn(20, 3), torch.empty(20, 2).uniform_(-0.9, 0.9)
    loss = cloning_loss(policy, observations, actions, "log_likelihood", torch.Generator())
    assert loss.item() == pytest.approx(-policy.log_likelihood(observations, actions).mean().item())


def test_the_squared_error_is_summed_over_dimensions_and_averaged_over_steps():
    torch.manual_seed(0)
    policy = MixturePolicy(PolicyConfig(hidden_sizes=(8,)), 3, 2)
    observations, actions = torch.randn(20, 3), torch.empty(20, 2).uniform_(-0.9, 0.9)
    loss = cloning_loss(policy, observations, actions, "squared_error", torch.Generator().manual_seed(3))
    sample = policy.sample(observations, torch.Generator().manual_seed(3)).detach()
    expected = sum(float(((s - a) ** 2).sum()) for s, a in zip(sample, actions, strict=True)) / 20
    assert loss.item() == pytest.approx(expected, rel=1e-5)
