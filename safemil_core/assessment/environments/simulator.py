"""A simulator by its gymnasium name. Simulator packages are imported here alone; call it in a worker process."""

from __future__ import annotations

import copy
import re
import sys
import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from safemil_core.assessment.interfaces import Interface, image_of, require_fit
from safemil_core.errors import EnvironmentUnavailable

FRAME_SIZE = (400, 304)
"""Width and height of a rendered frame in pixels; multiples of 16 suit the video codec."""
EYE_HEIGHT = 12.0
"""Metres above a Bullet body from where it is seen by itself: its picture spans 14 m."""

_REGISTERED_BY = {
    r"Safety\w+Velocity-v1": "safemil_core.assessment.environments.velocity",
    r"Safety\w+-v0": "bullet_safety_gym",
    r"(PointMaze|AntMaze|AdroitHand|Hand|Fetch|FrankaKitchen)\w*-v\d+": "gymnasium_robotics",
}
"""Modules that register environments, by the environments' names."""


@dataclass(frozen=True)
class Step:
    """What a simulator answers to an action."""

    observation: np.ndarray
    """[O + pixels] float32."""
    reward: float
    cost: float
    is_last: bool


class Simulator:
    """One episode's environment. A new one per episode: Bullet keeps motor commands and more across `reset`.

    Observations are as networks see them: numbers, then the pixels of an image from 0 to 255. An image of 3k channels
    is the last k frames of what the agent sees, see `look`; or it is what the environment observes.
    """

    def __init__(self, env_id: str, interface: Interface) -> None:
        """
        Args:
            env_id: name of the environment.
            interface: of the dataset.

        Raises:
            EnvironmentUnavailable: it is not installed, or does not offer what the dataset has.
        """
        self._env, self._env_id, self._interface = _make(env_id), env_id, interface
        require_fit(env_id, self._env.observation_space, self._env.action_space, interface)
        n_frames = interface.images[0].shape[2] // 3 if interface.images else 0
        self._frames: deque[np.ndarray] = deque(maxlen=n_frames)

    def reset(self, seed: int) -> np.ndarray:
        """[O + pixels] the first observation. Bullet draws starts from NumPy's global generator, so that is seeded
        too."""
        np.random.seed(seed)  # noqa: NPY002
        observation, _ = self._env.reset(seed=seed)
        self._frames.clear()
        return self._seen(observation)

    def step(self, action: np.ndarray) -> Step:
        """Act, [A] numbers in [-1, 1] or choices from 0. An environment that reports no cost costs nothing."""
        space = self._env.action_space
        if None not in self._interface.choices:
            action = action.reshape(space.shape) + space.start
        observation, reward, terminated, truncated, info = self._env.step(action)
        return Step(
            observation=self._seen(observation),
            reward=float(reward),
            cost=float(info.get("cost", 0.0)),
            is_last=bool(terminated or truncated),
        )

    def render(self) -> np.ndarray:
        """[height, width, 3] uint8, what a spectator sees now."""
        if self._is_bullet:
            return self._photograph(*FRAME_SIZE)
        import gymnasium

        try:
            return np.asarray(self._env.render(), dtype=np.uint8)
        except gymnasium.error.Error as problem:
            raise EnvironmentUnavailable(f"{self._env_id} cannot be rendered ({problem}); install it") from None

    def look(self, height: int, width: int) -> np.ndarray:
        """[height, width, 3] uint8, what the agent sees now: in Bullet what is around it, from above, with its heading
        upwards; elsewhere what a spectator sees.

        Raises:
            EnvironmentUnavailable: the environment renders pictures of another size.
        """
        if not self._is_bullet:
            frame = self.render()
            if frame.shape != (height, width, 3):
                raise EnvironmentUnavailable(
                    f"{self._env_id} renders pictures of {frame.shape[0]} x {frame.shape[1]} pixels, the images of the "
                    f"dataset are {height} x {width}; import images of the same size"
                )
            return frame
        bare = self._env.unwrapped
        spectators = bare.world.camera
        position, orientation = bare.bc.getBasePositionAndOrientation(bare.agent.body_id)
        bare.world.camera = eye = copy.copy(spectators)
        eye.cam_base_pos, eye.cam_dist, eye.cam_pitch = (*position[:2], 0.0), EYE_HEIGHT, -89
        eye.cam_yaw = np.degrees(bare.bc.getEulerFromQuaternion(orientation)[2]) + 90
        # Without its own body, which tells it nothing and takes 20 times as long to draw as all the rest.
        colours = {link: colour for _, link, *_, colour in bare.bc.getVisualShapeData(bare.agent.body_id)}
        self._paint({link: (*colour[:3], 0.0) for link, colour in colours.items()})
        frame = self._photograph(width, height)
        self._paint(colours)
        bare.world.camera = spectators
        return frame

    @property
    def can_place(self) -> bool:
        """Whether `place` can show a recorded observation: for Bullet's circle tasks with the car."""
        bare = self._env.unwrapped
        kinds = type(getattr(bare, "agent", None)).__name__, type(getattr(bare, "task", None)).__name__
        return kinds == ("RaceCar", "CircleTask") and self._interface.n_observations > 0

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

    @property
    def _is_bullet(self) -> bool:
        return hasattr(self._env.unwrapped, "bc")

    def _paint(self, colours: Mapping[int, tuple[float, ...]]) -> None:
        """Give links of the Bullet body their colours."""
        bare = self._env.unwrapped
        for link, colour in colours.items():
            bare.bc.changeVisualShape(bare.agent.body_id, link, rgbaColor=colour)

    def _photograph(self, width: int, height: int) -> np.ndarray:
        """What Bullet's camera sees; Bullet takes the mode here, not when it is made."""
        bare = self._env.unwrapped
        # A sphere that glows when a step costs; the software renderer draws it opaque, always, around the car.
        bare.bc.resetBasePositionAndOrientation(bare.agent.violation_body_id, (0.0, 0.0, -100.0), (0, 0, 0, 1))
        bare.world.camera.render_width, bare.world.camera.render_height = width, height
        return np.asarray(bare.render(mode="rgb_array"), dtype=np.uint8)

    def _seen(self, observation: Any) -> np.ndarray:
        """What networks see of what the environment observes."""
        numbers = np.asarray(observation, dtype=np.float32).reshape(-1)
        if not self._interface.images:
            return numbers
        (image,) = self._interface.images
        if self._env.observation_space.shape == image.shape:
            return numbers
        self._frames.append(self.look(*image.shape[:2]))
        pixels = image_of(self._frames, image.shape[2] // 3).reshape(-1).astype(np.float32)
        return np.concatenate([numbers, pixels]) if self._interface.n_observations else pixels


def _make(env_id: str) -> Any:
    import gymnasium  # only a worker needs it

    module = next((module for names, module in _REGISTERED_BY.items() if re.fullmatch(names, env_id)), None)
    try:
        # Bullet-Safety-Gym looks up C's streams by the names of Python's, which notebooks and pytest replace.
        with warnings.catch_warnings(), redirect_stdout(sys.__stdout__), redirect_stderr(sys.__stderr__):
            warnings.simplefilter(
                "ignore"
            )  # Bullet's spaces make gymnasium warn about casts, old models about newer ones
            if module:
                import_module(module)
            renders: dict[str, Any] = {} if module == "bullet_safety_gym" else {"render_mode": "rgb_array"}
            return gymnasium.make(env_id, disable_env_checker=True, **renders)
    except (gymnasium.error.Error, ImportError) as problem:
        raise EnvironmentUnavailable(f"the environment {env_id!r} cannot be made ({problem}); install it") from None
