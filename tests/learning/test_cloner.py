"""Weighted behaviour cloning: what is drawn, the loss of both kinds, policies that do not meet, and going on after a
stop."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from factories import trajectory_set
from learning_cases import RemoteData, bits, crossing, generator

from safemil_core.config import RunConfig
from safemil_core.data.recording import Part
from safemil_core.learning.cloner import Cloner, cloning_losses
from safemil_core.learning.policies import make_policy
from safemil_core.learning.training_data import TrainingData

BOTH = ("log_likelihood", "squared_error")


def data_of(observations, actions, kind=TrainingData):
    n = len(observations)
    return kind(observations, actions, np.array([0, n]), np.array(["none"]))


def cloner_of(data, weights, settings=(), seed=0):
    """For each policy the weights of the steps; None: all alike."""
    config = RunConfig(seed=seed).with_values(["policy.hidden_sizes=[16]", "policy.batch_size=32", *settings])
    torch.manual_seed(0)
    cloner = Cloner(make_policy(config.policy, data.sizes, len(weights)), data, config)
    for policy, of in enumerate(weights):
        cloner.set_weights(policy, np.ones(data.n_steps) if of is None else np.array(of, dtype=np.float64))
    return cloner


def clone(weights, observations, actions, updates=300, loss="log_likelihood", settings=()):
    """A policy after some updates of imitating steps with these weights, and its losses."""
    settings = [f"policy.updates={updates}", f"policy.loss={loss}", *settings]
    cloner = cloner_of(data_of(observations, actions), [weights], settings)
    losses = updated(cloner, updates).flatten().tolist()
    return cloner.policies, losses


def mixed():
    """In the same state, half of the steps do one thing and half another."""
    return torch.zeros(200, 2), torch.cat([torch.full((100, 1), 0.6), torch.full((100, 1), -0.6)])


FAST = ["policy.learning_rate=0.01"]


@pytest.mark.parametrize("loss", BOTH)
def test_a_policy_learns_the_action_of_the_weighted_steps_alone(loss):
    """In the same state two actions; all the weight lies on one."""
    network, losses = clone([1.0] * 100 + [0.0] * 100, *mixed(), loss=loss, settings=FAST)
    assert network(torch.zeros(2)).item() == pytest.approx(0.6, abs=0.05)
    assert np.mean(losses[-20:]) < np.mean(losses[:20])


def test_by_likelihood_a_mixture_keeps_two_ways_to_act_and_squared_error_averages_them():
    observations = torch.ones(200, 2)
    actions = torch.cat([torch.full((100, 1), 0.95), torch.full((100, 1), -0.95)])
    actions = actions + 0.01 * torch.randn(200, 1, generator=generator())
    kept, _ = clone([1.0] * 200, observations, actions, 600, "log_likelihood", FAST)
    means = torch.tanh(kept.mixture(torch.ones(1, 1, 2))[1]).flatten().sort().values
    np.testing.assert_allclose(means.detach().numpy(), [-0.95, 0.95], atol=0.05)
    averaged, _ = clone([1.0] * 200, observations, actions, 300, "squared_error", ["policy.components=1", *FAST])
    assert abs(averaged(torch.ones(2)).item()) < 0.2


def test_steps_are_imitated_in_proportion_to_their_weights():
    """The best constant under squared error is the weighted mean of the actions."""
    observations, actions = torch.zeros(3, 1), torch.tensor([[-0.5], [0.0], [0.5]])
    network, _ = clone([1, 0, 3], observations, actions, 500, "squared_error", ["policy.components=1", *FAST])
    assert network(torch.zeros(1)).item() == pytest.approx(0.25, abs=0.06)


def test_a_step_without_weight_is_never_drawn():
    """Its action would make the loss not a number."""
    observations, actions = torch.zeros(6, 1), torch.full((6, 1), 0.5)
    weights = np.array([0, 1, 0, 0, 1, 0])
    actions[weights == 0] = torch.nan
    _, losses = clone(weights, observations, actions, updates=200)
    assert np.isfinite(losses).all()


def test_discrete_actions_are_imitated_in_proportion_to_their_weights():
    trajectories = replace(trajectory_set(4, n_actions=1), actions=np.array([[0], [1], [2], [2]], dtype=np.float32))
    trajectories.observations[:] = 0
    part = Part(dtype="int64", n_choices=3)
    data = TrainingData.of(trajectories, np.array(["none"]), torch.device("cpu"), action_parts=[part])
    cloner = cloner_of(data, [[1, 0, 2, 3]], ["policy.updates=400", *FAST])
    updated(cloner, 400)
    probabilities = cloner.policies.log_probabilities(torch.zeros(1, 1, 3)).exp().flatten()
    np.testing.assert_allclose(probabilities.detach(), [1 / 6, 0, 5 / 6], atol=0.04)
    assert cloner.policies(torch.zeros(3)).tolist() == [2]


def policies_and_steps():
    torch.manual_seed(0)
    policies = make_policy(RunConfig().policy, data_of(torch.zeros(1, 3), torch.zeros(1, 2)).sizes, 2)
    return policies, torch.randn(2, 20, 3), torch.empty(2, 20, 2).uniform_(-0.9, 0.9)


def test_the_likelihood_loss_is_the_mean_negative_log_density_of_each():
    policies, observations, actions = policies_and_steps()
    losses = cloning_losses(policies, observations, actions, "log_likelihood", ())
    torch.testing.assert_close(losses, -policies.log_likelihood(observations, actions).mean(dim=1))
    assert losses.shape == (2,)


def test_the_squared_error_is_summed_over_dimensions_and_averaged_over_steps():
    policies, observations, actions = policies_and_steps()
    losses = cloning_losses(policies, observations, actions, "squared_error", policies.noise((20,), generator(3)))
    samples = policies.sample(observations, policies.noise((20,), generator(3))).detach()
    for policy in range(2):
        pairs = zip(samples[policy], actions[policy], strict=True)
        assert losses[policy].item() == pytest.approx(sum(float(((s - a) ** 2).sum()) for s, a in pairs) / 20, rel=1e-5)


def updated(cloner, n):
    """[n, M] the losses of so many updates."""
    losses = []
    for _ in range(n):
        cloner.update()
        losses.append(cloner.losses)
    return torch.stack(losses)


def test_policies_imitate_each_its_own_steps_and_do_not_meet():
    data = data_of(*mixed())
    left, right = [1.0] * 100 + [0.0] * 100, [0.0] * 100 + [1.0] * 100
    cloner = cloner_of(data, [left, right], ["policy.updates=300", *FAST])
    updated(cloner, 300)
    actions = cloner.policies.act(torch.zeros(1, 1, 2)).flatten()
    np.testing.assert_allclose(actions.detach(), [0.6, -0.6], atol=0.05)


def test_what_one_policy_imitates_does_not_change_the_other():
    losses = [updated(cloner_of(crossing(), [of, None]), 30) for of in (None, np.arange(640))]
    assert torch.equal(losses[0][:, 1], losses[1][:, 1])
    assert not torch.equal(losses[0][:, 0], losses[1][:, 0])


def test_new_weights_count_from_the_next_update_on():
    data = data_of(torch.zeros(2, 1), torch.tensor([[0.5], [torch.nan]]))
    for kind in (TrainingData, RemoteData):
        cloner = cloner_of(kind(**vars(data)), [[1, 0]])
        assert torch.isfinite(updated(cloner, 10)).all()
        cloner.set_weights(0, np.array([0.0, 1.0]))
        assert torch.isnan(updated(cloner, 1)).all()


@pytest.mark.parametrize("kind", [TrainingData, RemoteData])
@pytest.mark.parametrize("stopped_at", [0, 1, 37, 64, 99])
def test_loaded_it_goes_on_to_the_bit(kind, stopped_at):
    """Steps are drawn for 64 updates at a time: at 37, a block is begun."""
    data, weights = crossing(kind=kind), [None, np.arange(640)]
    whole, before, after = (cloner_of(data, weights, ["policy.updates=120"]) for _ in range(3))
    updated(whole, 100)
    for _ in range(stopped_at):
        before.update()
    after.load(before.state())
    updated(after, 100 - stopped_at)
    assert after.updates == 100
    assert bits(after.policies) == bits(whole.policies)


def test_an_update_without_autograd_is_that_with_it(monkeypatch):
    quick = cloner_of(crossing(), [None, np.arange(640)])
    losses = updated(quick, 50)
    monkeypatch.setattr(Cloner, "_plain_pass", lambda _: None)
    slow = cloner_of(crossing(), [None, np.arange(640)])
    torch.testing.assert_close(losses, updated(slow, 50), rtol=1e-4, atol=1e-4)


def test_the_likelihood_and_other_numbers_are_left_to_autograd():
    data, config = crossing(), RunConfig()
    likelihood = cloner_of(data, [None], ["policy.loss=log_likelihood"])
    lowered = Cloner(make_policy(config.policy, data.sizes, 1, torch.bfloat16), data, config)
    lowered.set_weights(0, np.ones(data.n_steps))
    for cloner in (likelihood, lowered):
        assert cloner._plain_pass() is None
        assert torch.isfinite(updated(cloner, 3)).all()


def test_data_from_outside_the_device_are_imitated_as_if_they_lay_there():
    local, remote = (cloner_of(crossing(kind=kind), [None, np.arange(640)]) for kind in (TrainingData, RemoteData))
    assert torch.equal(updated(local, 100), updated(remote, 100))


def test_the_same_seed_draws_the_same_and_another_others():
    first, again, other = (updated(cloner_of(crossing(), [None], seed=seed), 5) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
