"""The gradient of cloning without autograd: that of the policies' own squared error, again and again."""

import pytest
import torch
from learning_cases import generator

from safemil_core.config import PolicyConfig
from safemil_core.learning.cloning_pass import CloningPass
from safemil_core.learning.networks import Sizes
from safemil_core.learning.policies import MixturePolicy

N = 37


def policies_and_steps(components=2):
    torch.manual_seed(0)
    policies = MixturePolicy(PolicyConfig(hidden_sizes=(16, 8), components=components), Sizes(4, 2), members=2)
    observations, actions = torch.randn(2, N, 4), torch.empty(2, N, 2).uniform_(-40, 40)
    policies.fit(lambda: [(of, a) for of, a in zip(3 + 2 * observations, actions, strict=True)])
    return policies, observations, actions


def taken_gradient(policies):
    gradient, policies.body.weights.grad = policies.body.weights.grad.clone(), None
    return gradient


@pytest.mark.parametrize("components", [1, 2, 3])
def test_losses_and_gradients_are_those_by_autograd_also_once_weights_have_changed(components):
    policies, observations, actions = policies_and_steps(components)
    run = CloningPass(policies, N)
    for seed in range(3):
        noise = policies.noise((N,), generator(seed))
        losses = run(*run.scaled(observations, actions), noise)
        gradient = taken_gradient(policies)
        expected = policies.squared_error(observations, actions, noise).mean(dim=1)
        expected.sum().backward()
        torch.testing.assert_close(losses, expected.detach())
        torch.testing.assert_close(gradient, taken_gradient(policies), rtol=1e-4, atol=1e-6)
        with torch.no_grad():
            policies.body.weights.sub_(0.1 * gradient)
        observations = observations + 0.1
