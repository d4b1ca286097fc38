"""The policy against torch.distributions, and what its actions promise; inputs of any scale."""

import numpy as np
import pytest
import torch
from torch import distributions as d

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.learning.networks import CostNetwork, MixturePolicy, Normaliser


def policy_of(n_actions=2, components=3, seed=0):
    torch.manual_seed(seed)
    return MixturePolicy(PolicyConfig(hidden_sizes=(16,), components=components), 4, n_actions)


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
    policy = policy_of(n_actions, components)
    observations = torch.randn(50, 4)
    actions = torch.empty(50, n_actions).uniform_(-0.99, 0.99)
    expected = reference(policy, observations).log_prob(actions.double())
    found = policy.log_likelihood(observations, actions)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-4)


def test_the_density_integrates_to_one():
    policy = policy_of(n_actions=1)
    observations = torch.randn(5, 4)
    edges = torch.tanh(torch.linspace(-40, 40, 80_001, dtype=torch.float64))
    middles, widths = ((edges[1:] + edges[:-1]) / 2).float(), edges.diff()
    for observation in observations:
        densities = policy.log_likelihood(observation.expand(len(middles), 4), middles.unsqueeze(-1)).double().exp()
        assert (densities * widths).sum().item() == pytest.approx(1, abs=5e-3)


def test_actions_at_the_edge_have_a_finite_likelihood_and_gradient():
    policy = policy_of()
    actions = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 0.0]])
    likelihood = policy.log_likelihood(torch.randn(3, 4), actions)
    assert torch.isfinite(likelihood).all()
    likelihood.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in policy.parameters())


def test_extreme_observations_give_finite_actions_and_likelihoods():
    policy = policy_of()
    observations = torch.tensor([[1e6, -1e6, 1e6, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.isfinite(policy.log_likelihood(observations, torch.zeros(2, 2))).all()
    assert (policy(observations).abs() <= 1).all()


def test_samples_lie_within_the_actions_range_and_come_again_from_the_same_generator():
    policy, observations = policy_of(), torch.randn(500, 4)
    first, again, other = (policy.sample(observations, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert (first.abs() <= 1).all()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_sample_is_differentiable_in_every_weight():
    policy = policy_of()
    policy.sample(torch.randn(64, 4), torch.Generator().manual_seed(0)).square().sum().backward()
    gradients = [p.grad for p in policy.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert (policy.body.output.weight.grad.abs().sum(dim=1) > 0).all()  # mixture, means and deviations alike


def test_samples_are_distributed_as_the_likelihood_says():
    policy = policy_of(n_actions=1, components=2)
    observation = torch.randn(4)
    samples = policy.sample(observation.expand(40_000, 4), torch.Generator().manual_seed(0)).detach().squeeze(-1)
    torch.manual_seed(1)
    expected = reference(policy, observation).sample((40_000,)).squeeze(-1)
    shares = [np.histogram(values.numpy(), bins=20, range=(-1, 1))[0] / 40_000 for values in (samples, expected)]
    np.testing.assert_allclose(*shares, atol=0.012)


def test_the_action_is_the_centre_of_the_likeliest_component():
    policy = policy_of()
    observations = torch.randn(7, 3, 4)  # any leading dimensions
    log_mix, means, _ = policy.mixture(observations)
    actions = policy(observations)
    assert actions.shape == (7, 3, 2)
    for i in range(7):
        for j in range(3):
            best = int(log_mix[i, j].argmax())
            torch.testing.assert_close(actions[i, j], torch.tanh(means[i, j, best]))
    torch.testing.assert_close(policy(observations[0, 0]), actions[0, 0])  # and none


def test_normalised_inputs_have_mean_0_and_deviation_1_but_for_what_never_varies():
    torch.manual_seed(0)
    inputs = torch.randn(1_000, 3) * torch.tensor([1.0, 1e4, 1e-3]) + torch.tensor([5.0, -1e5, 0.0])
    inputs = torch.cat([inputs, torch.full((1_000, 1), 7.0)], dim=1)
    normaliser = Normaliser(4)
    assert torch.equal(normaliser(inputs), inputs)  # before it is fitted it changes nothing
    normaliser.fit([inputs])
    scaled = normaliser(inputs)
    np.testing.assert_allclose(scaled.mean(dim=0), 0, atol=1e-2)
    np.testing.assert_allclose(scaled.std(dim=0, correction=0), [1, 1, 1, 0], atol=1e-3)
    assert torch.equal(scaled[:, 3], torch.zeros(1_000))
    assert torch.isfinite(normaliser(torch.full((1, 4), 1e6))).all()


def test_a_cost_lies_between_0_and_1_and_has_the_leading_shape_of_its_inputs():
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(hidden_sizes=(16, 16)), 3, 2)
    costs = network(torch.randn(5, 4, 3), torch.randn(5, 4, 2))
    assert costs.shape == (5, 4)
    assert ((costs > 0) & (costs < 1)).all()


def test_a_network_without_hidden_layers_is_logistic_regression():
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(hidden_sizes=()), 2, 1)
    weight, bias = network.body.output.weight[0], network.body.output.bias
    inputs = torch.randn(9, 3)
    expected = torch.sigmoid(inputs @ weight + bias)
    torch.testing.assert_close(network(inputs[:, :2], inputs[:, 2:]), expected)
