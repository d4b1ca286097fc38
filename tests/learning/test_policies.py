"""Policies against torch.distributions, and what their actions promise."""

import numpy as np
import pytest
import torch
from learning_cases import generator
from torch import distributions as d

from safemil_core.config import PolicyConfig
from safemil_core.learning.mlp import split
from safemil_core.learning.networks import Sizes
from safemil_core.learning.policies import ActionRange, CategoricalPolicy, MixturePolicy, make_policy


def policy_of(n_actions=2, components=3, seed=0, members=1):
    torch.manual_seed(seed)
    config = PolicyConfig(hidden_sizes=(16,), components=components)
    return MixturePolicy(config, Sizes(4, n_actions), members)


def reference(policy, observations):
    """The same mixture built of torch's own parts, in float64."""
    log_mix, means, log_stds = (part.double() for part in policy.mixture(observations))
    normal = d.Independent(
        d.TransformedDistribution(d.Normal(means, log_stds.exp()), [d.transforms.TanhTransform()]), 1
    )
    return d.MixtureSameFamily(d.Categorical(logits=log_mix), normal)


@pytest.mark.parametrize("n_actions", [1, 2, 5])
@pytest.mark.parametrize("components", [1, 2, 4])
def test_the_log_likelihood_is_that_of_torchs_distributions(n_actions, components):
    policy = policy_of(n_actions, components, members=2)
    observations = torch.randn(2, 50, 4)
    actions = torch.empty(2, 50, n_actions).uniform_(-0.99, 0.99)
    expected = reference(policy, observations).log_prob(actions.double())
    found = policy.log_likelihood(observations, actions)
    assert found.shape == (2, 50)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-4)


def test_the_density_integrates_to_one():
    policy = policy_of(n_actions=1)
    observations = torch.randn(5, 4)
    edges = torch.tanh(torch.linspace(-40, 40, 80_001, dtype=torch.float64))
    middles, widths = ((edges[1:] + edges[:-1]) / 2).float(), edges.diff()
    actions = middles.view(1, -1, 1)
    for observation in observations:
        densities = policy.log_likelihood(observation.expand(1, len(middles), 4), actions).double().exp()
        assert (densities * widths).sum().item() == pytest.approx(1, abs=5e-3)


def test_actions_at_the_edge_have_a_finite_likelihood_and_gradient():
    policy = policy_of()
    actions = torch.tensor([[[1.0, -1.0], [-1.0, -1.0], [1.0, 0.0]]])
    likelihood = policy.log_likelihood(torch.randn(1, 3, 4), actions)
    assert torch.isfinite(likelihood).all()
    likelihood.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in policy.parameters())


def test_extreme_observations_give_finite_actions_and_likelihoods():
    policy = policy_of()
    observations = torch.tensor([[1e6, -1e6, 1e6, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.isfinite(policy.log_likelihood(observations.unsqueeze(0), torch.zeros(1, 2, 2))).all()
    assert (policy(observations).abs() <= 1).all()


def test_means_and_deviations_stay_within_the_authors_limits():
    policy = policy_of()
    with torch.no_grad():
        policy.body.weights.mul_(1e3)
    _, means, log_stds = policy.mixture(torch.randn(1, 500, 4))
    assert (means.min().item(), means.max().item()) == (-7, 7)
    assert (log_stds.min().item(), log_stds.max().item()) == (-5, 2)


def test_samples_lie_within_the_actions_range_and_come_again_from_the_same_generator():
    policy, observations = policy_of(), torch.randn(1, 500, 4)
    first, again, other = (policy.sample(observations, policy.noise((500,), generator(seed))) for seed in (0, 0, 1))
    assert first.shape == (1, 500, 2)
    assert (first.abs() <= 1).all()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_sample_is_differentiable_in_every_weight():
    policy = policy_of()
    policy.sample(torch.randn(1, 64, 4), policy.noise((64,), generator())).square().sum().backward()
    gradient = policy.body.weights.grad
    assert torch.isfinite(gradient).all()
    (weight, bias) = split(gradient, policy.body.sizes)[-1]
    assert (weight.abs().sum(dim=1) > 0).all()  # mixture, means and deviations alike
    assert (bias != 0).all()


def test_samples_are_distributed_as_the_likelihood_says():
    policy = policy_of(n_actions=1, components=2)
    observation = torch.randn(4)
    noise = policy.noise((40_000,), generator())
    samples = policy.sample(observation.expand(1, 40_000, 4), noise).detach().flatten()
    torch.manual_seed(1)
    expected = reference(policy, observation.view(1, 1, 4)).sample((40_000,)).flatten()
    shares = [np.histogram(values.numpy(), bins=20, range=(-1, 1))[0] / 40_000 for values in (samples, expected)]
    np.testing.assert_allclose(*shares, atol=0.012)


def test_the_action_is_the_centre_of_the_likeliest_component():
    policy = policy_of()
    observations = torch.randn(7, 3, 4)  # any leading dimensions
    log_mix, means, _ = policy.mixture(observations.view(1, 21, 4))
    actions = policy(observations)
    assert actions.shape == (7, 3, 2)
    for i in range(7):
        for j in range(3):
            best = int(log_mix[0, 3 * i + j].argmax())
            torch.testing.assert_close(actions[i, j], torch.tanh(means[0, 3 * i + j, best]))
    torch.testing.assert_close(policy(observations[0, 0]), actions[0, 0])  # and none


def test_actions_in_units_of_their_own_are_acted_sampled_and_told_as_the_same_ones_in_1_are():
    usual, own = policy_of(), policy_of()
    centre, half_range = torch.tensor([30.0, 0.0]), torch.tensor([60.0, 1.0])  # degrees; and nothing to change
    squashed = torch.empty(1, 200, 2).uniform_(-0.99, 0.99)
    squashed[0, 0], squashed[0, 1] = -1, 1
    actions, observations = centre + half_range * squashed, torch.randn(1, 200, 4)
    own.fit(lambda: [(observations[0], actions[0])], normalise=False)
    assert (own.range.centre.tolist(), own.range.half_range.tolist()) == ([30, 0], [60, 1])
    torch.testing.assert_close(own.act(observations), centre + half_range * usual.act(observations))
    noise = own.noise((200,), generator())
    drawn = (policy.sample(observations, noise) for policy in (own, usual))
    torch.testing.assert_close(next(drawn), centre + half_range * next(drawn))
    inner = slice(2, None)  # what is at the edge itself, float32 tells differently in other units
    told = own.log_likelihood(observations, actions) - usual.log_likelihood(observations, squashed)
    torch.testing.assert_close(told[:, inner], torch.full((1, 198), -float(np.log(60))), atol=1e-3, rtol=0)
    errors = (p.squared_error(observations, a, noise) for p, a in ((own, actions), (usual, squashed)))
    torch.testing.assert_close(next(errors), next(errors), atol=1e-4, rtol=1e-4)


def test_the_range_of_actions_is_theirs_only_where_they_leave_what_is_usual():
    columns = [[-0.2, 0.1, 0.3], [-1, 0, 1], [-2, 0, 1], [5, 5, 5], [0.0, 2.0, 10.0]]
    actions = torch.tensor(columns).T
    found = ActionRange(5)
    found.fit(actions.split(1))
    assert found.centre.tolist() == [0, 0, -0.5, 5, 5]
    assert found.half_range.tolist() == [1, 1, 1.5, 1, 5]
    torch.testing.assert_close(found(found.squashed(actions)), actions)
    usual = actions[:, :2]
    assert torch.equal(found.squashed(actions)[:, :2], usual)  # to the bit


def categorical_of(members=1):
    torch.manual_seed(0)
    return CategoricalPolicy(PolicyConfig(hidden_sizes=(16,)), Sizes(4, 5, choices=(2, 3)), members)


def chosen(*choices):
    """Rows with a 1 for each choice that was taken, of two and of three."""
    rows = torch.zeros(len(choices), 5)
    for row, (first, second) in zip(rows, choices, strict=True):
        row[first], row[2 + second] = 1, 1
    return rows


def test_the_policy_fits_the_actions():
    assert isinstance(make_policy(PolicyConfig(), Sizes(4, 2)), MixturePolicy)
    assert isinstance(make_policy(PolicyConfig(), Sizes(4, 5, choices=(2, 3))), CategoricalPolicy)


def test_of_discrete_actions_the_log_likelihood_is_that_of_torchs_distributions():
    policy, observations = categorical_of(members=2), torch.randn(2, 6, 4)
    outputs = policy.outputs(observations)
    choices = [(a, b) for a in range(2) for b in range(3)]
    found = policy.log_likelihood(observations, chosen(*choices).expand(2, 6, 5))
    for member in range(2):
        for row, (a, b) in enumerate(choices):
            first, second = (d.Categorical(logits=of) for of in outputs[member, row].split([2, 3]))
            expected = first.log_prob(torch.tensor(a)) + second.log_prob(torch.tensor(b))
            torch.testing.assert_close(found[member, row], expected)


def test_the_probabilities_of_all_choices_together_are_1():
    policy, observation = categorical_of(), torch.randn(1, 1, 4)
    every = chosen(*[(a, b) for a in range(2) for b in range(3)])
    likelihoods = policy.log_likelihood(observation.expand(1, 6, 4), every.unsqueeze(0))
    assert likelihoods.exp().sum().item() == pytest.approx(1)


def test_a_discrete_action_is_the_likeliest_choice_of_each_as_a_number():
    policy, observations = categorical_of(), torch.randn(7, 3, 4)
    actions = policy(observations)
    assert actions.shape == (7, 3, 2)
    outputs = policy.outputs(observations.view(1, 21, 4))[0]
    assert torch.equal(actions.view(21, 2)[:, 0], outputs[:, :2].argmax(dim=1))
    assert torch.equal(actions.view(21, 2)[:, 1], outputs[:, 2:].argmax(dim=1))
    assert set(actions.flatten().tolist()) <= {0, 1, 2}


def test_choices_have_no_distance_so_that_both_losses_are_the_likelihoods():
    policy, observations, actions = categorical_of(), torch.randn(1, 2, 4), chosen((0, 1), (1, 2)).unsqueeze(0)
    found = policy.squared_error(observations, actions, policy.noise((2,), generator()))
    assert torch.equal(found, -policy.log_likelihood(observations, actions))


def test_policies_side_by_side_are_each_what_it_would_be_alone():
    policies, observations = policy_of(members=2), torch.randn(2, 9, 4)
    alone = policy_of()
    for member in range(2):
        with torch.no_grad():
            alone.body.weights.copy_(policies.body.weights[member : member + 1])
        torch.testing.assert_close(policies.act(observations)[member], alone(observations[member]))
