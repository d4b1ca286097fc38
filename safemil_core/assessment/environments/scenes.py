"""How an environment is seen, and put into recorded states. Bullet and MuJoCo have modules of their own."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from safemil_core.errors import EnvironmentUnavailable

FRAME_SIZE = (400, 304)
"""Width and height of a rendered frame in pixels; multiples of 16 suit the video codec."""


class Scene:
    """Of any environment of gymnasium's: seen as it renders itself."""

    resets_fully = False
    """Whether `reset` begins as in a new environment, to the bit."""
    can_place = False
    """Whether a recorded observation says where everything was."""

    def __init__(self, env: Any, env_id: str) -> None:
        self._env, self._env_id = env, env_id

    def clear(self) -> None:
        """Forget the episode that was, before `reset` begins the next."""

    def spectate(self) -> np.ndarray:
        """[height, width, 3] uint8, what a spectator sees.

        Raises:
            EnvironmentUnavailable: it cannot be rendered.
        """
        import gymnasium

        # MuJoCo, where it is in use, has an error of its own for a machine that cannot draw.
        failures = (gymnasium.error.Error, getattr(sys.modules.get("mujoco"), "FatalError", gymnasium.error.Error))
        try:
            return np.asarray(self._env.render(), dtype=np.uint8)
        except failures as problem:
            raise EnvironmentUnavailable(
                f"{self._env_id} cannot be rendered ({problem}); `safemil doctor` says what is missing"
            ) from None

    def look(self, height: int, width: int) -> np.ndarray:
        """[height, width, 3] uint8, what the agent sees: here what a spectator sees.

        Raises:
            EnvironmentUnavailable: the environment renders pictures of another size.
        """
        frame = self.spectate()
        if frame.shape != (height, width, 3):
            raise EnvironmentUnavailable(
                f"{self._env_id} renders pictures of {frame.shape[0]} x {frame.shape[1]} pixels, the images of the "
                f"dataset are {height} x {width}; import images of the same size"
            )
        return frame

    def states(self, observations: np.ndarray) -> np.ndarray:
        """[T, S] what `place` needs to show each step of a recorded trajectory, observations [T, O]."""
        return observations

    def place(self, state: np.ndarray) -> None:
        """Put everything where it was in a recorded state."""
        raise NotImplementedError


class AnewScene(Scene):
    """Of an environment whose reset makes everything anew from the seed, as Safety-Gymnasium's do."""

    resets_fully = True
