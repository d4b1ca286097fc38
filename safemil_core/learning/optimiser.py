"""One optimiser for every network: clip the gradient, then step; the step size may fall to 0 over the training."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from safemil_core.config import OptimiserConfig

State = dict[str, Tensor]
"""Tensors by name, all that is needed to go on."""

_KINDS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
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
        self._torch = _KINDS[config.kind](
            self._parameters, lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def step(self) -> None:
        """One update that makes the losses smaller whose gradients the parameters hold; these are then gone."""
        self._clip()
        if self._decay_over is not None:
            share = min(1.0, self._updates / self._decay_over)
            for group in self._torch.param_groups:
                group["lr"] = self._learning_rate * (1 + math.cos(math.pi * share)) / 2
        self._torch.step()
        self._torch.zero_grad(set_to_none=True)
        self._updates += 1

    def state(self) -> State:
        """All that is needed to go on, beside the parameters."""
        kept = {"updates": torch.tensor(self._updates)}
        for place, parameter in enumerate(self._parameters):
            of = self._torch.state[parameter]
            kept |= {f"{place}.{name}": of[name] for name in _KEPT if name in of}
        return kept

    def load(self, state: State) -> None:
        """Go on from there."""
        self._updates = int(state["updates"])
        for place, parameter in enumerate(self._parameters):
            of = {name: state[f"{place}.{name}"].clone() for name in _KEPT if f"{place}.{name}" in state}
            # The count of steps stays where fused kernels want it: beside the parameter.
            self._torch.state[parameter] = {name: tensor.to(parameter.device) for name, tensor in of.items()}

    def _clip(self) -> None:
        """Scale each network's gradient down to the largest norm allowed."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        squares = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
        norms = torch.linalg.vector_norm(squares, dim=0)
        scales = (self._gradient_clip / (norms + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(scales.view(-1, *[1] * (gradient.dim() - 1)))
