"""The cost network, and what it and policies (`policies`) have in common. Nothing about training.

Shapes: `M` networks side by side, `...` any leading dimensions, `O` and `A` the sizes of an observation and an action,
`F` what the cost networks say of a step before an aggregator makes a cost of it. Where observations have images, their
pixels from 0 to 255 follow the `O` numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from safemil_core.config import CostConfig
from safemil_core.learning.aggregators import make_aggregator
from safemil_core.learning.curves import Curves, Surfaces
from safemil_core.learning.encoders import Encoder, Shape, beside
from safemil_core.learning.mlp import Mlp


@dataclass(frozen=True)
class Sizes:
    """What networks are made for."""

    observations: int
    """O."""

    actions: int
    """A, as the cost network sees actions: a discrete one takes an input for each choice."""

    choices: tuple[int, ...] = ()
    """Of each discrete action, in order, where all actions are discrete; their sum is then A."""

    images: tuple[Shape, ...] = ()
    """Of each image of an observation, in order."""


class Normaliser(nn.Module):
    """Scales every input to mean 0 and deviation 1 over the dataset; an input that never varies becomes 0."""

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Take mean and deviation from inputs that come in blocks `[n, D]`; at least one."""
        if not len(self.mean):  # images alone
            return
        n, mean, variance = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for block in map(torch.Tensor.double, blocks):  # in float32 the mean of what never varies is not what it is
            # Merged as by Chan, Golub and LeVeque (1979): no sum of squares that would lose digits.
            n += len(block)
            share, shift = len(block) / n, block.mean(dim=0) - mean
            own = block.var(dim=0, correction=0)
            variance = (1 - share) * variance + share * own + share * (1 - share) * shift.square()
            mean = mean + share * shift
        deviation = variance.sqrt().to(self.scale)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, torch.inf).reciprocal())

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs - self.mean) * self.scale


class CostNetwork(nn.Module):
    """c(s, a) in (0, 1), section 4 of the paper, of observation and action; `M` of them as an ensemble.

    The paper's is an MLP. Its place, the `body`, can also be taken by curves or curves and surfaces.
    """

    def __init__(self, config: CostConfig, sizes: Sizes, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.n_inputs: int
        """D, of the body."""
        self.aggregator = make_aggregator(config)
        is_blind = not sizes.observations and not sizes.images
        self._sees_actions = config.inputs == "all" or is_blind  # there is nothing else to see
        n_numbers = sizes.observations + self._sees_actions * sizes.actions
        self.normaliser = Normaliser(n_numbers)
        self.encoder = Encoder(sizes.images, config.image_features, config.members, dtype)
        n_features, n_outputs = self.encoder.n_features, self.aggregator.n_inputs
        self.n_inputs = n_numbers + n_features
        self.body: Mlp | Curves
        if config.network == "mlp":
            self.body = Mlp(self.n_inputs, config.hidden_sizes, n_outputs, members=config.members, dtype=dtype)
        else:
            kind = Curves if config.network == "additive" else Surfaces
            self.body = kind(n_numbers, n_features, n_outputs, members=config.members)

    @property
    def n_members(self) -> int:
        """M."""
        return len(self.body.weights)

    def fit(self, blocks: Callable[[], Iterable[tuple[Tensor, Tensor]]], *, normalise: bool = True) -> None:
        """Take from the dataset what is not learned: mean and deviation of the inputs, and where knots are.

        Args:
            blocks: go through the dataset some steps at a time: the numbers [n, O] in observations, and actions [n, A].
            normalise: otherwise inputs stay as they are.
        """
        if normalise:
            self.normaliser.fit(self._seen(*block) for block in blocks())
        if isinstance(self.body, Curves):
            self.body.fit(self.normaliser(self._seen(*block)) for block in blocks())

    def separation(self, some: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor]) -> float:
        """How far apart two samples of steps lie, in all numbers that curves see together: see `Curves.separation`.

        Args:
            some: the numbers [n, O] in observations, and actions [n, A].
            others: likewise.
        """
        assert isinstance(self.body, Curves)
        samples = (self.normaliser(self._seen(*of)) for of in (some, others))
        return float(self.body.separation(*samples).sum())

    def inputs(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M or 1, n, D] what the body sees of observations [M, n, O] and actions [M, n, A]; or of [1, n, ...]."""
        numbers, features = self.encoder(observations)
        return beside(self.normaliser(self._seen(numbers, actions)), features)

    def outputs(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M, n, F] of observations [M, n, O] and actions [M, n, A]; or of [1, n, ...], which all members see."""
        outputs: Tensor = self.body(self.inputs(observations, actions))
        return outputs

    def slopes(self, inputs: Tensor) -> Tensor:
        """[M, n] squared length of the gradient of a step's logit by its numbers among the inputs [M or 1, n, D]."""
        body = self.body.twice_differentiable if isinstance(self.body, Mlp) else self.body
        leaf = inputs.detach().expand(self.n_members, -1, -1).requires_grad_()
        (gradient,) = torch.autograd.grad(body(leaf)[..., 0].sum(), leaf, create_graph=True)
        return gradient.square().sum(dim=-1)

    def each(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[M, ...] cost of each step by each member, of observations [..., O] and actions [..., A]."""
        flat = (observations.reshape(1, -1, observations.shape[-1]), actions.reshape(1, -1, actions.shape[-1]))
        costs = self.aggregator.step_costs(self.outputs(*flat))
        return costs.view(-1, *observations.shape[:-1])

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """[...] cost of each step, the mean over the members."""
        return self.each(observations, actions).mean(dim=0)

    def _seen(self, numbers: Tensor, actions: Tensor) -> Tensor:
        """[..., D] the numbers of observations and, if they count, actions."""
        return torch.cat([numbers, actions], dim=-1) if self._sees_actions else numbers
