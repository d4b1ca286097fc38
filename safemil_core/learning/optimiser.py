"""One optimiser for every network: clip the gradient, then step; the step size may fall to 0 over the training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from safemil_core.config import OptimiserConfig

_KINDS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


class Optimiser:
    """Changes one network's weights, down the gradient of a loss."""

    def __init__(
        self, network: nn.Module, config: OptimiserConfig, learning_rate: float, decay_over: int | None = None
    ) -> None:
        """
        Args:
            network: whose weights change.
            config: kind, weight decay and gradient clip.
            learning_rate: the step size at first.
            decay_over: updates over which the step size falls to 0 by half a cosine; None keeps it.
        """
        self._parameters = list(network.parameters())
        self._gradient_clip = config.gradient_clip
        self._torch = _KINDS[config.kind](
            self._parameters, lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self._schedule = decay_over and torch.optim.lr_scheduler.CosineAnnealingLR(self._torch, decay_over)

    def step(self, loss: Tensor) -> None:
        """One update that makes the loss smaller."""
        self._torch.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, self._gradient_clip)
        self._torch.step()
        if self._schedule:
            self._schedule.step()
