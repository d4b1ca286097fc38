"""gymnasium's MuJoCo bodies: seen wherever they run, and put into the states of recorded observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from safemil_core.assessment.environments.scenes import Scene

HIDDEN = {"AntEnv": 2, "HalfCheetahEnv": 1, "HopperEnv": 1, "HumanoidEnv": 2, "SwimmerEnv": 2, "Walker2dEnv": 1}
"""How many of the first coordinates, x or x and y, a body does not observe, by gymnasium's name of its class."""

VIEW = {"distance": 4.0, "elevation": -20.0}
"""Metres from the body, and degrees of the camera above it."""


class MujocoScene(Scene):
    """Of a body that observes all its coordinates but where it is, and all its velocities."""

    resets_fully = True
    can_place = True

    def __init__(self, env: Any, env_id: str) -> None:
        super().__init__(env, env_id)
        self._bare = env.unwrapped
        renderer = self._bare.mujoco_renderer
        renderer.default_cam_config = {**(renderer.default_cam_config or {}), **VIEW}

    def spectate(self) -> np.ndarray:
        """From beside the body, wherever it has run: gymnasium's own cameras stay behind, or see no floor."""
        renderer = self._bare.mujoco_renderer
        if renderer.viewer is None:
            super().spectate()
        renderer.viewer.cam.lookat[:2] = self._bare.data.xpos[1, :2]
        return super().spectate()

    def states(self, observations: np.ndarray) -> np.ndarray:
        """[T, S] with the way that was made, which is not observed, summed up from the observed velocities."""
        hidden, nq = HIDDEN[type(self._bare).__name__], self._bare.model.nq
        velocities = observations[:, nq - hidden : nq].astype(float)
        way = np.cumsum(velocities, axis=0) - velocities[:1]
        return np.hstack([way * self._bare.dt, observations])

    def place(self, state: np.ndarray) -> None:
        nq, nv = self._bare.model.nq, self._bare.model.nv
        self._bare.set_state(state[:nq].astype(float), state[nq : nq + nv].astype(float))


class PointMazeScene(Scene):
    """Of gymnasium-robotics' mazes for a ball, which observes all there is: where it is, and where to go."""

    can_place = True

    def place(self, state: np.ndarray) -> None:
        """gymnasium-robotics' own 8 numbers are where it is, where to go, coordinates and velocities; the 6 of
        `point_maze_hazard` are coordinates, velocities and where to go."""
        maze, state = self._env.unwrapped, state.astype(float)
        motion, maze.goal = (state[4:8], state[2:4]) if len(state) == 8 else (state[:4], state[4:6])
        maze.update_target_site_pos()
        maze.point_env.set_state(motion[:2], motion[2:])
