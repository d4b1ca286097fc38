"""The plain loop and the engine are two ways to say the same: losses, gradients and updates on the same bags agree."""

import numpy as np
import pytest
import torch
from factories import crossing_arrays

from safemil_core.bench.reference import bag_pair_loss, descend, optimiser, perceptron, window_costs
from safemil_core.config import CostConfig, RunConfig
from safemil_core.learning.bags import BagSampler
from safemil_core.learning.cost_model import bag_loss
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.optimiser import Optimiser

K, T, HIDDEN = 16, 12, 32
ARRAYS = crossing_arrays(n=10, length=T)
OBSERVATIONS, ACTIONS = (torch.from_numpy(ARRAYS[key]) for key in ("observations", "actions"))
SIZES = Sizes(OBSERVATIONS.shape[1], ACTIONS.shape[1])
PAPER = RunConfig.paper()


def bags(window, n):
    """`n` pairs of a non-preferred and an unlabelled bag."""
    offsets, generator = np.arange(11) * T, torch.Generator().manual_seed(3)
    kinds = (np.array([1, 3, 5]), np.array([0, 2, 4, 6, 7, 8, 9]))
    options = {"bag_size": K, "window": window, "gamma": PAPER.cost.gamma}
    drawn = [BagSampler(offsets, members, **options).draw(generator, n) for members in kinds]
    return list(zip(*drawn, strict=True))


def windows(bag, window):
    """A bag's steps [K, H, ...], as the reference takes them."""
    steps = bag.steps.view(K, window)
    return OBSERVATIONS[steps], ACTIONS[steps]


def engines_loss(network, pair):
    outputs = [network.outputs(OBSERVATIONS[bag.steps][None], ACTIONS[bag.steps][None]) for bag in pair]
    scores = [network.aggregator.score(of, bag.weights[None]) for of, bag in zip(outputs, pair, strict=True)]
    return bag_loss(scores).squeeze()


@pytest.fixture
def both():
    """A cost network of the engine, and the same as a plain module."""
    torch.manual_seed(0)
    network = CostNetwork(
        CostConfig(network="mlp", inputs="all", aggregator="sum", hidden_sizes=(HIDDEN, HIDDEN)), SIZES
    )
    plain = torch.nn.Sequential(*perceptron(SIZES.observations + SIZES.actions, HIDDEN, 1), torch.nn.Sigmoid())
    weights = network.body.state_dict()
    plain.load_state_dict({
        f"{2 * layer}.{kind}": weights[f"{layer}.{kind}"][0].mT if kind == "weight" else weights[f"{layer}.{kind}"][0]
        for layer in range(3)
        for kind in ("weight", "bias")
    })  # fmt: skip
    return network, plain


def flat(plain, of=lambda parameter: parameter):
    """What is asked of every parameter, in the order and layout of the engine's one tensor of weights."""
    return torch.cat(
        [of(parameter).mT.flatten() if parameter.dim() == 2 else of(parameter) for parameter in plain.parameters()]
    )


@pytest.mark.parametrize("window", [1, 5, T])
def test_loss_and_gradient_are_the_engines(both, window):
    network, plain = both
    (pair,) = bags(window, 1)
    ours, theirs = engines_loss(network, pair), bag_pair_loss(plain, *(windows(bag, window) for bag in pair))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    ours.backward()
    theirs.backward()
    torch.testing.assert_close(
        network.body.weights.grad[0], flat(plain, lambda parameter: parameter.grad), rtol=1e-4, atol=1e-7
    )


def test_fifty_updates_lead_to_the_same_network(both):
    network, plain = both
    ours, theirs = Optimiser(network.parameters(), PAPER.optimiser, PAPER.cost.learning_rate), optimiser(plain)
    begun = network.body.weights.detach().clone()
    for pair in bags(5, 50):
        engines_loss(network, pair).backward()
        ours.step()
        descend(bag_pair_loss(plain, *(windows(bag, 5) for bag in pair)), plain, theirs)
    assert (network.body.weights - begun).abs().max() > 0.005  # they went somewhere
    torch.testing.assert_close(network.body.weights[0], flat(plain), rtol=1e-3, atol=1e-4)


def test_a_window_costs_the_discounted_sum_of_its_steps():
    steps = torch.tensor([[[0.1], [0.2], [0.4]]])
    total = window_costs(lambda inputs: inputs[:, :1], (steps, torch.zeros(1, 3, 1)))
    assert total.item() == pytest.approx(0.1 + 0.99 * 0.2 + 0.99**2 * 0.4)
