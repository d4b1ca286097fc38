"""A simulator by its gymnasium name. Simulator packages are imported here alone; call it in a worker process."""

from __future__ import annotations

import os
import re
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from safemil_core.errors import EnvironmentUnavailable

FRAME_SIZE = (400, 304)
"""Width and height of a rendered frame in pixels; multiples of 16 suit the video codec."""

_PACKAGES = {"Safety": "bullet_safety_gym"}
"""Packages that register environments, by how the environments' names begin."""


@dataclass(frozen=True)
class Step:
    """What a simulator answers to an action."""

    observation: np.ndarray
    """[O] float32."""
    reward: float
    cost: float
    is_last: bool


class Simulator:
    """One episode's environment. A new one per episode: Bullet keeps motor commands and more across `reset`.

    Raises:
        EnvironmentUnavailable: it is not installed, or its sizes are not those of the dataset.
    """

    def __init__(self, env_id: str, n_observations: int, n_actions: int) -> None:
        self._env = _make(env_id)
        sizes = (self._env.observation_space.shape, self._env.action_space.shape)
        if sizes != ((n_observations,), (n_actions,)):
            raise EnvironmentUnavailable(
                f"{env_id} has observations {sizes[0]} and actions {sizes[1]}, "
                f"the dataset has {n_observations} and {n_actions} numbers; import it with another --env"
            )

    def reset(self, seed: int) -> np.ndarray:
        """[O] the first observation. Bullet draws starts from NumPy's global generator, so that is seeded too."""
        np.random.seed(seed)  # noqa: NPY002
        observation, _ = self._env.reset(seed=seed)
        return np.asarray(observation, dtype=np.float32)

    def step(self, action: np.ndarray) -> Step:
        """Act, [A] in [-1, 1]. An environment that reports no cost costs nothing."""
        observation, reward, terminated, truncated, info = self._env.step(action)
        return Step(
            observation=np.asarray(observation, dtype=np.float32),
            reward=float(reward),
            cost=float(info.get("cost", 0.0)),
            is_last=bool(terminated or truncated),
        )

    def render(self) -> np.ndarray:
        """[height, width, 3] uint8, what the camera sees now."""
        bare = self._env.unwrapped
        if hasattr(bare, "bc"):  # Bullet takes the mode here, not when it is made
            # A sphere that glows when a step costs; the software renderer draws it opaque, always, around the car.
            bare.bc.resetBasePositionAndOrientation(bare.agent.violation_body_id, (0.0, 0.0, -100.0), (0, 0, 0, 1))
            bare.world.camera.render_width, bare.world.camera.render_height = FRAME_SIZE
            return np.asarray(bare.render(mode="rgb_array"), dtype=np.uint8)
        return np.asarray(self._env.render(), dtype=np.uint8)

    @property
    def can_place(self) -> bool:
        """Whether `place` can show a recorded observation: for Bullet's circle tasks with the car."""
        bare = self._env.unwrapped
        kinds = type(getattr(bare, "agent", None)).__name__, type(getattr(bare, "task", None)).__name__
        return kinds == ("RaceCar", "CircleTask")

    def place(self, observation: np.ndarray) -> None:
        """Put the body where a recorded observation says it was (position and heading; wheels do not turn).

        The car observes 0.1 x, 0.1 y, velocities, sine and cosine of its heading (bullet_safety_gym, RaceCar).
        """
        bare = self._env.unwrapped
        x, y = observation[:2] * 10.0
        heading = float(np.arctan2(observation[4], observation[5]))
        bare.agent.set_position(np.array([x, y, bare.agent.init_xyz[2]]))
        bare.agent.set_orientation(bare.bc.getQuaternionFromEuler([0.0, 0.0, heading]))

    def close(self) -> None:
        self._env.close()


def dsrl_range(env_id: str) -> dict[str, float] | None:
    """Least and largest return and cost of an episode in DSRL's dataset of this task (`dsrl.infos`), if it has one."""
    infos = _dsrl_infos()
    match = re.fullmatch(r"(?:Safety|Offline)?(\w+?)(?:Gymnasium)?-v\d+", env_id)
    task = match.group(1) if match else env_id
    if task not in infos.MAX_EPISODE_REWARD:
        return None
    return {
        "least_return": infos.MIN_EPISODE_REWARD[task],
        "largest_return": infos.MAX_EPISODE_REWARD[task],
        "least_cost": infos.MIN_EPISODE_COST[task],
        "largest_cost": infos.MAX_EPISODE_COST[task],
    }


def dsrl_datasets() -> dict[str, str]:
    """Where DSRL keeps its datasets, by their names (`dsrl.infos.DATASET_URLS`)."""
    return dict(_dsrl_infos().DATASET_URLS)


def _dsrl_infos() -> Any:
    os.environ.setdefault("DSRL_SUPPRESS_IMPORT_ERROR", "1")
    return import_module("dsrl.infos")


def _make(env_id: str) -> Any:
    import gymnasium  # only a worker needs it

    package = next((package for prefix, package in _PACKAGES.items() if env_id.startswith(prefix)), None)
    try:
        # Bullet-Safety-Gym looks up C's streams by the names of Python's, which notebooks and pytest replace.
        with warnings.catch_warnings(), redirect_stdout(sys.__stdout__), redirect_stderr(sys.__stderr__):
            warnings.simplefilter("ignore")  # Bullet's spaces make gymnasium warn about casts
            if package:
                import_module(package)
                return gymnasium.make(env_id, disable_env_checker=True)
            return gymnasium.make(env_id, render_mode="rgb_array")
    except (gymnasium.error.Error, ImportError) as problem:
        raise EnvironmentUnavailable(f"the environment {env_id!r} cannot be made ({problem}); install it") from None
