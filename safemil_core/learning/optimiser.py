"""One optimiser for every network: clip the gradient, then step; the step size may fall to 0 over the training."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from safemil_core.config import OptimiserConfig

State = dict[str, Tensor]
"""Tensors by name, all that is needed to go on."""

# The fused steps behind torch.optim, whose own classes import a compiler, which takes seconds.
_STEPS = {"adamw": torch._fused_adamw_, "adam": torch._fused_adam_}
_BETAS, _EPS = (0.9, 0.999), 1e-8
"""As torch.optim has them."""
_KEPT = ("exp_avg", "exp_avg_sq", "step")


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
        self._parameters = list(parameters)
        self._gradient_clip = config.gradient_clip
        self._learning_rate, self._decay_over = learning_rate, decay_over
        self._updates = 0
        self._step, self._weight_decay = _STEPS[config.kind], config.weight_decay
        self._moments = [
            {
                "exp_avg": torch.zeros_like(parameter.detach()),
                "exp_avg_sq": torch.zeros_like(parameter.detach()),
                "step": torch.zeros((), device=parameter.device),
            }
            for parameter in self._parameters
        ]

    @torch.no_grad()
    def step(self) -> None:
        """One update that makes the losses smaller whose gradients the parameters hold; these are then gone."""
        self._clip()
        share = min(1.0, self._updates / self._decay_over) if self._decay_over is not None else 0.0
        pairs = zip(self._parameters, self._moments, strict=True)
        learning = [(parameter, parameter.grad, of) for parameter, of in pairs if parameter.grad is not None]
        averages, squares, steps = ([of[name] for *_, of in learning] for name in _KEPT)
        torch._foreach_add_(steps, 1)
        self._step(
            [parameter for parameter, *_ in learning],
            [gradient for _, gradient, _ in learning],
            averages,
            squares,
            [],
            steps,
            lr=self._learning_rate * (1 + math.cos(math.pi * share)) / 2,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=self._weight_decay,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )
        for parameter in self._parameters:
            parameter.grad = None
        self._updates += 1

    def state(self) -> State:
        """All that is needed to go on, beside the parameters."""
        kept = {"updates": torch.tensor(self._updates)}
        for place, of in enumerate(self._moments):
            kept |= {f"{place}.{name}": of[name] for name in _KEPT}
        return kept

    def load(self, state: State) -> None:
        """Go on from there."""
        self._updates = int(state["updates"])
        for place, of in enumerate(self._moments):
            for name in _KEPT:
                of[name].copy_(state[f"{place}.{name}"])

    def _clip(self) -> None:
        """Scale each network's gradient down to the largest norm allowed."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        squares = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
        norms = torch.linalg.vector_norm(squares, dim=0)
        scales = (self._gradient_clip / (norms + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(scales.view(-1, *[1] * (gradient.dim() - 1)))
