"""The matrix products of an update and nothing else: what no implementation of the same arithmetic can fall below."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor

from safemil_core.bench.workloads import N_POLICY_BATCH, Example, Prepared, Workload
from safemil_core.config import RunConfig
from safemil_core.learning.arithmetic import in_parallel, prepare_process
from safemil_core.learning.one_launch import OneLaunch

Product = tuple[Tensor, Tensor, Tensor]
"""Two matrices, and where their product goes."""


def prepare(workload: Workload) -> Prepared:
    """Forward, weight gradients and input gradients of every layer, with the arithmetic that a job is set up for.

    Cores share each product by rows, as torch does it, or each takes its part of the rows through all products, as the
    engine does it: whichever is faster here.
    """
    prepare_process()
    networks = [_Network.of_noise(*batch, workload) for batch in _batches(workload)]
    whole = _products(networks)
    if workload.device != "cpu":
        launch = OneLaunch(lambda _: _multiply(whole))
        return Prepared(lambda: launch(networks[0].values[0]))
    cores = os.cpu_count() or 1
    parts = [_products([network.rows(core, cores) for network in networks]) for core in range(cores)]

    def by_rows() -> None:
        torch.set_num_threads(cores)
        _multiply(whole)

    def by_parts() -> None:
        torch.set_num_threads(1)
        in_parallel(_multiply, parts)

    return Prepared(_faster(by_rows, by_parts))


@dataclass(frozen=True)
class _Network:
    """The arrays of one network. Noise, since some processors multiply zeros more quickly."""

    values: list[Tensor]
    """[n, width], what goes in and what every layer gives."""
    weights: list[Tensor]

    @classmethod
    def of_noise(cls, n: int, widths: list[int], workload: Workload) -> Self:
        def array(*shape: int) -> Tensor:
            return torch.randn(shape, device=workload.device).to(getattr(torch, workload.precision))

        return cls([array(n, width) for width in widths], [array(*shape) for shape in pairwise(widths)])

    def rows(self, part: int, parts: int) -> Self:
        """One of so many parts of the rows, as views."""
        return type(self)([of.tensor_split(parts)[part] for of in self.values], self.weights)


def _batches(workload: Workload) -> Iterator[tuple[int, list[int]]]:
    """Rows that pass through a network in one update, and the widths of its layers, for each network."""
    example = Example.read(workload.data)
    n_observations, n_actions = example.observations.shape[1], example.actions.shape[1]
    if workload.task in ("cost", "alternating"):
        pairs = 2 * workload.bag_size * example.steps_of(workload.window)
        yield pairs, [n_observations + n_actions, workload.hidden, workload.hidden, 1]
    if workload.task != "cost":
        n_outputs = RunConfig().policy.components * (1 + 2 * n_actions)
        for _ in range(workload.policies):
            yield N_POLICY_BATCH, [n_observations, workload.hidden, workload.hidden, n_outputs]


def _products(networks: list[_Network]) -> list[Product]:
    """Of one update: 3 forward, 3 for the gradients of the weights and 2 for those of what is between two layers."""
    products: list[Product] = []
    for network in networks:
        layers = list(zip(network.values, network.weights, network.values[1:], strict=False))
        products += layers
        for below, weight, above in reversed(layers):
            products.append((below.T, above, torch.empty_like(weight)))
            if below is not network.values[0]:
                products.append((above, weight.T, below))  # its array is free by now, as in any implementation
    return products


def _multiply(products: list[Product]) -> None:
    for a, b, out in products:
        torch.mm(a, b, out=out)


def _faster(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    """By the fastest of a few runs of each, in turns."""
    taken: dict[Callable[[], None], list[float]] = {first: [], second: []}
    for _ in range(5):
        for run, seconds in taken.items():
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return min(taken, key=lambda run: min(taken[run]))
