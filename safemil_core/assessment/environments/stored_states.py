"""robomimic's demonstrations shown again: robosuite, in an interpreter of its own, put into their stored states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from safemil_core.assessment.environments.legacy_process import LegacyProcess
from safemil_core.assessment.environments.rendering import choose_renderer
from safemil_core.assessment.environments.sources import ROBOSUITE
from safemil_core.errors import EnvironmentUnavailable


def show_states(python: Path, env_args: str, states: np.ndarray) -> Iterator[np.ndarray]:
    """A frame [height, width, 3] uint8 of each state.

    Args:
        python: of the interpreter that has robosuite.
        env_args: robomimic's JSON text. Of what a file says there the names of task and robots alone are used.
        states: [T, S], of robosuite's simulator.

    Raises:
        EnvironmentUnavailable: robosuite has no such task, or its states are of another size.
    """
    choose_renderer()
    name, robots = _task(env_args)
    process = LegacyProcess(python, ROBOSUITE, name)
    try:
        made, _ = process.ask("make", env_name=name, robots=robots)
        if made["n_states"] != states.shape[1]:
            raise EnvironmentUnavailable(
                f"states of {name} are {made['n_states']} numbers in this robosuite and {states.shape[1]} in the data, "
                "which another version made; look at their path and signals"
            )
        for state in states:
            _, (frame,) = process.ask("show", state)
            yield frame.astype(np.uint8)
    finally:
        process.close()


def _task(env_args: str) -> tuple[str, list[str]]:
    """Names of the task and its robots."""
    try:
        said = json.loads(env_args)
        name, robots = said["env_name"], said["env_kwargs"]["robots"]
    except (KeyError, TypeError, ValueError):
        name, robots = None, None
    robots = [robots] if isinstance(robots, str) else robots
    if not (isinstance(name, str) and isinstance(robots, list) and all(isinstance(robot, str) for robot in robots)):
        raise EnvironmentUnavailable(
            "the data do not say which task and robots of robosuite their states are of (env_args); "
            "import the original file of robomimic"
        )
    return name, robots
