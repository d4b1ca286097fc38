"""How far samples from mixtures of Gaussians lie from actions, with the gradient written out.

Cloning does little else, thousands of times. Derived by autograd, some thirty small operations are recorded and gone
through backwards; written out, the gradient is there with the errors.

Shapes: `M` policies side by side, `n` steps, `C` components, `A` numbers of an action.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from safemil_core.learning.layers import MEAN_LIMIT

LOG_STD_LIMITS = (-5.0, 2.0)
"""The authors' limits of the logarithm of the deviations of a policy's Gaussians, before the tanh."""


class Draw(NamedTuple):
    """All that is random in samples, the same for all policies."""

    gumbel: Tensor
    """[n, C] for the component."""
    normal: Tensor
    """[n, C, A] for each component's Gaussians."""

    @classmethod
    def of(cls, shape: tuple[int, ...], generator: torch.Generator) -> Draw:
        """For Gaussians [..., C, A] of this shape, on the generator's device."""
        uniform = torch.rand(shape[:-1], generator=generator, device=generator.device).clamp_min_(1e-20)
        normal = torch.randn(shape, generator=generator, device=generator.device)
        return cls(uniform.log_().neg_().log_().neg_(), normal)


def split_outputs(outputs: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [M, n, C], means and log-deviations [M, n, C, A] in a policy's outputs [M, n, C + 2 C A], as views."""
    size = (outputs.shape[-1] // components - 1) // 2
    logits, means, log_stds = torch.split(outputs, [components, components * size, components * size], dim=-1)
    shape = (*outputs.shape[:-1], components, size)
    return logits, means.view(shape), log_stds.view(shape)


class SquaredErrors:
    """Of samples from policies' outputs that lie in the same place every time, with how they change with these."""

    def __init__(self, outputs: Tensor, for_outputs: Tensor, components: int) -> None:
        """
        Args:
            outputs: [M, n, C + 2 C A] of the policies, to be filled before each call.
            for_outputs: [M, n, C + 2 C A] that a call fills with how each step's error changes with its outputs.
            components: C.
        """
        self._outputs = split_outputs(outputs, components)
        self._for_outputs = split_outputs(for_outputs, components)
        self._numbers = torch.arange(components, device=outputs.device)

    @torch.no_grad()
    def __call__(self, actions: Tensor, draw: Draw) -> Tensor:
        """[M, n] squared distance of the tanh of a reparameterised sample from the action, summed over its numbers.

        The component comes from a straight-through Gumbel-softmax: that of the highest perturbed logit is taken, and
        the gradient is that of the shares. Jang, Gu and Poole (2017).

        Args:
            actions: [M, n, A] in units of the tanh.
            draw: what is random.
        """
        (logits, means, log_stds), (for_logits, for_means, for_log_stds) = self._outputs, self._for_outputs
        offsets = log_stds.clamp(*LOG_STD_LIMITS).exp_().mul_(draw.normal)
        drawn = means.clamp(-MEAN_LIMIT, MEAN_LIMIT).add_(offsets)
        shares = torch.softmax(logits + draw.gumbel, dim=-1)
        taken = (shares.argmax(dim=-1, keepdim=True) == self._numbers).unsqueeze(-1)
        acted = (drawn * taken).sum(dim=-2).tanh_()
        off = acted - actions
        flow = (1 - acted.square_()).mul_(off).mul_(2).unsqueeze(-2)  # to what goes into the tanh
        pull = (drawn * flow).sum(dim=-1).mul_(shares)
        torch.addcmul(pull, shares, pull.sum(dim=-1, keepdim=True), value=-1, out=for_logits)
        to_taken = flow * taken
        _through_clamp(to_taken, means, -MEAN_LIMIT, MEAN_LIMIT, for_means)
        _through_clamp(to_taken.mul_(offsets), log_stds, *LOG_STD_LIMITS, for_log_stds)
        return off.square_().sum(dim=-1)


def _through_clamp(flow: Tensor, values: Tensor, low: float, high: float, out: Tensor) -> None:
    """From the gradient of clamped values that of what they were: 0 beyond the limits, where it changes nothing."""
    torch.ops.aten.hardtanh_backward.grad_input(flow, values, low, high, grad_input=out)
