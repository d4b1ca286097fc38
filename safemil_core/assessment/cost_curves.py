"""An additive cost in a form that a person can read: a curve for each input and, of some networks, a surface a pair.

What they add up to, from `start`, is the logit of a step, and its cost the sigmoid of that; of an ensemble, these are
the means over its networks. Each is taken less its mean over the data: 0 is what a usual step gets. NumPy only.

Shapes: `M` networks of an ensemble, `S` steps that stand for all of the dataset's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from safemil_core.learning.cost_function import CostFunction
from safemil_core.learning.layers import Additive, Pairwise

LEAST = 1e-3
"""Deviation of a logit over the data below which something counts as without effect."""


@dataclass(frozen=True)
class Curve:
    """What one input adds to the logit of a step: straight between these points, level beyond them."""

    input: int
    """Of the D inputs of the networks."""
    x: np.ndarray
    """[n] ascending, as the dataset has them."""
    heights: np.ndarray
    """[M, n] by each network."""
    deviation: float
    """Over the data: how much it moves the cost."""

    def at(self, values: np.ndarray) -> np.ndarray:
        """What it adds at values [...], the mean over the networks."""
        added: np.ndarray = np.interp(values, self.x, self.heights.mean(axis=0))
        return added


@dataclass(frozen=True)
class Surface:
    """What two inputs add together, beyond what each of them adds alone: bilinear between these points."""

    inputs: tuple[int, int]
    x: np.ndarray
    """[n] of the first."""
    y: np.ndarray
    """[m] of the second."""
    heights: np.ndarray
    """[n, m], the mean over the networks."""
    deviation: float
    """As of a curve, were the two inputs independent."""


@dataclass(frozen=True)
class ReadableCost:
    """All that an additive cost is."""

    curves: tuple[Curve, ...]
    """Of all inputs, those first that move the cost most."""
    surfaces: tuple[Surface, ...]
    """Of all pairs, likewise."""
    start: float
    """The logit of a step of which all add 0."""


def read_cost(function: CostFunction, inputs: np.ndarray) -> ReadableCost:
    """The curves and surfaces of a cost.

    Args:
        function: that is a sum.
        inputs: [S, D] of steps that stand for all.
    """
    (layer,) = function.layers
    assert isinstance(layer, Additive | Pairwise), "ask is_sum first"
    sums, tables = (layer.curves, _Tables.of(layer)) if isinstance(layer, Pairwise) else (layer, None)
    seen = (inputs[:, : len(function.mean)] - function.mean) * function.scale
    start = sums.bias.mean() + (tables.means.sum(axis=1).mean() if tables else 0.0)
    curves = []
    for d, places in enumerate(sums.places):
        x, heights = _finite(places), sums.heights[:, 0, d, : np.isfinite(places).sum()]
        if tables is not None:
            x, heights = _added(x, heights, tables.x[d], tables.alone[d])
        at_steps = np.stack([np.interp(seen[:, d], x, of_network) for of_network in heights])
        means = at_steps.mean(axis=1)
        start += means.mean()
        curves.append(Curve(d, _as_recorded(function, d, x), heights - means[:, None], at_steps.mean(axis=0).std()))
    surfaces = tables.surfaces(lambda d, x: _as_recorded(function, d, x)) if tables else []
    return ReadableCost(
        curves=tuple(sorted(curves, key=lambda of: -of.deviation)),
        surfaces=tuple(sorted(surfaces, key=lambda of: -of.deviation)),
        start=float(start),
    )


@dataclass(frozen=True)
class _Tables:
    """Surfaces taken apart into what their inputs add alone and what they add together (Lengerich et al., 2020)."""

    pairs: np.ndarray
    """[2, P] inputs."""
    x: list[np.ndarray]
    """[Q of it] of each input, the knots of its surfaces."""
    mass: list[np.ndarray]
    """[Q of it] of each input, the share of the data at each."""
    means: np.ndarray
    """[M, P] over the data."""
    alone: list[np.ndarray]
    """[M, Q of it] of each input, what it adds alone in all its surfaces."""
    together: list[np.ndarray]
    """[M, Q of the first, Q of the second] of each pair, what is left."""

    @classmethod
    def of(cls, layer: Pairwise) -> _Tables:
        x = [_finite(places) for places in layer.places]
        mass = [of[: len(knots)] for of, knots in zip(layer.mass, x, strict=True)]
        alone = [np.zeros((layer.n_members, len(knots))) for knots in x]
        means, together = [], []
        for pair, (a, b) in enumerate(layer.pairs.T):
            table = layer.tables[:, 0, pair, : len(x[a]), : len(x[b])]
            by_a, by_b = table @ mass[b], mass[a] @ table
            mean = by_a @ mass[a]
            alone[a] += by_a - mean[:, None]
            alone[b] += by_b - mean[:, None]
            means.append(mean)
            together.append(table - by_a[:, :, None] - by_b[:, None, :] + mean[:, None, None])
        return cls(layer.pairs, x, mass, np.stack(means, axis=1), alone, together)

    def surfaces(self, as_recorded: Callable[[int, np.ndarray], np.ndarray]) -> list[Surface]:
        """One a pair; `as_recorded` gives values of an input as the dataset has them."""
        found = []
        for (a, b), table in zip(self.pairs.T.tolist(), self.together, strict=True):
            mean = table.mean(axis=0)
            deviation = float(np.sqrt(self.mass[a] @ mean**2 @ self.mass[b]))
            found.append(Surface((a, b), as_recorded(a, self.x[a]), as_recorded(b, self.x[b]), mean, deviation))
        return found


def _finite(places: np.ndarray) -> np.ndarray:
    knots: np.ndarray = places[np.isfinite(places)]
    return knots


def _added(x: np.ndarray, heights: np.ndarray, z: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Curves with heights [M, n] at x and [M, m] at z, added up: exactly, over the points of both."""
    both = np.union1d(x, z)
    sums = [np.interp(both, x, of) + np.interp(both, z, other) for of, other in zip(heights, others, strict=True)]
    return both, np.stack(sums)


def _as_recorded(function: CostFunction, d: int, x: np.ndarray) -> np.ndarray:
    """Values of an input as the dataset has them, not as the networks see them."""
    if function.scale[d] == 0:  # it never varies
        return np.repeat(function.mean[d], len(x))
    recorded: np.ndarray = x / function.scale[d] + function.mean[d]
    return recorded
