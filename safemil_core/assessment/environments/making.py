"""Environments from what stands behind their names. Nothing here knows how one is seen."""

from __future__ import annotations

import re
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import Any

from safemil_core.assessment.environments.rendering import choose_renderer
from safemil_core.assessment.environments.sources import Environment, LegacyTask, UserFile, canonical
from safemil_core.errors import EnvironmentUnavailable

BULLET, ROBOTICS = "bullet_safety_gym", "gymnasium_robotics"
_OURS = "safemil_core.assessment.environments"
_REGISTERED_BY = {
    r"Safety\w+Velocity-v1": f"{_OURS}.velocity",
    r"PointMazeHazard-v0": f"{_OURS}.point_maze_hazard",
    r"Safety\w+-v0": BULLET,
    r"(PointMaze|AntMaze|AdroitHand|HandManipulate|HandReach|Fetch|FrankaKitchen)\w*-v\d+": ROBOTICS,
}
"""Modules that register environments, by the environments' names."""


def make(environment: Environment) -> Any:
    """A new environment of gymnasium's interface, whose observations are one array each.

    Raises:
        EnvironmentUnavailable: it is not installed, or not as it was allowed.
    """
    import gymnasium  # only a worker needs it

    choose_renderer()
    try:
        # Bullet-Safety-Gym looks up C's streams by the names of Python's, which notebooks and pytest replace.
        with warnings.catch_warnings(), redirect_stdout(sys.__stdout__), redirect_stderr(sys.__stderr__):
            warnings.simplefilter("ignore")  # of Bullet's spaces, and of bodies of which there are newer versions
            env = _made(environment)
    except (gymnasium.error.Error, ImportError) as problem:
        raise EnvironmentUnavailable(
            f"the environment {str(environment)!r} cannot be made ({problem}); install it"
        ) from None
    except AssertionError:
        raise EnvironmentUnavailable(
            f"the environment {str(environment)!r} fails an assertion of its own, as gymnasium-robotics' Fetch, Hand "
            "and FrankaKitchen do beside a new MuJoCo; install an older mujoco, or choose another environment"
        ) from None
    is_nested = isinstance(env.observation_space, gymnasium.spaces.Dict | gymnasium.spaces.Tuple)
    return gymnasium.wrappers.FlattenObservation(env) if is_nested else env


def _made(environment: Environment) -> Any:
    if isinstance(environment, UserFile):
        from safemil_core.assessment.environments.user_code import make_user_environment

        return make_user_environment(environment, make_installed)
    if isinstance(environment, LegacyTask):
        from safemil_core.assessment.environments.legacy_client import LegacyEnvironment

        return LegacyEnvironment(environment)
    return make_installed(environment)


def make_installed(env_id: str) -> Any:
    """An environment that gymnasium knows, perhaps after its package is imported. Raises what gymnasium does."""
    import gymnasium

    env_id = canonical(env_id)
    module = next((module for names, module in _REGISTERED_BY.items() if re.fullmatch(names, env_id)), None)
    if module != BULLET:
        _hear_mujoco()
    if module:
        import_module(module)
    renders: dict[str, Any] = {} if module == BULLET else {"render_mode": "rgb_array"}
    return gymnasium.make(env_id, disable_env_checker=True, **renders)


def _hear_mujoco() -> None:
    """Have MuJoCo's warnings in the log, and not in a file MUJOCO_LOG.TXT in the current folder."""
    import mujoco

    mujoco.set_mju_user_warning(lambda words: print(words, file=sys.stderr))
