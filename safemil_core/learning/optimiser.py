"""One optimiser for every network: clip the gradient, then step; the step size may fall to 0 over the training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from safemil_core.config import OptimiserConfig

State = dict[str, Tensor]
"""Tensors by name, all that is needed to go on."""


def joined(parts: Mapping[str, State]) -> State:
    """One state of several, each tensor named `part/name`."""
    return {f"{part}/{name}": tensor for part, of in parts.items() for name, tensor in of.items()}


def parted(state: State) -> dict[str, State]:
    """The states that were joined, by part."""
    parts: dict[str, State] = {}
    for key, tensor in state.items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = tensor
    return parts


# The fused steps behind torch.optim, whose own classes import a compiler, which takes seconds.
_STEPS = {"adamw": torch._fused_adamw_, "adam": torch._fused_adam_}
_BETAS, _EPS = (0.9, 0.999), 1e-8
"""As torch.optim has them."""
GPU_PART = 4_096
"""Numbers that one part of a GPU works on."""


class Optimiser:
    """Changes the weights of `M` networks side by side, each down its own gradient.

    The first dimension of every parameter counts the networks.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        config: OptimiserConfig,
        learning_rate: float,
        decay_over: int | None = None,
    ) -> None:
        """
        Args:
            parameters: that change.
            config: kind, weight decay and gradient clip.
            learning_rate: the step size at first.
            decay_over: updates over which the step size falls to 0 by half a cosine; None keeps it.
        """
        self._parameters: list[Tensor] = list(parameters)
        self._gradient_clip = config.gradient_clip
        self._learning_rate, self._decay_over = learning_rate, decay_over
        self._updates = 0
        self._step, self._weight_decay = _STEPS[config.kind], config.weight_decay
        self._averages, self._squares = (
            [torch.zeros_like(parameter.detach()) for parameter in self._parameters] for _ in range(2)
        )
        """Of the gradients, and of their squares."""
        self._counts = [torch.zeros((), device=parameter.device) for parameter in self._parameters]
        """The updates once more, where the kernels want them: beside each parameter."""
        device = self._parameters[0].device
        number_type = torch.float64 if device.type == "cpu" else torch.float32  # as the kernels read it there
        self._rate, self._seen = (torch.zeros((), dtype=number_type, device=device) for _ in range(2))
        """The present step size, and the share that the averaged squares have seen of what they average."""

    def step(self) -> None:
        """One update that makes the losses smaller whose gradients the parameters hold; these are then gone."""
        self.prepare()
        self.descend()

    def prepare(self) -> None:
        """The part of a step that differs from update to update: how large it is."""
        share = 0.0 if self._decay_over is None else min(1.0, self._updates / self._decay_over)
        self._updates += 1
        self._rate.fill_(self._learning_rate * (1 + math.cos(math.pi * share)) / 2)
        self._seen.fill_(seen_after(self._updates))

    @torch.no_grad()
    def descend(self) -> None:
        """The rest of it, which is the same computation every time and so can be replayed."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        assert len(gradients) == len(self._parameters), "every parameter must take part in the loss"
        self._clip(gradients)
        torch._foreach_add_(self._counts, 1)
        self._step(
            _parts(self._parameters),
            _parts(gradients),
            _parts(self._averages),
            _parts(self._squares),
            [],
            [count for count, of in zip(self._counts, gradients, strict=True) for _ in _parts([of])],
            lr=self._rate,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=self._weight_decay,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )
        for parameter in self._parameters:
            parameter.grad = None

    def rates(self, parameter: Tensor) -> Tensor:
        """How far the last step moved each of a parameter's numbers a unit of gradient."""
        (squares,) = (s for p, s in zip(self._parameters, self._squares, strict=True) if p is parameter)
        return step_scales(squares, self._seen) * self._rate

    def state(self) -> State:
        """All that is needed to go on, beside the parameters."""
        return {"updates": torch.tensor(self._updates), **self._moments()}

    def load(self, state: State) -> None:
        """Go on from there."""
        self._updates = int(state["updates"])
        for name, moment in self._moments().items():
            moment.copy_(state[name])
        for count in self._counts:
            count.fill_(self._updates)

    def _moments(self) -> State:
        kinds = {"exp_avg": self._averages, "exp_avg_sq": self._squares}
        return {f"{place}.{name}": of for name, moments in kinds.items() for place, of in enumerate(moments)}

    def _clip(self, gradients: Sequence[Tensor]) -> None:
        """Scale each network's gradient down to the largest norm allowed."""
        of_each = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]
        norms = torch.linalg.vector_norm(torch.stack(of_each), dim=0) if len(of_each) > 1 else of_each[0]
        scales = (self._gradient_clip / (norms + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(scales.view(-1, *[1] * (gradient.dim() - 1)))


def seen_after(updates: float) -> float:
    """The share that the averaged squares of gradients have by then seen of what they average."""
    seen: float = 1 - _BETAS[1] ** updates
    return seen


def step_scales(squares: Tensor, seen: Tensor | float) -> Tensor:
    """How far a step moves numbers a unit of gradient, apart from the learning rate: little where the averaged squares
    of their gradients are large."""
    return ((squares / seen).sqrt() + _EPS).reciprocal()


def _parts(tensors: Sequence[Tensor]) -> list[Tensor]:
    """On a GPU some numbers each, since the kernels give every tensor to too few of its parts; else the same ones."""
    if not tensors[0].is_cuda:
        return list(tensors)
    return [part for of in tensors for part in torch.split(of.view(-1), GPU_PART)]
