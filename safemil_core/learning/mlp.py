"""Multi-layer perceptrons, several side by side, as one node of the autograd graph. Nothing of what they are for.

The arithmetic of a small network is a few matrix products; what a framework does around them can cost as much. So all
weights of the `M` members lie in one tensor, forward and backward are written out over whole arrays, the activation is
computed in place, and its derivative is taken from its value (ELU needs no more).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from safemil_core.learning.arithmetic import in_parallel

PART_STEPS = 1_280
"""Steps that one core works on at a time."""

Sizes = tuple[tuple[int, int], ...]
"""Inputs and outputs of each layer."""
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
    """The layers within the one tensor [M, n] that holds them, as views."""
    layers, at = [], 0
    for n, m in sizes:
        weight, bias = weights[:, at : at + n * m], weights[:, at + n * m : at + n * m + m]
        layers.append((weight.view(-1, n, m), bias))
        at += n * m + m
    return layers


class _Node(torch.autograd.Function):
    """Forward and backward of all layers of all members."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weights: Tensor, sizes: Sizes, dtype: torch.dtype) -> Tensor:
        lowered = weights.detach().to(dtype)
        values = inputs.detach().to(dtype)
        activations = [values, *(values.new_empty(*values.shape[:2], m) for _, m in sizes)]
        ctx.save_for_backward(lowered, *activations[:-1])
        ctx.sizes = sizes

        def forward(part: Part) -> None:
            layers = split(part.of_members(lowered), sizes)
            for place, (weight, bias) in enumerate(layers):
                outputs = part.of_steps(activations[place + 1])
                _products(part.of_steps(activations[place]), weight, outputs, bias)
                if place < len(sizes) - 1:
                    functional.elu_(outputs)

        in_parallel(forward, parts(values))
        return _at_least_float32(activations[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        lowered, *activations = ctx.saved_tensors
        sizes, above = ctx.sizes, above.to(lowered.dtype)
        all_parts = parts(above)
        gradients = [torch.empty_like(part.of_members(lowered)) for part in all_parts]
        for_inputs = torch.empty_like(activations[0]) if ctx.needs_input_grad[0] else None

        def backward(part: Part) -> None:
            layers = split(part.of_members(lowered), sizes)
            for_layers = split(gradients[part.number], sizes)
            gradient = part.of_steps(above)
            for place in reversed(range(len(sizes))):
                below = part.of_steps(activations[place])
                _products(below.mT, gradient, for_layers[place][0])
                torch.sum(gradient, dim=1, out=for_layers[place][1])
                if place > 0:
                    gradient = _products(gradient, layers[place][0].mT, torch.empty_like(below))
                    torch.ops.aten.elu_backward.grad_input(gradient, 1.0, 1.0, 1.0, True, below, grad_input=gradient)
                elif for_inputs is not None:
                    _products(gradient, layers[0][0].mT, part.of_steps(for_inputs))

        in_parallel(backward, all_parts)
        total = torch.zeros_like(lowered, dtype=_at_least_float32(lowered[:0]).dtype)
        for part in all_parts:  # in their order, so that the sum has the same bits every time
            part.of_members(total).add_(gradients[part.number])
        return None if for_inputs is None else _at_least_float32(for_inputs), total, None, None


@dataclass(frozen=True)
class Part:
    """Some steps of some members: what one core works on while others work on other parts."""

    number: int
    members: slice
    steps: slice

    def of_members(self, tensor: Tensor) -> Tensor:
        """Of a tensor [M, ...]."""
        return tensor[self.members]

    def of_steps(self, tensor: Tensor) -> Tensor:
        """Of a tensor [M, n, ...]."""
        return tensor[self.members, self.steps]


def parts(of: Tensor) -> list[Part]:
    """The parts of a tensor [M, n, ...]: on a GPU the whole; else a member and PART_STEPS steps each, however many
    cores there are, so that the numbers do not depend on the machine."""
    if of.device.type != "cpu":
        return [Part(0, slice(None), slice(None))]
    pieces = max(1, round(of.shape[1] / PART_STEPS))
    edges = [of.shape[1] * piece // pieces for piece in range(pieces + 1)]
    places = [(member, steps) for member in range(len(of)) for steps in pairwise(edges)]
    return [Part(number, slice(m, m + 1), slice(*steps)) for number, (m, steps) in enumerate(places)]


def _products(a: Tensor, b: Tensor, out: Tensor, bias: Tensor | None = None) -> Tensor:
    """[M, i, k] products of [M, i, j] and [M, j, k], and a bias [M, k] on top."""
    if len(a) > 1:
        return torch.bmm(a, b, out=out) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b, out=out)
    if bias is None:
        torch.mm(a[0], b[0], out=out[0])
    else:
        torch.addmm(bias[0], a[0], b[0], out=out[0])
    return out


def _at_least_float32(values: Tensor) -> Tensor:
    """What was computed in fewer bits, to go on with in float32."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()
