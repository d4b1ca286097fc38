"""Perceptrons side by side against torch's own layers in float64; what a state dict holds; the same bits every time."""

import pytest
import torch
from learning_cases import generator, in_float64, relative_error
from torch import nn

from safemil_core.learning import mlp
from safemil_core.learning.mlp import PART_STEPS, Mlp, PreparedPass, elu_, split

SIZES = [(), (8,), (16, 5)]
SEVERAL_PARTS = 3 * PART_STEPS + 7


def perceptrons(hidden_sizes=(8,), members=2, **options):
    torch.manual_seed(0)
    return Mlp(4, hidden_sizes, 3, members=members, **options)


def plain(network, member):
    """The same perceptron of torch's layers, in float64."""
    layers = []
    for weight, bias in split(network.weights.detach()[member : member + 1], network.sizes):
        linear = nn.Linear(*weight.shape[1:]).double()
        with torch.no_grad():
            linear.weight.copy_(weight[0].T)
            linear.bias.copy_(bias[0])
        layers += [linear, nn.ELU()]
    return nn.Sequential(*layers[:-1])


def learned(network, inputs):
    """Outputs, and gradients of their weighted sum for inputs and weights."""
    inputs = inputs.clone().requires_grad_()
    outputs = network(inputs)
    factors = torch.randn(outputs.shape, generator=generator(1)).to(outputs)
    (outputs * factors).sum().backward()
    gradient, network.weights.grad = network.weights.grad, None
    return outputs.detach(), inputs.grad, gradient


@pytest.mark.parametrize("n", [1, 50, SEVERAL_PARTS])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("hidden_sizes", SIZES)
def test_each_member_is_a_plain_perceptron_with_the_gradients_of_one(hidden_sizes, members, n):
    network = in_float64(perceptrons(hidden_sizes, members))
    inputs = torch.randn(members, n, 4, generator=generator(), dtype=torch.float64)
    outputs, for_inputs, for_weights = learned(network, inputs)
    factors = torch.randn(outputs.shape, generator=generator(1)).double()
    for member in range(members):
        one, own = plain(network, member), inputs[member].clone().requires_grad_()
        expected = one(own)
        (expected * factors[member]).sum().backward()
        torch.testing.assert_close(outputs[member], expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(for_inputs[member], own.grad, rtol=1e-10, atol=1e-10)
        layers = split(for_weights[member : member + 1], network.sizes)
        for (weight, bias), layer in zip(layers, one[::2], strict=True):
            torch.testing.assert_close(weight[0], layer.weight.grad.T, rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(bias[0], layer.bias.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_given", [1, 2])
def test_the_gradients_are_those_of_finite_differences(n_given):
    """Also where all members see the same inputs, [1, n, D]."""
    network = in_float64(perceptrons())
    inputs = torch.randn(n_given, 5, 4, generator=generator(), dtype=torch.float64, requires_grad=True)
    weights = network.weights.detach().clone().requires_grad_()

    def outputs(inputs, weights):
        return torch.func.functional_call(network, {"weights": weights}, (inputs,))

    assert torch.autograd.gradcheck(outputs, (inputs, weights))


def test_inputs_that_all_members_see_may_be_given_once():
    network, inputs = perceptrons(), torch.randn(1, SEVERAL_PARTS, 4, generator=generator())
    once, repeated = learned(network, inputs), learned(network, inputs.repeat(2, 1, 1))
    assert torch.equal(once[0], repeated[0])
    assert torch.equal(once[2], repeated[2])
    torch.testing.assert_close(once[1], repeated[1].sum(dim=0, keepdim=True))


def test_inputs_without_a_gradient_get_none():
    network = perceptrons()
    inputs = torch.randn(2, 5, 4)
    network(inputs).sum().backward()
    assert inputs.grad is None
    assert network.weights.grad is not None


def test_a_member_depends_on_its_own_inputs_and_weights_alone():
    network, inputs = perceptrons(), torch.randn(2, 5, 4, generator=generator())
    before = learned(network, inputs)
    changed = inputs.clone()
    changed[0] += 1
    after = learned(network, changed)
    for of_before, of_after in zip(before, after, strict=True):
        assert not torch.equal(of_before[0], of_after[0])
        assert torch.equal(of_before[1], of_after[1])


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 0.02)])
def test_fewer_bits_stay_near_float64_and_everything_that_is_kept_is_float32(dtype, error):
    network = perceptrons((32, 32), dtype=dtype)
    inputs = torch.randn(2, SEVERAL_PARTS, 4, generator=generator())
    found = learned(network, inputs)
    exact = learned(in_float64(perceptrons((32, 32))), inputs.double())
    assert network.weights.dtype == torch.float32
    for of_found, of_exact in zip(found, exact, strict=True):
        assert of_found.dtype == torch.float32
        assert relative_error(of_found, of_exact) < error


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_same_bits_come_every_time_and_however_many_cores_share_the_work(monkeypatch, dtype):
    network, inputs = perceptrons((32, 32), dtype=dtype), torch.randn(2, SEVERAL_PARTS, 4, generator=generator())
    first, again = learned(network, inputs), learned(network, inputs)
    monkeypatch.setattr(mlp, "in_parallel", lambda work, parts: [work(part) for part in parts])
    alone = learned(network, inputs)
    for tensors in zip(first, again, alone, strict=True):
        assert torch.equal(tensors[0], tensors[1])
        assert torch.equal(tensors[0], tensors[2])


def test_it_begins_as_torchs_layers_do():
    network = Mlp(16, (400,), 100, members=1)
    for (weight, bias), n_inputs in zip(split(network.weights.detach(), network.sizes), (16, 400), strict=True):
        bound = n_inputs**-0.5
        for values in (weight, bias):
            assert 0.9 * bound < values.abs().max() <= bound
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.05)


def test_the_state_dict_names_the_layers():
    shapes = {name: tuple(tensor.shape) for name, tensor in perceptrons((8, 5), members=3).state_dict().items()}
    assert shapes == {
        "0.weight": (3, 4, 8),
        "0.bias": (3, 8),
        "1.weight": (3, 8, 5),
        "1.bias": (3, 5),
        "2.weight": (3, 5, 3),
        "2.bias": (3, 3),
    }


def test_a_state_dict_makes_the_same_perceptrons_of_others_and_stays_what_it_was():
    one, other = perceptrons((8, 5)), Mlp(4, (8, 5), 3, members=2)
    state = {name: tensor.clone() for name, tensor in one.state_dict().items()}
    other.load_state_dict(state)
    assert torch.equal(one.weights, other.weights)
    with torch.no_grad():
        other.weights.zero_()
    assert all(tensor.any() for tensor in state.values())


def test_a_state_dict_of_another_shape_is_refused():
    state = perceptrons((8,)).state_dict()
    with pytest.raises(RuntimeError, match=r"0\.weight is \(2, 4, 8\), not \(2, 4, 9\)"):
        perceptrons((9,)).load_state_dict(state)
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "1\.bias"'):
        perceptrons((8,)).load_state_dict({name: of for name, of in state.items() if name != "1.bias"})
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "2\.weight"'):
        perceptrons((8,)).load_state_dict(state | {"2.weight": torch.zeros(1)})
    inside = nn.ModuleDict({"body": perceptrons((8,))})
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "body\.1\.weight"'):
        inside.load_state_dict({f"body.{name}": of for name, of in state.items() if name != "1.weight"})


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-15), (torch.float32, 1e-7), (torch.bfloat16, 4e-3)])
def test_the_activation_is_elu_in_place(dtype, close):
    inputs = torch.cat([torch.linspace(-30, 30, 1201), torch.tensor([-1e-6, 0.0, torch.inf, -torch.inf])]).to(dtype)
    values = inputs.clone()
    assert elu_(values) is values
    torch.testing.assert_close(values, nn.functional.elu(inputs), rtol=0, atol=close)
    assert elu_(torch.tensor([torch.nan], dtype=dtype)).isnan().all()


@pytest.mark.parametrize("n", [1, 50, SEVERAL_PARTS])
@pytest.mark.parametrize("hidden_sizes", SIZES)
def test_what_is_prepared_once_gives_the_bits_of_the_graph_each_time(hidden_sizes, n):
    network = perceptrons(hidden_sizes)
    prepared = PreparedPass(network, n)
    for seed in range(2):
        inputs = torch.randn(2, n, 4, generator=generator(seed))
        outputs, _, gradient = learned(network, inputs)
        prepared.inputs.copy_(inputs)
        prepared.forward()
        assert torch.equal(prepared.outputs, outputs)
        prepared.for_outputs.copy_(torch.randn(outputs.shape, generator=generator(1)))
        assert torch.equal(prepared.backward(), gradient)
        with torch.no_grad():
            network.weights.sub_(gradient)
