"""Additive networks: one curve an input, and surfaces over pairs of inputs, added up. Nothing of what they are for.

A curve is given by its heights at a few knots and straight between them; beyond the first and the last knot it stays as
it is there. Knots lie at quantiles of the data, so that each of them has about as many steps to learn from. Nothing is
hidden: what has been learned can be drawn. Hastie and Tibshirani (1986); with pairs: Lou, Caruana, Gehrke and Hooker
(2013).

Shapes: `M` networks side by side, `D` inputs, `J` knots an input, `F` outputs, `n` steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from safemil_core.errors import InvalidConfig
from safemil_core.learning.layers import CURVE_UNIT
from safemil_core.learning.mlp import Mlp

N_KNOTS = 32
"""Of a curve."""
N_COARSE_KNOTS = 8
"""Of a surface, along each input: it has the square of that to learn."""
MOST_PAIRS = 2_016
"""Surfaces of a network: those of 64 inputs."""
DENSE_NUMBERS = 2**27
"""Of all knots for all steps: the most that lie in a GPU's memory together."""
N_SAMPLED = 20_000
"""Steps whose quantiles stand for those of all, at most twice as many."""


class Knots(nn.Module):
    """Where the knots of each input lie, and between which of them, and how far, a value is."""

    places: Tensor
    """[D, J] ascending. An input of fewer values than that has infinite knots at the end, which are never reached."""
    mass: Tensor
    """[D, J] the share of the data at each knot: a step between two of them counts to both."""

    def __init__(self, n_inputs: int, n_knots: int) -> None:
        super().__init__()
        self.register_buffer("places", torch.linspace(-2, 2, n_knots).repeat(n_inputs, 1))
        self.register_buffer("mass", torch.full((n_inputs, n_knots), 1 / n_knots))

    def fit(self, sample: Tensor) -> None:
        """Put the knots at quantiles of steps [n, D]."""
        n_knots = self.places.shape[1]
        ordered = sample.sort(dim=0).values
        chosen = ordered[torch.linspace(0, len(ordered) - 1, n_knots).round().long()].T
        for place, of_input in zip(self.places, chosen, strict=True):
            distinct = of_input.unique()
            place.fill_(torch.inf)
            place[: len(distinct)] = distinct
        self.mass.copy_(self.shares(sample))

    def shares(self, sample: Tensor) -> Tensor:
        """[D, J] the share of steps [n, D] at each knot, on the host: a step between two of them counts to both."""
        below, share = (of.T.cpu() for of in self.around(sample))  # a GPU would add them up in any order
        sums = torch.zeros(self.mass.shape).scatter_add_(1, below, 1 - share).scatter_add_(1, below + 1, share)
        return sums / len(sample)

    def around(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """[..., D] int64 the knot at or below each of inputs [..., D], and how far it is to the next one, 0 to 1."""
        flat = inputs.flatten(0, -2).T.contiguous()
        below = torch.searchsorted(self.places, flat.detach(), right=True).sub_(1).clamp_(0, self.places.shape[1] - 2)
        left, right = self.places.gather(1, below), self.places.gather(1, below + 1)
        share = ((flat - left) / (right - left)).clamp(0, 1)
        return below.T.view(inputs.shape), share.T.view(inputs.shape)


class Curves(nn.Module):
    """`M` sums of curves, and of whatever features there are of images, each times a number."""

    def __init__(self, n_inputs: int, n_features: int, n_outputs: int, *, members: int = 1) -> None:
        """
        Args:
            n_inputs: D.
            n_features: that follow the inputs.
            n_outputs: F.
            members: M.
        """
        super().__init__()
        self.knots = Knots(n_inputs, N_KNOTS)
        self.weights = nn.Parameter(torch.zeros(members, n_outputs, n_inputs, N_KNOTS))
        self.bias = nn.Parameter(torch.zeros(members, n_outputs))
        with torch.no_grad():
            # What only weighs, or is pooled, has to differ at first.
            self.weights[:, 1:].uniform_(-1 / CURVE_UNIT, 1 / CURVE_UNIT)
        self.of_features = Mlp(n_features, (), n_outputs, members=members) if n_features else None

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Put the knots where the inputs are that come in blocks `[n, D]`; at least one."""
        self._fit(_evenly(blocks, N_SAMPLED))

    def forward(self, inputs: Tensor) -> Tensor:
        """[M, n, F] of inputs and features [M, n, D + features], or of [1, n, ...] that all members see."""
        n_inputs = len(self.knots.places)
        numbers, features = inputs[..., :n_inputs], inputs[..., n_inputs:]
        outputs = self._of_numbers(numbers) + self.bias.unsqueeze(1)
        return outputs if self.of_features is None else outputs + self.of_features(features)

    def shrink(self, rates: Callable[[Tensor], Tensor], by: Tensor) -> None:
        """One proximal step of a group lasso: the deviation of each curve over the data becomes smaller, or 0.

        Args:
            rates: of a parameter, how far the optimiser moves it a unit of gradient.
            by: [M] weight of the sum of the deviations, beside the loss.
        """
        _shrink(self.weights, rates(self.weights), self.knots.mass, by)

    def separation(self, some: Tensor, others: Tensor) -> Tensor:
        """[D] how far apart steps [n, D] and [m, D] lie in each input, whatever the weights: the norm of the difference
        of their shares at the knots, by the knots' mass (Pearson's chi). 0: nowhere apart.

        It is how hard a bag of the ones and a bag of the others pull at each curve of a network that knows nothing yet.
        """
        apart = self.knots.shares(some) - self.knots.shares(others)
        return (apart.square() / self.knots.mass.cpu().clamp_min(1e-9)).sum(dim=1).sqrt()

    def _fit(self, sample: Tensor) -> None:
        self.knots.fit(sample)

    def _of_numbers(self, numbers: Tensor) -> Tensor:
        below, share = self.knots.around(numbers)
        rows = below + torch.arange(below.shape[-1], device=below.device) * N_KNOTS
        return _looked_up(self.weights, [(rows, 1 - share), (rows + 1, share)])


class Surfaces(Curves):
    """Curves, and surfaces over all pairs of inputs: between four knots, those of a hyperbolic paraboloid."""

    def __init__(self, n_inputs: int, n_features: int, n_outputs: int, *, members: int = 1) -> None:
        """As of `Curves`. Raises InvalidConfig where there would be too many pairs."""
        super().__init__(n_inputs, n_features, n_outputs, members=members)
        first, second = torch.triu_indices(n_inputs, n_inputs, 1)
        if len(first) > MOST_PAIRS:
            raise InvalidConfig(
                f"cost.network=pairwise has a surface for every pair of inputs, and {n_inputs} inputs make "
                f"{len(first):,}, more than {MOST_PAIRS:,}; use additive, or cost.inputs=observations"
            )
        self.coarse = Knots(n_inputs, N_COARSE_KNOTS)
        self.register_buffer("pairs", torch.stack([first, second]))
        self.tables = nn.Parameter(torch.zeros(members, n_outputs, len(first), N_COARSE_KNOTS**2))

    pairs: Tensor
    """[2, pairs] int64 inputs."""

    def shrink(self, rates: Callable[[Tensor], Tensor], by: Tensor) -> None:
        super().shrink(rates, by)
        first, second = self.coarse.mass[self.pairs]
        _shrink(self.tables, rates(self.tables), (first.unsqueeze(2) * second.unsqueeze(1)).flatten(1), by)

    def _fit(self, sample: Tensor) -> None:
        super()._fit(sample)
        self.coarse.fit(sample)

    def _of_numbers(self, numbers: Tensor) -> Tensor:
        below, share = self.coarse.around(numbers)
        (a, b), (x, y) = (below[..., of] for of in self.pairs), (share[..., of] for of in self.pairs)
        tables = torch.arange(self.pairs.shape[1], device=below.device) * N_COARSE_KNOTS**2
        row = tables + a * N_COARSE_KNOTS + b
        corners = [
            (row, (1 - x) * (1 - y)),
            (row + 1, (1 - x) * y),
            (row + N_COARSE_KNOTS, x * (1 - y)),
            (row + N_COARSE_KNOTS + 1, x * y),
        ]
        return super()._of_numbers(numbers) + _looked_up(self.tables, corners)


def _looked_up(weights: Tensor, corners: list[tuple[Tensor, Tensor]]) -> Tensor:
    """[M, n, F] sums of the heights in weights [M, F, tables, knots], at rows [M or 1, n, tables], times shares."""
    members, n_outputs = weights.shape[:2]
    if weights.is_cuda and torch.is_grad_enabled() and weights[0, 0].numel() * corners[0][0].shape[1] <= DENSE_NUMBERS:
        return _multiplied(weights, corners)
    heights = weights.flatten(2)
    total: Tensor | float = 0.0
    for rows, shares in corners:
        index = rows.flatten(1).unsqueeze(1).expand(members, n_outputs, -1)
        found = heights.gather(2, index).view(members, n_outputs, *rows.shape[1:])
        total = total + (found * shares.unsqueeze(1)).sum(dim=-1)
    assert isinstance(total, Tensor)
    return total.mT * CURVE_UNIT


def _multiplied(weights: Tensor, corners: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The same as a product with the shares of all knots, 0 of most: a GPU would have to sort the gradients of what is
    looked up, to add them in the same order every time."""
    n_knots = weights.shape[-1]
    knots = torch.arange(n_knots, device=weights.device)
    shares = [(rows.unsqueeze(-1) % n_knots == knots) * share.unsqueeze(-1) for rows, share in corners]
    return sum(shares[1:], start=shares[0]).flatten(2) @ weights.flatten(2).mT * CURVE_UNIT


@torch.no_grad()
def _shrink(weights: Tensor, rates: Tensor, mass: Tensor, by: Tensor) -> None:
    """Pull weights [M, F, tables, knots], whose knots have these shares [tables, knots] of the data, to their means.

    All of a table by the same part of what they are off: a knot of much data has a large share of the penalty and,
    because its gradients are large, a small rate.
    """
    mean = (weights * mass).sum(dim=-1, keepdim=True)
    deviation = ((weights - mean).square() * mass).sum(dim=(1, 3), keepdim=True).sqrt()
    pull = CURVE_UNIT * by.view(-1, 1, 1, 1) / rates.reciprocal().sum(dim=3, keepdim=True).mean(dim=1, keepdim=True)
    weights.copy_(mean + (weights - mean) * (1 - pull / deviation.clamp_min(1e-12)).clamp_min(0))


def _evenly(blocks: Iterable[Tensor], n: int) -> Tensor:
    """[n to 2n, D] rows of inputs that come in blocks, evenly spaced; all of them where there are fewer."""
    kept: list[Tensor] = []
    at, every = 0, 1
    for block in blocks:
        kept.append(block[-at % every :: every])
        at += len(block)
        while sum(map(len, kept)) > 2 * n:
            kept, every = [torch.cat(kept)[::2]], 2 * every
    return torch.cat(kept)
