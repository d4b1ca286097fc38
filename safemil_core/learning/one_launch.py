"""The same computation again and again: on a GPU it is recorded once, as a CUDA graph, and from then on replayed.

An update of a small network is some fifty kernels of a few microseconds each. Launched one by one from Python they take
ten times as long as they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

N_AS_THEY_ARE = 3
"""Calls before one is recorded: libraries set themselves up in them."""

Input = Tensor | Hashable
"""A tensor whose numbers differ from call to call, or what decides what is computed."""


class OneLaunch(Generic[T]):
    """A function of tensors, with all that it changes, as one launch on a GPU; elsewhere the function itself.

    It is recorded for calls of one kind, that have the shapes of their tensors, and all that is no tensor, in common;
    others are made as they are. Both run the same kernels, and so give the same bits. What is computed may not depend
    on the numbers in tensors, and what the function uses beside its inputs has to stay where it is in memory.
    """

    def __init__(self, compute: Callable[..., T], generator: torch.Generator | None = None) -> None:
        """
        Args:
            compute: the function. What it returns lies where the next call writes.
            generator: that it draws from, which may be seeded anew between calls.
        """
        self._compute, self._generator = compute, generator
        self._calls = 0
        self._recorded: tuple[torch.cuda.CUDAGraph, tuple[Input, ...], tuple[Hashable, ...], T] | None = None
        """The graph, the inputs that it reads, of what kind these are, and what it writes."""

    def __call__(self, *inputs: Input) -> T:
        """What the function returns."""
        if not any(isinstance(of, Tensor) and of.is_cuda for of in inputs):
            return self._compute(*inputs)
        self._calls += 1
        if self._recorded is None and self._calls > N_AS_THEY_ARE:
            self._record(inputs)
        if self._recorded is None or self._recorded[2] != _kinds(inputs):
            return self._compute(*inputs)
        graph, own, _, outputs = self._recorded
        for mine, given in zip(own, inputs, strict=True):
            if isinstance(mine, Tensor) and isinstance(given, Tensor):
                mine.copy_(given, non_blocking=True)
        graph.replay()
        return outputs

    def _record(self, inputs: tuple[Input, ...]) -> None:
        own = tuple(of.clone() if isinstance(of, Tensor) else of for of in inputs)
        graph = torch.cuda.CUDAGraph()
        if self._generator is not None:
            graph.register_generator_state(self._generator)
        # Of this thread alone: another one may be fetching what comes next.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            outputs = self._compute(*own)
        self._recorded = graph, own, _kinds(inputs), outputs


def _kinds(inputs: tuple[Input, ...]) -> tuple[Hashable, ...]:
    return tuple((of.shape, of.dtype) if isinstance(of, Tensor) else of for of in inputs)
