"""PolicyFunction: what a trained policy does. NumPy only, so that simulators' processes start without torch, which for
a few observations at a time is slower, too; `networks.Policy` is what learns it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.config import PolicyConfig
from safemil_core.errors import InvalidConfig
from safemil_core.learning.array_files import Arrays, read_network
from safemil_core.learning.layers import MEAN_LIMIT, Layer, perceptron, values_of


@dataclass(frozen=True)
class PolicyFunction:
    """A perceptron on the normalised observation, and the likeliest of what it says."""

    mean: np.ndarray
    """[O] float32."""
    scale: np.ndarray
    """[O] float32."""
    layers: tuple[Layer, ...]
    components: int
    """Of the mixture of Gaussians, where actions are numbers."""
    centre: np.ndarray | float
    half_range: np.ndarray | float
    """[A] float32, of the range of actions that are numbers, see `networks.ActionRange`."""
    choices: tuple[int, ...]
    """Of each discrete action, where all are discrete."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        """[n, A] the actions to take at observations [n, O]: the centre of the likeliest component, or the likeliest
        choices."""
        outputs = values_of(self.layers, (observations - self.mean) * self.scale)[-1][0]
        if self.choices:
            parts = np.split(outputs, np.cumsum(self.choices)[:-1], axis=1)
            return np.stack([part.argmax(axis=1) for part in parts], axis=1)
        likeliest = outputs[:, : self.components].argmax(axis=1)
        n, n_outputs = outputs.shape
        n_actions = (n_outputs // self.components - 1) // 2
        means = outputs[:, self.components :].reshape(n, 2, self.components, n_actions)[np.arange(n), 0, likeliest]
        actions: np.ndarray = self.centre + self.half_range * np.tanh(means.clip(-MEAN_LIMIT, MEAN_LIMIT))
        return actions


def read_policy_function(path: Path) -> PolicyFunction:
    """The policy that a run has trained, from its file.

    Raises:
        InvalidConfig: it sees images.
        NotReady: there is no such file, or it is not one.
    """

    def made(about: dict[str, Any], arrays: Arrays) -> PolicyFunction | None:
        if about["images"]:
            return None
        return PolicyFunction(
            mean=arrays["normaliser.mean"],
            scale=arrays["normaliser.scale"],
            layers=tuple(perceptron(arrays, "body")),
            components=PolicyConfig(**about["config"]).components,
            centre=arrays.get("range.centre", 0.0),  # policies of earlier versions have none
            half_range=arrays.get("range.half_range", 1.0),
            choices=tuple(about["choices"]),
        )

    function = read_network(path, "policy", made)
    if function is None:
        raise InvalidConfig("this policy sees images, which only torch can look at")
    return function
