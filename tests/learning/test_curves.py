"""Curves and surfaces: between their knots by hand, knots at quantiles, what they learn, inputs that become 0."""

import pytest
import torch
from learning_cases import crossing, true_costs

from safemil_core.assessment.evaluation import roc_auc
from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning import curves
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.curves import Curves, Knots, Surfaces
from safemil_core.learning.layers import CURVE_UNIT
from safemil_core.learning.networks import CostNetwork


def knots_at(*places):
    knots = Knots(1, len(places))
    knots.places.copy_(torch.tensor([places]))
    return knots


def test_between_two_knots_a_value_counts_to_both_by_how_near_it_is():
    below, share = knots_at(0.0, 1.0, 3.0).around(torch.tensor([[-5.0], [0.0], [0.25], [1.0], [2.0], [3.0], [9.0]]))
    assert below.flatten().tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert share.flatten().tolist() == [0, 0, 0.25, 0, 0.5, 1, 1]


def test_knots_lie_at_quantiles_and_carry_the_data():
    knots = Knots(1, 3)
    knots.fit(torch.tensor([[0.0], [1.0], [2.0], [4.0], [10.0]]))
    assert knots.places.tolist() == [[0, 2, 10]]
    # 0 whole, half of 1; half of 1, 2, three quarters of 4; a quarter of 4, 10; over 5 steps.
    torch.testing.assert_close(knots.mass, torch.tensor([[1.5, 2.25, 1.25]]) / 5)


def test_an_input_of_two_values_has_two_knots():
    knots = Knots(1, 4)
    knots.fit(torch.tensor([[0.0], [1.0], [0.0], [0.0]]))
    assert knots.places.tolist() == [[0, 1, torch.inf, torch.inf]]
    assert knots.mass.tolist() == [[0.75, 0.25, 0, 0]]
    below, share = knots.around(torch.tensor([[0.0], [1.0], [5.0]]))
    assert (below + share).flatten().tolist() == [0, 1, 1]


def test_curves_add_up(monkeypatch):
    monkeypatch.setattr(curves, "N_KNOTS", 3)
    body = Curves(2, 0, 1)
    body.fit([torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]])])
    with torch.no_grad():
        body.weights[0, 0] = torch.tensor([[1.0, 2.0, 0.0], [5.0, -1.0, 1.0]]) / CURVE_UNIT
        body.bias.fill_(0.5)
    # Of 2 the first curve is half way from 2 down to 0, and the second of 1 half way from 5 down to -1.
    torch.testing.assert_close(body(torch.tensor([[[2.0, 1.0]]])), torch.tensor([[[0.5 + 1.0 + 2.0]]]))


@pytest.mark.parametrize("kind", [Curves, Surfaces])
def test_the_product_that_a_gpu_computes_is_what_is_looked_up_with_the_same_gradients(monkeypatch, kind):
    torch.manual_seed(0)
    body, inputs = kind(4, 0, 3, members=2), torch.randn(2, 50, 4)
    inputs[..., 3] = inputs[..., 3].round()  # few values, and so knots that are none
    body.fit([inputs.flatten(0, 1)])
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.normal_()
    found = []
    for how in (curves._looked_up, curves._multiplied):
        monkeypatch.setattr(curves, "_looked_up", how)
        outputs = body(inputs)
        found.append((outputs, *torch.autograd.grad(outputs.square().sum(), list(body.parameters()))))
    assert all(of.any() for of in found[0])
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-2)


def test_a_surface_is_bilinear_between_its_knots(monkeypatch):
    monkeypatch.setattr(curves, "N_COARSE_KNOTS", 2)
    body = Surfaces(2, 0, 1)
    body.fit([torch.tensor([[0.0, 0.0], [1.0, 2.0]])])
    with torch.no_grad():
        body.tables[0, 0, 0] = torch.tensor([1.0, 3.0, 5.0, 11.0]) / CURVE_UNIT
    for (x, y), height in {(0, 0): 1, (0, 2): 3, (1, 0): 5, (1, 2): 11, (0.5, 1): 5, (0.25, 0): 2}.items():
        torch.testing.assert_close(body(torch.tensor([[[float(x), float(y)]]])), torch.tensor([[[float(height)]]]))


def test_more_surfaces_than_can_be_learned_are_refused():
    with pytest.raises(InvalidConfig, match=r"65 inputs make 2,080, more than 2,016; use additive, or cost.inputs"):
        Surfaces(65, 0, 1)


def test_a_sample_of_many_blocks_is_evenly_spaced(monkeypatch):
    monkeypatch.setattr(curves, "N_SAMPLED", 10)
    rows = torch.arange(1_000.0).unsqueeze(1)
    kept = curves._evenly(rows.split(37), 10)
    assert torch.equal(kept, rows[::64])


@pytest.mark.parametrize("kind", [Curves, Surfaces])
def test_shrinking_keeps_means_and_shapes_until_nothing_is_left(kind):
    torch.manual_seed(0)
    body = kind(2, 0, 1, members=2)
    body.fit([torch.randn(500, 2)])
    with torch.no_grad():
        body.weights.normal_()

    def centred():
        mean = (body.weights * body.knots.mass).sum(dim=-1, keepdim=True)
        return body.weights.detach() - mean, mean

    shape, mean = centred()
    body.shrink(torch.ones_like, torch.tensor([0.1, 0.1]))
    smaller, still = centred()
    torch.testing.assert_close(mean, still)
    # Rates of 1: the pull is the unit times 0.1, over the number of knots, off the deviation of each curve.
    deviation = (shape.square() * body.knots.mass).sum(dim=-1, keepdim=True).sqrt()
    torch.testing.assert_close(smaller, shape * (1 - CURVE_UNIT * 0.1 / curves.N_KNOTS / deviation))
    body.shrink(torch.ones_like, torch.tensor([10.0, 10.0]))
    assert torch.allclose(centred()[0], torch.tensor(0.0), atol=1e-6)


def test_how_far_apart_two_samples_lie_by_hand():
    """Two knots an input; between them a step counts to both. In the first input half of the data is at each knot, and
    the samples at one of them each; in the second they lie alike; the third never varies."""
    body = Curves(3, 0, 1)
    body.fit([torch.tensor([[0.0, 0.0, 5.0], [1.0, 1.0, 5.0]])])
    some, others = torch.tensor([[0.0, 0.5, 5.0]] * 3), torch.tensor([[1.0, 0.0, 5.0], [1.0, 1.0, 5.0]])
    torch.testing.assert_close(body.separation(some, others), torch.tensor([2.0, 0.0, 0.0]))
    nearer = torch.tensor([[0.75, 0.5, 5.0]])
    torch.testing.assert_close(body.separation(nearer, others), torch.tensor([0.5, 0.0, 0.0]))


def learned(*settings):
    """A network that has learned from walkers, of which x tells unsafe steps, y nothing, and the action a little."""
    data = crossing()
    plain = [
        "cost.inputs=all",
        "cost.sparsity=0",
        "cost.relative_sparsity=false",
        "cost.updates=300",
        "cost.bag_size=32",
        "cost.aggregator=sum",
        "cost.learning_rate=0.002",
    ]
    config = RunConfig().with_values([*plain, *settings])
    torch.manual_seed(0)
    network = CostNetwork(config.cost, data.sizes)
    network.fit(data.numbers)
    trainer = CostTrainer(network, data, config)
    for _ in range(config.cost.updates):
        trainer.update()
    return network


def deviations(network):
    """Of each member's curves over the data."""
    (weights, mass) = network.body.weights[:, 0].detach(), network.body.knots.mass
    return ((weights - (weights * mass).sum(dim=-1, keepdim=True)).square() * mass).sum(dim=-1).sqrt() * CURVE_UNIT


@pytest.mark.parametrize("kind", ["additive", "pairwise"])
def test_curves_learn_where_steps_cost(kind):
    network = learned(f"cost.network={kind}", "cost.members=2")
    assert roc_auc(score_steps(network, crossing()).mean, true_costs() > 0) > 0.95


def test_with_sparsity_an_input_that_tells_nothing_has_no_effect_at_all():
    assert (deviations(learned("cost.network=additive")) > 0.05).all()
    x, y, _ = deviations(learned("cost.network=additive", "cost.sparsity=0.05"))[0].tolist()
    assert x > 0.5
    assert y < 1e-6


def test_so_it_is_in_a_perceptron():
    network = learned("cost.network=mlp", "cost.hidden_sizes=[16]", "cost.sparsity=0.05")
    x, y, _ = network.state_dict()["body.0.weight"][0].norm(dim=-1).tolist()
    assert x > 0.1
    assert y == 0


def test_of_images_alone_there_are_no_curves_and_their_features_are_weighed():
    body = Curves(0, 4, 1, members=2)
    body.fit([torch.zeros(5, 0)])
    features = torch.randn(2, 7, 4)
    outputs = body(features)
    (outputs.sum()).backward()
    assert outputs.shape == (2, 7, 1)
    assert body.weights.grad.shape == (2, 1, 0, curves.N_KNOTS)
    torch.testing.assert_close(outputs, body.of_features(features))
