"""Sums of costs over bags, forward and backward in one pass over their steps.

How a sum changes with a weight of the perceptron needs no other term of it, and no other sum. So each step's part in
the gradient is made while what the perceptron computes of it still lies in the cache, and nothing of it is kept; only
the scale of a bag's gradient, which is the loss's business, waits until all sums are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from safemil_core.learning.arithmetic import in_parallel, pieces
from safemil_core.learning.mlp import (
    PART_STEPS,
    Layer,
    Mlp,
    Sizes,
    at_least_float32,
    elu_,
    elu_backward_,
    multiply,
    split,
)


def bag_sums(perceptron: Mlp, inputs: Tensor, weights: Tensor, ends: Sequence[int]) -> Tensor:
    """[B, M] of each bag, for each member, the sum of `weight * sigmoid(output)` over its steps (Eq. 6 of the paper).

    Args:
        perceptron: of `M` members, with a single output.
        inputs: [M, n, D] of the steps, or [1, n, D] that all members see; no gradient flows to them.
        weights: [M, n] of the steps.
        ends: where each of the `B` bags ends among the steps; a bag may be empty.
    """
    inputs, of_all = inputs.expand(len(perceptron.weights), -1, -1), (perceptron.sizes, perceptron.dtype)
    sums: Tensor = _Node.apply(inputs, weights, tuple(ends), perceptron.weights, *of_all)  # type: ignore[no-untyped-call]
    return sums


class _Node(torch.autograd.Function):
    """The sums, whose gradients are there as soon as they are."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weights: Tensor,
        ends: tuple[int, ...],
        parameters: Tensor,
        sizes: Sizes,
        dtype: torch.dtype,
    ) -> Tensor:
        lowered, values = parameters.detach().to(dtype), inputs.detach().to(dtype)
        cut = [pieces(end - begin, PART_STEPS) for begin, end in pairwise((0, *ends))]
        places = [
            slice(begin + at.start, begin + at.stop) for begin, of in zip((0, *ends), cut, strict=False) for at in of
        ]
        members = range(len(lowered))
        sums = lowered.new_empty((len(places), len(members), 1), dtype=torch.promote_types(dtype, weights.dtype))
        gradients = lowered.new_empty((len(places), *lowered.shape))
        layers = [split(of_member, sizes) for of_member in lowered]
        parts = [
            _Part(values[m, at], weights[m, at, None], layers[m], sums[k, m], split(gradients[k, m], sizes))
            for k, at in enumerate(places)
            for m in members
        ]
        in_parallel(_pass, parts)
        # The parts of each bag in their order, so that its sum has the same bits every time.
        counts = [len(of_bag) for of_bag in cut]
        of_bags = [at_least_float32(of_bag).sum(dim=0) for of_bag in torch.split(gradients, counts)]
        ctx.save_for_backward(torch.stack(of_bags))
        return torch.stack([of_bag.sum(dim=(0, 2)) for of_bag in torch.split(sums, counts)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[None, None, None, Tensor, None, None]:
        (of_bags,) = ctx.saved_tensors
        return None, None, None, (of_bags * above.unsqueeze(-1)).sum(dim=0), None, None


@dataclass(frozen=True)
class _Part:
    """Some steps of a bag, for one member: what one core works on while others work on other parts."""

    inputs: Tensor
    """[n, D]."""
    weights: Tensor
    """[n, 1]."""
    layers: Sequence[Layer]
    sum: Tensor
    """[1] where the sum of these steps goes."""
    for_layers: Sequence[Layer]
    """Where its gradient goes."""


def _pass(part: _Part) -> None:
    values = [part.inputs]
    for number, (weight, bias) in enumerate(part.layers, start=1):
        above = weight.new_empty((len(part.inputs), len(bias)))
        multiply(values[-1], weight, above, bias)
        values.append(elu_(above) if number < len(part.layers) else above)
    costs = torch.sigmoid(at_least_float32(values.pop()))
    terms = costs * part.weights
    torch.sum(terms, dim=0, out=part.sum)
    flow = (terms * (1 - costs)).to(part.inputs.dtype)
    for (weight, _), (for_weight, for_bias) in zip(reversed(part.layers), reversed(part.for_layers), strict=True):
        below = values.pop()
        multiply(below.mT, flow, for_weight)
        torch.sum(flow, dim=0, out=for_bias)
        if values:
            flow = flow @ weight.mT
            elu_backward_(flow, below)
