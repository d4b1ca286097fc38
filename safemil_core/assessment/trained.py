"""What a run has trained, as episodes ask it: in NumPy where numbers are observed, by torch where images are, whose
start takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig
from safemil_core.learning.choices import spread_choices
from safemil_core.learning.cost_function import read_cost_function
from safemil_core.learning.policy_function import read_policy_function

Acts = Callable[[np.ndarray], np.ndarray]
"""[n, A] actions at observations [n, O + pixels]."""
Costs = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""[n] float32 of observations [n, O + pixels] and actions [n, A]."""


def trained_policy(path: Path) -> Acts:
    """How a policy acts. Raises NotReady for a file that holds none."""
    try:
        return read_policy_function(path).act
    except InvalidConfig:  # it sees images
        return _policy_of_images(path)


def trained_cost(path: Path, action_parts: Sequence[Part]) -> Costs:
    """What steps cost by a run's network. Raises NotReady for a file that holds none."""
    try:
        function = read_cost_function(path, action_parts)
    except InvalidConfig:  # it sees images
        return _cost_of_images(path, action_parts)
    return lambda observations, actions: function.costs(function.inputs(np.hstack([observations, actions])))


def _policy_of_images(path: Path) -> Acts:
    import torch

    from safemil_core.learning.model_files import load_policy

    torch.set_num_threads(1)
    policy = load_policy(path)

    def act(observations: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(policy(torch.from_numpy(observations)).numpy())

    return act


def _cost_of_images(path: Path, action_parts: Sequence[Part]) -> Costs:
    import torch

    from safemil_core.learning.model_files import load_cost

    torch.set_num_threads(1)
    cost = load_cost(path)

    def costs(observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
        seen = torch.from_numpy(observations), torch.from_numpy(spread_choices(actions, action_parts))
        with torch.inference_mode():
            return np.asarray(cost(*seen).numpy())

    return costs
