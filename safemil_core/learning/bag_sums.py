"""Sums of costs over bags and their gradients, in one pass over the steps, without autograd.

How a sum changes with a weight of the perceptron needs no other term of it, and no other sum. So each step's part in
the gradient is made while what the perceptron computes of it still lies in the cache, and nothing of it is kept; only
the scale of a bag's gradient, which is the loss's business, waits until all sums are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from safemil_core.learning.arithmetic import in_parallel, pieces
from safemil_core.learning.mlp import PART_STEPS, Layer, Mlp, at_least_float32, elu_, elu_backward_, multiply, split

LANES = 8
"""Of a bag at most: as many cores can work on it, and as many gradients are in memory."""

Inputs = Callable[[int, slice], Tensor]
"""[n, D] what a member's perceptron sees of some of the steps; asked by several threads."""


@dataclass(frozen=True)
class BagSums:
    """The sums of `B` bags for each of `M` members, and how they change with the members' weights."""

    sums: Tensor
    """[B, M]."""
    _bags: Sequence[int]
    """[L] of each lane."""
    _gradients: Tensor
    """[M, L, weights] of each lane's part of the sum."""

    def gradient(self, slopes: Tensor) -> Tensor:
        """[M, weights] of a function that changes with the sums by `slopes` [B, M]."""
        of_lanes = slopes[list(self._bags)].mT.unsqueeze(-1)
        return (self._gradients * of_lanes).sum(dim=1)


@torch.no_grad()
def bag_sums(perceptron: Mlp, inputs: Inputs, weights: Tensor, ends: Sequence[int]) -> BagSums:
    """Of each bag the sum of `weight * sigmoid(output)` over its steps (Eq. 6 of the paper).

    Args:
        perceptron: of `M` members, with a single output.
        inputs: of all steps.
        weights: [M, n] of the steps.
        ends: where each of the `B` bags ends among the steps; a bag may be empty.
    """
    bags, places = zip(*_lanes(ends), strict=True)
    lowered, sizes = perceptron.weights.detach().to(perceptron.dtype), perceptron.sizes
    sums = weights.new_zeros(len(lowered), len(places), 1)
    gradients = weights.new_zeros(len(lowered), len(places), lowered.shape[1])
    layers = [split(of_member, sizes) for of_member in lowered]
    lanes = [
        _Lane(member, place, inputs, weights[member], layers[member], sum_, split(gradient, sizes))
        for member in range(len(lowered))
        for place, sum_, gradient in zip(places, sums[member], gradients[member], strict=True)
    ]
    in_parallel(_pass, lanes)
    # The lanes of each bag in their order, so that its sum has the same bits every time.
    of_bags = weights.new_zeros(len(ends), len(lowered))
    for bag, of_lane in zip(bags, sums[..., 0].unbind(1), strict=True):
        of_bags[bag] += of_lane
    return BagSums(of_bags, bags, gradients)


def _lanes(ends: Sequence[int]) -> list[tuple[int, slice]]:
    """Of each lane its bag and its steps: the same lanes however many cores there are."""
    lanes = []
    for bag, (begin, end) in enumerate(pairwise((0, *ends))):
        size = max(PART_STEPS, -(-(end - begin) // LANES))
        lanes += [(bag, slice(begin + at.start, begin + at.stop)) for at in pieces(end - begin, size)]
    return lanes


@dataclass(frozen=True)
class _Lane:
    """Some steps of a bag, for one member: what one core works on while others work on other lanes."""

    member: int
    steps: slice
    inputs: Inputs
    weights: Tensor
    """[n] of all steps."""
    layers: Sequence[Layer]
    sum: Tensor
    """[1] where the sum of these steps goes."""
    for_layers: Sequence[Layer]
    """Where its gradient goes."""


def _pass(lane: _Lane) -> None:
    begin = lane.steps.start
    for at in pieces(lane.steps.stop - begin, PART_STEPS):
        steps = slice(begin + at.start, begin + at.stop)
        _pass_over(lane.inputs(lane.member, steps), lane.weights[steps, None], lane)


def _pass_over(inputs: Tensor, weights: Tensor, lane: _Lane) -> None:
    """Of some of a lane's steps, inputs [n, D] and weights [n, 1]."""
    values = [inputs.to(lane.layers[0][0].dtype)]
    for number, (weight, bias) in enumerate(lane.layers, start=1):
        above = weight.new_empty((len(inputs), len(bias)))
        multiply(values[-1], weight, above, bias)
        values.append(elu_(above) if number < len(lane.layers) else above)
    costs = torch.sigmoid(at_least_float32(values.pop()))
    terms = costs * weights
    lane.sum.add_(terms.sum(dim=0))
    flow = (terms * (1 - costs)).to(values[0].dtype)
    for (weight, _), (for_weight, for_bias) in zip(reversed(lane.layers), reversed(lane.for_layers), strict=True):
        below = values.pop()
        for_weight.add_(below.mT @ flow)
        for_bias.add_(flow.sum(dim=0))
        if values:
            flow = flow @ weight.mT
            elu_backward_(flow, below)
