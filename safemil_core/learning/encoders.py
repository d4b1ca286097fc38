"""Image observations -> features: convolutional networks, several side by side. Not what is made of the features."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from safemil_core.learning.arithmetic import in_parallel, pieces
from safemil_core.learning.mlp import Mlp

N_CHANNELS = 32
N_HALVINGS = 4
"""Layers of 3 x 3 convolutions, each of which makes an image half as high and half as wide."""
PART_STEPS = 32
"""Steps that one core works on at a time."""

Shape = tuple[int, int, int]
"""Height, width and channels of an image."""
Place = tuple[int, slice]
"""A member, and some of its steps."""


class Encoder(nn.Module):
    """What `M` networks see in an observation, one flat vector: its numbers as they are, then pixels from 0 to 255.

    Each image has convolutions of its own. Without images there is nothing to learn.
    """

    def __init__(
        self, images: Sequence[Shape], n_features: int, members: int = 1, dtype: torch.dtype = torch.float32
    ) -> None:
        """
        Args:
            images: in the order of their pixels.
            n_features: of each image.
            members: M.
            dtype: of the arithmetic, as of `Mlp`.
        """
        super().__init__()
        self.n_features = len(images) * n_features
        """F, of all images."""
        self._n_pixels = [math.prod(shape) for shape in images]
        self.images = nn.ModuleList(_Image(shape, n_features, members, dtype) for shape in images)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers [..., n, O] and features [M, n, F] of observations [M, n, O + pixels], or of [1, n, ...] that all
        members see."""
        n_numbers = observations.shape[-1] - sum(self._n_pixels)
        numbers, *pixels = torch.split(observations, [n_numbers, *self._n_pixels], dim=-1)
        features = [image(of_image) for image, of_image in zip(self.images, pixels, strict=True)]
        return numbers, torch.cat(features, dim=-1) if features else numbers[..., :0]


def beside(inputs: Tensor, features: Tensor) -> Tensor:
    """[M, n, D + F] of inputs [M or 1, n, D] and features [M, n, F]; where there are none, the inputs themselves."""
    if not features.shape[-1]:
        return inputs
    return torch.cat([inputs.expand(len(features), -1, -1), features], dim=-1)


class _Image(nn.Module):
    """`M` networks on one image: convolutions, then one layer over all that these found, squashed into (-1, 1)."""

    def __init__(self, shape: Shape, n_features: int, members: int, dtype: torch.dtype) -> None:
        super().__init__()
        *size, n_channels = shape
        self.dtype, self._shape = dtype, shape
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for n, m in pairwise([n_channels] + [N_CHANNELS] * N_HALVINGS):  # as torch.nn.Conv2d begins
            bound = 1 / math.sqrt(n * 3 * 3)
            self.weights.append(torch.empty(members, m, n, 3, 3).uniform_(-bound, bound))
            self.biases.append(torch.empty(members, m).uniform_(-bound, bound))
        n_places = math.prod(math.ceil(length / 2**N_HALVINGS) for length in size)
        self.last = Mlp(n_places * N_CHANNELS, (), n_features, members=members, dtype=dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """[M, n, features] of pixels [M, n, height * width * channels], or of [1, n, ...] that all members see."""
        members = len(self.weights[0])
        images = pixels.view(*pixels.shape[:-1], *self._shape).expand(members, *[-1] * 4)
        parameters, is_learning = (*self.weights, *self.biases), torch.is_grad_enabled()
        found = _Shared.apply(images, self.dtype, is_learning, *parameters)  # type: ignore[no-untyped-call]
        return torch.tanh(self.last(found))


class _Shared(torch.autograd.Function):
    """All convolutions of all members as one node of the graph, so that cores share them out in both directions.

    Torch's own backward pass would leave them to one core, where forward has them in threads of one core each.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, dtype: torch.dtype, is_learning: bool, *parameters: Tensor) -> Tensor:
        places = _places(images)
        found: list[Tensor] = [images] * len(places)
        leaves: list[list[Tensor]] = [[] for _ in places]

        def forward(number: int) -> None:
            member, steps = places[number]
            with torch.set_grad_enabled(is_learning):
                leaves[number] = [of[member].detach().requires_grad_(is_learning) for of in parameters]
                found[number] = _convolved(images[member, steps].detach().to(dtype), leaves[number])

        _at_all(forward, len(places), images.device)
        ctx.places, ctx.found, ctx.leaves = places, found, leaves
        return torch.cat([part.detach() for part in found]).to(images).view(*images.shape[:2], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        gradients: list[tuple[Tensor, ...]] = [()] * len(ctx.places)

        def backward(number: int) -> None:
            found = ctx.found[number]
            gradients[number] = torch.autograd.grad(found, ctx.leaves[number], above[ctx.places[number]].to(found))

        _at_all(backward, len(ctx.places), above.device)
        totals = []
        for m in range(len(above)):
            of_member = [of for (member, _), of in zip(ctx.places, gradients, strict=True) if member == m]
            totals.append([sum(of[1:], start=of[0]) for of in zip(*of_member, strict=True)])  # in the parts' order
        return None, None, None, *(torch.stack(of) for of in zip(*totals, strict=True))


def _at_all(work: Callable[[int], None], n_places: int, device: torch.device) -> None:
    """Work at each place: side by side on the cores; on a GPU, whose backward passes all have one thread, in turns."""
    if device.type == "cpu":
        in_parallel(work, range(n_places))
        return
    for place in range(n_places):
        work(place)


def _convolved(images: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """[n, places * N_CHANNELS] of images [n, height, width, channels] from 0 to 255, by one member."""
    values = images.permute(0, 3, 1, 2) / 255
    dtype = values.dtype
    for weight, bias in zip(parameters[:N_HALVINGS], parameters[N_HALVINGS:], strict=True):
        values = functional.elu_(functional.conv2d(values, weight.to(dtype), bias.to(dtype), stride=2, padding=1))
    return values.permute(0, 2, 3, 1).flatten(1)


def _places(images: Tensor) -> list[Place]:
    """What is worked on together of images [M, n, ...]: some steps of a member, on a GPU all of them."""
    n = images.shape[1]
    cut = pieces(n, PART_STEPS if images.device.type == "cpu" else n)
    return [(member, steps) for member in range(len(images)) for steps in cut]
