"""Multi-layer perceptrons, several side by side, as one node of the autograd graph. Nothing of what they are for.

The arithmetic of a small network is a few matrix products; what a framework does around them can cost as much. So all
weights of the `M` members lie in one tensor, forward and backward are written out over whole arrays, the activation is
computed in place, and its derivative is taken from its value (ELU needs no more).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

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
        values, lowered = inputs.to(dtype), weights.to(dtype)
        activations = [values]  # what each layer sees
        for place, (weight, bias) in enumerate(split(lowered, sizes)):
            values = _products(values, weight, bias)
            if place < len(sizes) - 1:
                activations.append(functional.elu_(values))
        ctx.save_for_backward(lowered, *activations)
        ctx.sizes = sizes
        return _at_least_float32(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        lowered, *activations = ctx.saved_tensors
        gradient, above = torch.empty_like(lowered), above.to(lowered.dtype)
        layers = zip(split(lowered, ctx.sizes), split(gradient, ctx.sizes), activations, strict=True)
        for place, ((weight, _), (for_weight, for_bias), below) in reversed(list(enumerate(layers))):
            _products(below.mT, above, out=for_weight)
            torch.sum(above, dim=1, out=for_bias)
            if place > 0:
                above = _products(above, weight.mT)
                torch.ops.aten.elu_backward.grad_input(above, 1.0, 1.0, 1.0, True, below, grad_input=above)
        for_inputs = _products(above, split(lowered, ctx.sizes)[0][0].mT) if ctx.needs_input_grad[0] else None
        return None if for_inputs is None else _at_least_float32(for_inputs), _at_least_float32(gradient), None, None


def _at_least_float32(values: Tensor) -> Tensor:
    """What was computed in fewer bits, to go on with in float32."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def _products(a: Tensor, b: Tensor, bias: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """[M, i, k] products of [M, i, j] and [M, j, k], and a bias [M, k] on top.

    On the CPU member by member: each product keeps all cores busy, and oneDNN's single products are the faster ones.
    """
    if out is None:
        out = a.new_empty(len(a), a.shape[1], b.shape[2])
    if a.device.type != "cpu":
        return torch.bmm(a, b, out=out) if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b, out=out)
    for member in range(len(a)):
        if bias is None:
            torch.mm(a[member], b[member], out=out[member])
        else:
            torch.addmm(bias[member], a[member], b[member], out=out[member])
    return out
