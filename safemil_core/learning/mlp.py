"""Multi-layer perceptrons, several side by side, as one node of the autograd graph. Nothing of what they are for.

The arithmetic of a small network is a few matrix products; what a framework does around them can cost as much. So all
weights of the `M` members lie in one tensor, forward and backward are written out over whole arrays, the activation is
computed in place, and its derivative is taken from its value (ELU needs no more).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from safemil_core.learning.arithmetic import in_parallel, pieces

PART_STEPS = 1_280
"""Steps that one core works on at a time."""

_LOG2_E = math.log2(math.e)

Sizes = tuple[tuple[int, int], ...]
"""Inputs and outputs of each layer."""
_BackwardStep = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]
Layer = tuple[Tensor, Tensor]
"""[M, in, out] weight and [M, out] bias."""


class Mlp(nn.Module):
    """`M` perceptrons of the same sizes, ELU between their layers; each has weights of its own and sees its own inputs.

    In the state dict every layer has a name: `0.weight` [M, in, out], `0.bias` [M, out], and so on.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_sizes: Sequence[int],
        n_outputs: int,
        *,
        members: int = 1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """
        Args:
            n_inputs: of each perceptron.
            hidden_sizes: width of each hidden layer.
            n_outputs: of each perceptron.
            members: M.
            dtype: of the arithmetic; weights, their gradients and the outputs are float32 whatever it is.
        """
        super().__init__()
        self.dtype = dtype
        self.sizes: Sizes = tuple(pairwise([n_inputs, *hidden_sizes, n_outputs]))
        self.weights = nn.Parameter(torch.empty(members, sum(n * m + m for n, m in self.sizes)))
        with torch.no_grad():
            for weight, bias in split(self.weights, self.sizes):  # as torch.nn.Linear begins
                bound = 1 / math.sqrt(max(1, weight.shape[1]))
                weight.uniform_(-bound, bound)
                bias.uniform_(-bound, bound)

    def forward(self, inputs: Tensor) -> Tensor:
        """[M, n, outputs] float32 of inputs [M, n, D], or [1, n, D] that all members see."""
        members = len(self.weights)
        inputs = inputs.expand(members, -1, -1)
        outputs: Tensor = _Node.apply(inputs, self.weights, self.sizes, self.dtype)  # type: ignore[no-untyped-call]
        return outputs

    def twice_differentiable(self, inputs: Tensor) -> Tensor:
        """The same as `forward`, in single operations: for what goes by the gradient of the outputs."""
        for number, (weight, bias) in enumerate(split(self.weights, self.sizes)):
            inputs = (functional.elu(inputs) if number else inputs) @ weight + bias.unsqueeze(-2)
        return inputs

    @torch.no_grad()
    def shrink(self, rates: Callable[[Tensor], Tensor], by: Tensor) -> None:
        """One proximal step of a group lasso: of each input, its weights in the first layer become smaller, or all 0.

        Args:
            rates: of a parameter, how far the optimiser moves it a unit of gradient.
            by: [M] weight of the sum of their norms, beside the loss.
        """
        (weight, _), *_ = split(self.weights, self.sizes)
        (rate, _), *_ = split(rates(self.weights), self.sizes)
        pull = by.view(-1, 1, 1) / rate.reciprocal().mean(dim=-1, keepdim=True)
        norm = torch.linalg.vector_norm(weight, dim=-1, keepdim=True)
        weight.mul_((1 - pull / norm.clamp_min(1e-12)).clamp_min(0))

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for place, (weight, bias) in enumerate(split(self.weights.detach(), self.sizes)):
            destination |= {f"{prefix}{place}.weight": weight, f"{prefix}{place}.bias": bias}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        *_, missing, unexpected, errors = args
        with torch.no_grad():
            for place, layer in enumerate(split(self.weights, self.sizes)):
                for kind, tensor in zip(("weight", "bias"), layer, strict=True):
                    given = state_dict.get(f"{prefix}{place}.{kind}")
                    if given is None:
                        missing.append(f"{prefix}{place}.{kind}")
                    elif given.shape != tensor.shape:
                        errors.append(f"{prefix}{place}.{kind} is {tuple(given.shape)}, not {tuple(tensor.shape)}")
                    else:
                        tensor.copy_(given)
        known = {f"{prefix}{place}.{kind}" for place in range(len(self.sizes)) for kind in ("weight", "bias")}
        unexpected += [key for key in state_dict if key.startswith(prefix) and key not in known]


def split(weights: Tensor, sizes: Sizes) -> list[Layer]:
    """The layers within the one tensor [..., n] that holds them, as views."""
    layers, at = [], 0
    for n, m in sizes:
        weight, bias = weights[..., at : at + n * m], weights[..., at + n * m : at + n * m + m]
        layers.append((weight.view(*weights.shape[:-1], n, m), bias))
        at += n * m + m
    return layers


class _Node(torch.autograd.Function):
    """Forward and backward of all layers of all members.

    What runs side by side is prepared before: the interpreter serves one thread at a time, and a view costs a thread
    its turn as well as a product does.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, sizes: Sizes, dtype: torch.dtype) -> Tensor:
        lowered, values = weights.detach().to(dtype), inputs.detach().to(dtype)
        activations = [values, *(values.new_empty(*values.shape[:2], m) for _, m in sizes)]
        in_parallel(_forward, [_forward_steps(place, lowered, sizes, activations) for place in _places(values)])
        ctx.save_for_backward(lowered, *activations[:-1])
        ctx.sizes = sizes
        return at_least_float32(activations[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        lowered, *activations = ctx.saved_tensors
        places = _places(above)
        for_weights = lowered.new_empty(places[-1].piece + 1, *lowered.shape)
        for_activations = [torch.empty_like(values) for values in activations]
        flows = [*for_activations, above.to(lowered.dtype)]
        is_wanted = ctx.needs_input_grad[0]
        work = [
            _backward_steps(place, lowered, for_weights, ctx.sizes, activations, flows, is_wanted) for place in places
        ]
        in_parallel(_backward, work)
        return at_least_float32(flows[0]) if is_wanted else None, _sum_of_pieces(for_weights), None, None


class PreparedPass:
    """Forward and backward of perceptrons in float32, again and again for as many steps, in arrays of its own.

    Outside the autograd graph: what is prepared for the cores is prepared once, and nothing is made anew. The weights
    are those that the perceptrons have at each call.
    """

    def __init__(self, perceptrons: Mlp, n_steps: int) -> None:
        weights, sizes = perceptrons.weights.detach(), perceptrons.sizes
        widths = [sizes[0][0], *(m for _, m in sizes)]
        activations, flows = ([weights.new_empty(len(weights), n_steps, width) for width in widths] for _ in range(2))
        self.inputs, self.outputs, self.for_outputs = activations[0], activations[-1], flows[-1]
        """[M, n, D] to be filled before `forward`; [M, n, outputs] that it fills; and their gradients, to be filled
        before `backward`."""
        places = _places(self.inputs)
        self._for_weights = weights.new_empty(places[-1].piece + 1, *weights.shape)
        self._forward = [_forward_steps(place, weights, sizes, activations) for place in places]
        self._backward = [
            _backward_steps(place, weights, self._for_weights, sizes, activations, flows, False) for place in places
        ]

    @torch.no_grad()
    def forward(self) -> None:
        """Fill the outputs."""
        in_parallel(_forward, self._forward)

    @torch.no_grad()
    def backward(self) -> Tensor:
        """The gradient by the weights, [M, weights]; it is overwritten by the next one."""
        in_parallel(_backward, self._backward)
        return _sum_of_pieces(self._for_weights)


@dataclass(frozen=True)
class _Place:
    """Some steps of a member, or of all: what one core works on while others work on other places."""

    piece: int
    """Of the steps."""
    member: int | slice
    steps: slice

    def of(self, values: Tensor) -> Tensor:
        """Its part of values [M, n, D]: [steps, D], or [M, steps, D] of all members."""
        return values[self.member, self.steps]


def _places(values: Tensor) -> list[_Place]:
    """All places of values [M, n, D]: on a GPU a single one; else a member and about PART_STEPS steps each."""
    if values.device.type != "cpu":
        return [_Place(0, slice(None), slice(None))]
    cut = pieces(values.shape[1], PART_STEPS)
    return [_Place(piece, member, steps) for piece, steps in enumerate(cut) for member in range(len(values))]


def _forward_steps(
    place: _Place, weights: Tensor, sizes: Sizes, activations: Sequence[Tensor]
) -> list[tuple[Tensor, ...]]:
    """Of each layer: inputs, weight, bias, outputs."""
    values = [place.of(of) for of in activations]
    layers = split(weights[place.member], sizes)
    return [
        (below, weight, bias.unsqueeze(-2), above)
        for (weight, bias), (below, above) in zip(layers, pairwise(values), strict=True)
    ]


def _forward(layers: list[tuple[Tensor, ...]]) -> None:
    for number, (below, weight, bias, above) in enumerate(layers, start=1):
        multiply(below, weight, above, bias)
        if number < len(layers):
            elu_(above)


def _backward_steps(
    place: _Place,
    weights: Tensor,
    for_weights: Tensor,
    sizes: Sizes,
    activations: Sequence[Tensor],
    flows: Sequence[Tensor],
    is_input_wanted: bool,
) -> list[_BackwardStep]:
    """Of each layer, the last first: its inputs' and its weight's transpose; the gradients of weight, bias, outputs and
    inputs, None where it is not wanted; and its inputs where they are an activation's value."""
    layers = split(weights[place.member], sizes)
    for_layers = split(for_weights[place.piece][place.member], sizes)
    steps = []
    for number in reversed(range(len(sizes))):
        below, above = place.of(activations[number]), place.of(flows[number + 1])
        for_weight, for_bias = for_layers[number]
        transposed = below.mT, layers[number][0].mT
        is_hidden = number > 0
        for_below = place.of(flows[number]) if is_hidden or is_input_wanted else None
        steps.append((*transposed, for_weight, for_bias.unsqueeze(-2), above, for_below, below if is_hidden else None))
    return steps


def _backward(layers: list[_BackwardStep]) -> None:
    for below_transposed, weight_transposed, for_weight, for_bias, above, for_below, activation in layers:
        multiply(below_transposed, above, for_weight)
        torch.sum(above, dim=-2, keepdim=True, out=for_bias)
        if for_below is not None:
            multiply(above, weight_transposed, for_below)
            if activation is not None:
                elu_backward_(for_below, activation)


def _sum_of_pieces(for_weights: Tensor) -> Tensor:
    """[M, weights] of the gradients [pieces, M, weights], in their order: the same bits every time."""
    gradients = at_least_float32(for_weights)
    return gradients.sum(dim=0) if len(gradients) > 1 else gradients[0]


def multiply(a: Tensor, b: Tensor, out: Tensor, plus: Tensor | None = None) -> None:
    """[..., i, k] products of [..., i, j] and [..., j, k], and a bias [..., 1, k] on top."""
    if a.dim() == 2:
        _ = torch.mm(a, b, out=out) if plus is None else torch.addmm(plus, a, b, out=out)
    else:
        _ = torch.bmm(a, b, out=out) if plus is None else torch.baddbmm(plus, a, b, out=out)


def elu_(values: Tensor) -> Tensor:
    """ELU in place. On a processor by 2^x, which torch computes five times as fast there as e^x - 1."""
    if values.device.type != "cpu":
        return functional.elu_(values)
    below = at_least_float32(values.clamp(max=0)).mul_(_LOG2_E).exp2_().sub_(1)
    return torch.maximum(values, below.to(values.dtype), out=values)


def elu_backward_(flow: Tensor, values: Tensor) -> None:
    """From the gradient of these values of ELU, in place, that of what they were made of."""
    torch.ops.aten.elu_backward.grad_input(flow, 1.0, 1.0, 1.0, True, values, grad_input=flow)


def at_least_float32(values: Tensor) -> Tensor:
    """What was computed in fewer bits, to go on with in float32."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()
