"""How far samples from mixtures of Gaussians lie from actions, with the gradient written out.

Cloning does little else, thousands of times. Derived by autograd, some thirty small operations are recorded and gone
through backwards; written out, the gradient is there with the errors.

Shapes: `M` policies side by side, `n` steps, `C` components, `A` numbers of an action.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from safemil_core.learning.layers import MEAN_LIMIT

LOG_STD_LIMITS = (-5.0, 2.0)
"""The authors' limits of the logarithm of the deviations of a policy's Gaussians, before the tanh."""


@dataclass(frozen=True)
class Draw:
    """All that is random in a sample."""

    gumbel: Tensor
    """[M, n, C] for the component."""
    normal: Tensor
    """[M, n, C, A] for each component's Gaussians."""

    @classmethod
    def of(cls, means: Tensor, generator: torch.Generator) -> Draw:
        """For Gaussians with means [M, n, C, A], on their device."""
        uniform = torch.rand(means.shape[:-1], generator=generator, device=means.device).clamp_min_(1e-20)
        normal = torch.randn(means.shape, generator=generator, device=means.device)
        return cls(uniform.log_().neg_().log_().neg_(), normal)


def split_outputs(outputs: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [M, n, C], means and log-deviations [M, n, C, A] in a policy's outputs [M, n, C + 2 C A], as views."""
    size = (outputs.shape[-1] // components - 1) // 2
    logits, means, log_stds = torch.split(outputs, [components, components * size, components * size], dim=-1)
    shape = (*outputs.shape[:-1], components, size)
    return logits, means.view(shape), log_stds.view(shape)


@torch.no_grad()
def squared_errors(outputs: Tensor, actions: Tensor, draw: Draw, gradient: Tensor) -> Tensor:
    """[M, n] squared distance of the tanh of a reparameterised sample from the action, summed over its numbers.

    The component comes from a straight-through Gumbel-softmax: that of the highest perturbed logit is taken, and the
    gradient is that of the shares. Jang, Gu and Poole (2017).

    Args:
        outputs: [M, n, C + 2 C A] of the policies.
        actions: [M, n, A] in units of the tanh.
        draw: what is random.
        gradient: [M, n, C + 2 C A] is filled with how each step's error changes with its outputs.
    """
    n_components = draw.gumbel.shape[-1]
    logits, means, log_stds = split_outputs(outputs, n_components)
    for_logits, for_means, for_log_stds = split_outputs(gradient, n_components)
    centres, limited = means.clamp(-MEAN_LIMIT, MEAN_LIMIT), log_stds.clamp(*LOG_STD_LIMITS)
    offsets = limited.exp().mul_(draw.normal)
    drawn = centres + offsets
    shares = torch.softmax(logits + draw.gumbel, dim=-1)
    numbers = torch.arange(n_components, device=shares.device)
    taken = (shares.argmax(dim=-1, keepdim=True) == numbers).to(shares).unsqueeze(-1)
    acted = (taken * drawn).sum(dim=-2).tanh_()
    off = acted - actions
    flow = (1 - acted.square_()).mul_(off).mul_(2).unsqueeze(-2)  # to what goes into the tanh
    pull = (drawn * flow).sum(dim=-1).mul_(shares)
    torch.addcmul(pull, shares, pull.sum(dim=-1, keepdim=True), value=-1, out=for_logits)
    to_taken = taken * flow
    torch.mul(to_taken, means == centres, out=for_means)  # beyond its limit a mean changes nothing
    torch.mul(to_taken.mul_(offsets), log_stds == limited, out=for_log_stds)
    return off.square_().sum(dim=-1)
