"""One update's gradient of cloning by squared error, without autograd: what most of a training's time goes into."""

from __future__ import annotations

import torch
from torch import Tensor

from safemil_core.learning.mixture_error import Draw, SquaredErrors
from safemil_core.learning.mlp import PreparedPass
from safemil_core.learning.policies import MixturePolicy


class CloningPass:
    """The same as the gradient of `MixturePolicy.squared_error`, means over the steps, on a processor in float32."""

    def __init__(self, policies: MixturePolicy, n_steps: int) -> None:
        self._policies = policies
        self._pass = PreparedPass(policies.body, n_steps)
        self._errors = SquaredErrors(self._pass.outputs, self._pass.for_outputs, policies.components)

    @torch.no_grad()
    def scaled(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Observations [..., O] and actions [..., A] in the units of the networks."""
        return self._policies.normaliser(observations), self._policies.range.squashed(actions)

    @torch.no_grad()
    def __call__(self, observations: Tensor, actions: Tensor, draw: Draw) -> Tensor:
        """[M] losses of actions [M, n, A] seen at observations [M, n, O], `scaled`; the weights get their gradients."""
        policies, prepared = self._policies, self._pass
        prepared.inputs.copy_(observations)
        prepared.forward()
        errors = self._errors(actions, draw)
        prepared.for_outputs.div_(errors.shape[1])
        policies.body.weights.grad = prepared.backward()
        return errors.mean(dim=1)
