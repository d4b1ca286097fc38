"""What networks are made of, in NumPy: their values and how these change with what is below. See `cost_function`.

Shapes: `M` networks side by side, `n` steps, `D` inputs, `J` knots, `F` outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MEAN_LIMIT = 7.0
"""The authors' limit of the centres of a policy's Gaussians, before the tanh."""

CURVE_UNIT = 20.0
"""The height of a curve that a weight of 1 is. What a step sees are two weights of a curve, and all of a perceptron:
with the same step size, both get about as far only because a weight of a curve says so much more."""


class Layer(Protocol):
    """One layer of `M` networks."""

    @property
    def n_members(self) -> int:
        """M."""

    @property
    def values_per_step(self) -> int:
        """How many are held for each step."""

    def forward(self, below: np.ndarray) -> np.ndarray:
        """[M, n, F] float32 of values [M or 1, n, D]."""

    def backward(self, below: np.ndarray, flow: np.ndarray) -> np.ndarray:
        """[M, n, D] float32, the gradient by the values below, of one [M, n, F] by its own."""


def values_of(layers: Sequence[Layer], inputs: np.ndarray) -> list[np.ndarray]:
    """The inputs [1, n, D] of [n, D], of each layer the values [M, n, width], at last the outputs; ELU in between."""
    values = [inputs[None]]
    for number, layer in enumerate(layers, start=1):
        above = layer.forward(values[-1])
        if number < len(layers):
            below_zero = np.minimum(above, 0.0)
            np.maximum(above, 0.0, out=above)
            above += np.expm1(below_zero, out=below_zero)
        values.append(above)
    return values


@dataclass(frozen=True)
class Linear:
    """A matrix product and a bias."""

    weight: np.ndarray
    """[M, D, F]."""
    bias: np.ndarray
    """[M, 1, F]."""

    @property
    def n_members(self) -> int:
        return len(self.weight)

    @property
    def values_per_step(self) -> int:
        return self.bias.size

    def forward(self, below: np.ndarray) -> np.ndarray:
        above: np.ndarray = below @ self.weight + self.bias
        return above

    def backward(self, below: np.ndarray, flow: np.ndarray) -> np.ndarray:
        into: np.ndarray = flow @ self.weight.swapaxes(1, 2)
        return into


@dataclass(frozen=True)
class Additive:
    """Sums of curves, straight between their knots and level beyond them."""

    places: np.ndarray
    """[D, J] of the knots, ascending; infinite ones at the end are none."""
    heights: np.ndarray
    """[M, F, D, J] at the knots."""
    bias: np.ndarray
    """[M, 1, F]."""

    @property
    def n_members(self) -> int:
        return len(self.heights)

    @property
    def values_per_step(self) -> int:
        return self.heights[..., 0].size

    def forward(self, below: np.ndarray) -> np.ndarray:
        above = np.repeat(self.bias.astype(np.float64), below.shape[1], axis=1)
        for d, n_knots in enumerate(np.isfinite(self.places).sum(axis=1)):
            knots = self.places[d, :n_knots]
            for m, f in np.ndindex(self.heights.shape[:2]):
                above[m, :, f] += np.interp(below[0, :, d], knots, self.heights[m, f, d, :n_knots])
        return above.astype(np.float32)

    def backward(self, below: np.ndarray, flow: np.ndarray) -> np.ndarray:
        into = np.empty((len(flow), *below.shape[1:]), dtype=np.float32)
        index, share, width = _around(self.places, below[0])
        for d in range(below.shape[2]):
            rise = self.heights[:, :, d, index[:, d] + 1] - self.heights[:, :, d, index[:, d]]
            is_sloped = (share[:, d] > 0) & (share[:, d] < 1)
            into[:, :, d] = np.einsum("mnf,mfn->mn", flow, rise) / width[:, d] * is_sloped
        return into

    def increments(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """[M, n, D] what each input changes of the first output, from values [n, D] to others; all of it together."""
        changes = np.empty((self.n_members, *start.shape))
        for d, places in enumerate(self.places):
            knots = places[np.isfinite(places)]
            for m, heights in enumerate(self.heights[:, 0, d, : len(knots)]):
                changes[m, :, d] = np.interp(end[:, d], knots, heights) - np.interp(start[:, d], knots, heights)
        return changes


@dataclass(frozen=True)
class Pairwise:
    """Sums of curves, and of surfaces over pairs of inputs: bilinear between four knots."""

    curves: Additive
    places: np.ndarray
    """[D, Q] of the surfaces' knots, as of curves."""
    mass: np.ndarray
    """[D, Q] the share of the data at each."""
    pairs: np.ndarray
    """[2, P] int64 inputs."""
    tables: np.ndarray
    """[M, F, P, Q, Q] heights of the surfaces, along the first input and then the second."""

    @property
    def n_members(self) -> int:
        return self.curves.n_members

    @property
    def values_per_step(self) -> int:
        return self.curves.values_per_step + 4 * self.tables[..., 0, 0].size

    def forward(self, below: np.ndarray) -> np.ndarray:
        surfaces = self._surfaces(below[0], below[0]).sum(axis=3).swapaxes(1, 2)
        above: np.ndarray = (self.curves.forward(below) + surfaces).astype(np.float32)
        return above

    def backward(self, below: np.ndarray, flow: np.ndarray) -> np.ndarray:
        into = self.curves.backward(below, flow)
        at, (x, y), (width_x, width_y) = self._corners(below[0], below[0])
        by_x = ((1 - y) * (at[1][0] - at[0][0]) + y * (at[1][1] - at[0][1])) / width_x * ((x > 0) & (x < 1))
        by_y = ((1 - x) * (at[0][1] - at[0][0]) + x * (at[1][1] - at[1][0])) / width_y * ((y > 0) & (y < 1))
        for inputs, slopes in zip(self.pairs, (by_x, by_y), strict=True):
            is_of_pair = inputs[:, None] == np.arange(below.shape[2])
            into += np.einsum("mnf,mfnp->mnp", flow, slopes) @ is_of_pair
        return into

    def increments(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """As of curves; of a surface, the mean of both orders in which its inputs can move one after the other."""
        changes = self.curves.increments(start, end)
        (neither, second), (first, both) = [[self._surfaces(x, y)[:, 0] for y in (start, end)] for x in (start, end)]
        by_first, by_second = (first - neither + both - second) / 2, (second - neither + both - first) / 2
        for inputs, by in zip(self.pairs, (by_first, by_second), strict=True):
            changes += by @ (inputs[:, None] == np.arange(start.shape[1]))
        return changes

    def _surfaces(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """[M, F, n, P] what each surface adds with its first input as in `first`, [n, D], its second as in `second`."""
        at, (x, y), _ = self._corners(first, second)
        added: np.ndarray = (1 - x) * ((1 - y) * at[0][0] + y * at[0][1]) + x * ((1 - y) * at[1][0] + y * at[1][1])
        return added

    def _corners(
        self, first: np.ndarray, second: np.ndarray
    ) -> tuple[list[list[np.ndarray]], tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """As of `_surfaces`: the heights [M, F, n, P] at the four knots around, how far both inputs are on the way [n,
        P] each, and how far these knots are apart [n, P] each."""
        around = [_around(self.places, inputs) for inputs in (first, second)]
        index, share, width = (
            tuple(of[which][:, d] for of, d in zip(around, self.pairs, strict=True)) for which in range(3)
        )
        of_pair = np.arange(self.pairs.shape[1])
        at = [[self.tables[:, :, of_pair, index[0] + i, index[1] + j] for j in (0, 1)] for i in (0, 1)]
        return at, share, width


def perceptron(arrays: Mapping[str, np.ndarray], prefix: str, n_outputs: int | None = None) -> list[Linear]:
    """The layers of an `Mlp` whose state dict this is, under a prefix; of the last the first outputs."""
    n = sum(name.startswith(f"{prefix}.") and name.endswith(".weight") for name in arrays)
    *hidden, last = (Linear(arrays[f"{prefix}.{i}.weight"], arrays[f"{prefix}.{i}.bias"][:, None]) for i in range(n))
    return [*hidden, Linear(last.weight[..., :n_outputs], last.bias[..., :n_outputs])]


def _around(places: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of inputs [n, D]: the knot at or below each, how far it is on the way to the next, 0 to 1, and how far these are
    apart; each [n, D]."""
    index = np.stack([np.searchsorted(of, x, side="right") for of, x in zip(places, inputs.T, strict=True)], axis=1) - 1
    index = index.clip(0, places.shape[1] - 2)
    left, right = (np.take_along_axis(places.T, index + i, axis=0) for i in (0, 1))
    width = right - left
    return index, ((inputs - left) / width).clip(0, 1), width
