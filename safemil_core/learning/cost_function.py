"""CostFunction: the learned cost as a function of any step, its gradient, and what each input adds to it. NumPy only,
so that pages can ask it without torch; `networks.CostNetwork` is what learns it.

Shapes: `M` networks of an ensemble, `n` steps, `O` and `A` the numbers of an observation and an action as the dataset
has them, `D` inputs of the networks, where a discrete action takes one for each choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.config import CostConfig
from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig
from safemil_core.learning.array_files import Arrays, read_network
from safemil_core.learning.choices import inputs_per_number, spread_choices
from safemil_core.learning.layers import CURVE_UNIT, Additive, Layer, Pairwise, perceptron, values_of

N_NODES = 50
"""Points on the way from the baseline to a step: of a cost that jumps from 0 to 1 on it, the parts then add up to 0.001
of the whole; with half as many, to 0.1."""
BLOCK_VALUES = 2**21
"""Values of the widest layer that are held at a time."""


@dataclass(frozen=True)
class CostFunction:
    """c(s, a) in (0, 1): a sigmoid at the end of `M` networks with ELU between their layers.

    Of every aggregator the step cost is that: attention only adds outputs that are not looked at here, Deep Sets more
    layers.
    """

    mean: np.ndarray
    """[seen] float32, taken from every input that the networks see: all, or those of the observation."""
    scale: np.ndarray
    """[seen] float32, what then multiplies it."""
    layers: tuple[Layer, ...]
    action_parts: tuple[Part, ...]
    """What the A numbers are, in order, for the discrete among them."""
    n_observations: int
    """O."""

    @property
    def n_members(self) -> int:
        """M."""
        return self.layers[0].n_members

    @property
    def is_sum(self) -> bool:
        """Whether the logit is a sum of curves, and perhaps of surfaces."""
        return len(self.layers) == 1 and isinstance(self.layers[0], Additive | Pairwise)

    @property
    def sees_actions(self) -> bool:
        """Whether an action changes anything."""
        return len(self.mean) > self.n_observations

    @property
    def n_numbers(self) -> int:
        """O + A, see `inputs`."""
        return self.n_observations + sum(part.size for part in self.action_parts)

    def inputs(self, numbers: np.ndarray) -> np.ndarray:
        """[n, D] float32, what the networks see of steps `[n, O + A]`, observation and action side by side.

        Raises:
            InvalidDataset: a discrete action is none of its choices.
        """
        seen, done = numbers[:, : self.n_observations], numbers[:, self.n_observations :]
        inputs: np.ndarray = np.concatenate([seen, spread_choices(done, self.action_parts)], axis=1, dtype=np.float32)
        return inputs

    @property
    def number_of_input(self) -> np.ndarray:
        """[D] int64, which of the O + A numbers each input comes from."""
        counts = [1] * self.n_observations + inputs_per_number(self.action_parts)
        places: np.ndarray = np.repeat(np.arange(len(counts)), counts)
        return places

    def each(self, inputs: np.ndarray) -> np.ndarray:
        """[M, n] float32, the cost of inputs [n, D] by each network."""
        costs = np.empty((self.n_members, len(inputs)), dtype=np.float32)
        for block in self._blocks(len(inputs)):
            costs[:, block] = _sigmoid(self._values(inputs[block])[-1][..., 0])
        return costs

    def costs(self, inputs: np.ndarray) -> np.ndarray:
        """[n] float32, the cost of inputs [n, D]: the mean over the networks."""
        mean: np.ndarray = self.each(inputs).mean(axis=0)
        return mean

    def gradient(self, inputs: np.ndarray) -> np.ndarray:
        """[n, D] float32, of the cost by the inputs [n, D]."""
        gradient = np.zeros(inputs.shape, dtype=np.float32)
        for block in self._blocks(len(inputs)):
            *values, logits = self._values(inputs[block])
            costs = _sigmoid(logits)
            flow = costs * (1 - costs)
            for layer, value in zip(reversed(self.layers), reversed(values), strict=True):
                flow = layer.backward(value, flow)
                if value is not values[0]:  # the derivative of an ELU by its value: 1 above 0, value + 1 below
                    flow *= np.minimum(value, 0.0) + 1.0
            gradient[block, : len(self.mean)] = flow.mean(axis=0) * self.scale
        return gradient

    def integrated_gradients(self, inputs: np.ndarray, baseline: np.ndarray, n_nodes: int = N_NODES) -> np.ndarray:
        """What each input adds to the cost of a step on the straight way from a baseline to it.

        Sundararajan, Taly and Yan (2017), by Gauss-Legendre quadrature. Summed over the inputs it is the cost of the
        step less that of the baseline. Of a sum of curves, whose bends no quadrature follows, by what each curve does
        between one node and the next: then the sum is exact.

        Args:
            inputs: [n, D].
            baseline: [D], say the mean of the data.
            n_nodes: of the quadrature.

        Returns:
            [n, D] float32.
        """
        if self.is_sum:
            return self._added_by_curves(inputs, baseline, n_nodes)
        nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
        ways = inputs - baseline
        mean_gradient = np.zeros(inputs.shape, dtype=np.float64)
        for node, weight in zip(nodes, weights, strict=True):
            on_the_way = (baseline + ways * ((1 + node) / 2)).astype(np.float32)
            mean_gradient += weight / 2 * self.gradient(on_the_way)
        added: np.ndarray = (ways * mean_gradient).astype(np.float32)
        return added

    def _added_by_curves(self, inputs: np.ndarray, baseline: np.ndarray, n_nodes: int) -> np.ndarray:
        """What `integrated_gradients` gives: on each piece of the way, the change of the cost, shared out as the curves
        change the logit."""
        (layer,) = self.layers
        assert isinstance(layer, Additive | Pairwise)
        added = np.zeros(inputs.shape)
        n_seen = len(self.mean)
        ways = ((inputs - baseline)[:, :n_seen] * self.scale).astype(np.float64)
        start = np.broadcast_to((baseline[:n_seen] - self.mean) * self.scale, ways.shape)
        logits = layer.forward(start[None])[..., 0].astype(np.float64)
        for node in range(n_nodes):
            changes = layer.increments(start + ways * (node / n_nodes), start + ways * ((node + 1) / n_nodes))
            change = changes.sum(axis=2)
            costs, after = _sigmoid(logits), _sigmoid(logits + change)
            is_level = np.abs(change) < 1e-6
            slope = np.where(is_level, costs * (1 - costs), (after - costs) / np.where(is_level, 1, change))
            added[:, :n_seen] += (changes * slope[..., None]).mean(axis=0)
            logits += change
        return added.astype(np.float32)

    def by_number(self, of_inputs: np.ndarray) -> np.ndarray:
        """[n, O + A] of values [n, D] per input: those of the choices of one action added up."""
        starts = np.searchsorted(self.number_of_input, np.arange(self.n_numbers))
        added: np.ndarray = np.add.reduceat(of_inputs, starts, axis=1)
        return added

    def _values(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The normalised inputs [1, n, seen], of each layer the values [M, n, width], at last the logits [M, n, 1]."""
        return values_of(self.layers, (inputs[:, : len(self.mean)] - self.mean) * self.scale)

    def _blocks(self, n: int) -> list[slice]:
        length = max(1, BLOCK_VALUES // max(layer.values_per_step for layer in self.layers))
        return [slice(start, start + length) for start in range(0, n, length)]


def read_cost_function(path: Path, action_parts: Sequence[Part]) -> CostFunction:
    """The cost that a run has learned, from its `cost.safetensors`.

    Args:
        path: of the file, as `model_files.save_cost` writes it.
        action_parts: of the dataset that it learned from.

    Raises:
        InvalidConfig: it sees images, and numbers alone do not make a step.
        NotReady: there is no such file, or it is not one.
    """

    def made(about: dict[str, Any], arrays: Arrays) -> CostFunction | None:
        if about["images"]:
            return None
        mean, scale = arrays["normaliser.mean"], arrays["normaliser.scale"]
        return CostFunction(mean, scale, _layers(about, arrays), tuple(action_parts), about["observations"])

    function = read_network(path, "cost", made)
    if function is None:
        raise InvalidConfig(
            "this cost sees images, and a probe needs numbers: use the replay and the cost of the recorded steps"
        )
    return function


def _layers(about: dict[str, Any], arrays: Arrays) -> tuple[Layer, ...]:
    config = CostConfig.of_file(about["config"])
    is_deep_sets = config.aggregator == "deep_sets"
    n_outputs = None if is_deep_sets else 1
    layers: list[Layer] = (
        [*perceptron(arrays, "body", n_outputs)] if config.network == "mlp" else [_curves(arrays, n_outputs)]
    )
    return (*layers, *perceptron(arrays, "aggregator.rho", 1)) if is_deep_sets else tuple(layers)


def _curves(tensors: Arrays, n_outputs: int | None) -> Layer:
    """The first outputs of curves, and of surfaces where there are any."""
    curves = Additive(
        tensors["body.knots.places"],
        CURVE_UNIT * tensors["body.weights"][:, :n_outputs],
        tensors["body.bias"][:, None, :n_outputs],
    )
    if "body.tables" not in tensors:
        return curves
    places, tables = tensors["body.coarse.places"], CURVE_UNIT * tensors["body.tables"][:, :n_outputs]
    tables = tables.reshape(*tables.shape[:-1], places.shape[1], places.shape[1])
    return Pairwise(curves, places, tensors["body.coarse.mass"], tensors["body.pairs"], tables)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and the sigmoid then 0, as it should be
        costs: np.ndarray = 1 / (1 + np.exp(-logits))
    return costs
