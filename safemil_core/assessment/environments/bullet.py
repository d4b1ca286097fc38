"""Bullet-Safety-Gym's tasks: pictures of them, recorded states, and resets that forget."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from safemil_core.assessment.environments.scenes import FRAME_SIZE, Scene

EYE_HEIGHT = 12.0
"""Metres above a body from where it is seen by itself: its picture spans 14 m."""


class BulletScene(Scene):
    """Of one of Bullet's tasks."""

    def __init__(self, env: Any, env_id: str) -> None:
        super().__init__(env, env_id)
        self._bare = env.unwrapped
        self._new = self._bare.bc.saveState()
        task, agent = type(self._bare.task).__name__, type(self._bare.agent).__name__
        # In the other tasks puddles and goals are drawn anew, of which observations say little.
        self.resets_fully = task in ("CircleTask", "RunTask")
        self._put = _PUT.get(agent)
        self.can_place = self.resets_fully and self._put is not None

    def clear(self) -> None:
        """Back to what was made: a reset alone keeps motor commands, and joints as they turned."""
        bare, bc = self._bare, self._bare.bc
        bc.restoreState(self._new)
        for joint in bare.agent.joint_list:
            joint.init_motor()
        if type(bare.agent).__name__ == "RaceCar":
            for wheel in range(bc.getNumJoints(bare.agent.body_id)):
                bc.setJointMotorControl2(bare.agent.body_id, wheel, bc.VELOCITY_CONTROL, targetVelocity=0, force=0)
        if bare.stored_state_id >= 0:
            bc.removeState(bare.stored_state_id)
            bare.stored_state_id = -1

    def spectate(self) -> np.ndarray:
        return self._photograph(*FRAME_SIZE, self._bare.bc.ER_BULLET_HARDWARE_OPENGL)

    def look(self, height: int, width: int) -> np.ndarray:
        """What is around the agent, from above, with its heading upwards."""
        bare = self._bare
        spectators = bare.world.camera
        position, orientation = bare.bc.getBasePositionAndOrientation(bare.agent.body_id)
        bare.world.camera = eye = copy.copy(spectators)
        eye.cam_base_pos, eye.cam_dist, eye.cam_pitch = (*position[:2], 0.0), EYE_HEIGHT, -89
        eye.cam_yaw = np.degrees(bare.bc.getEulerFromQuaternion(orientation)[2]) + 90
        # Without its own body, which tells it nothing and takes 20 times as long to draw as all the rest.
        colours = {link: colour for _, link, *_, colour in bare.bc.getVisualShapeData(bare.agent.body_id)}
        self._paint({link: (*colour[:3], 0.0) for link, colour in colours.items()})
        frame = self._photograph(width, height, bare.bc.ER_TINY_RENDERER)  # the same pixels on every machine
        self._paint(colours)
        bare.world.camera = spectators
        return frame

    def place(self, state: np.ndarray) -> None:
        assert self._put is not None
        self._put(self._bare, state.astype(float))
        self._bare.get_observation()  # lets the camera of the run tasks follow

    def _paint(self, colours: Mapping[int, tuple[float, ...]]) -> None:
        """Give links of the body their colours."""
        for link, colour in colours.items():
            self._bare.bc.changeVisualShape(self._bare.agent.body_id, link, rgbaColor=colour)

    def _photograph(self, width: int, height: int, renderer: int) -> np.ndarray:
        """What the camera sees."""
        bc, agent, camera = self._bare.bc, self._bare.agent, self._bare.world.camera
        # A sphere that glows when a step costs; the software renderer draws it opaque, always, around the car.
        bc.resetBasePositionAndOrientation(agent.violation_body_id, (0.0, 0.0, -100.0), (0, 0, 0, 1))
        view = bc.computeViewMatrixFromYawPitchRoll(
            camera.cam_base_pos, camera.cam_dist, camera.cam_yaw, camera.cam_pitch, roll=0, upAxisIndex=2
        )
        lens = bc.computeProjectionMatrixFOV(fov=60, aspect=width / height, nearVal=0.1, farVal=100.0)
        pixels = bc.getCameraImage(width, height, view, lens, renderer=renderer)[2]
        return np.asarray(pixels, dtype=np.uint8).reshape(height, width, 4)[..., :3]


# What each body observes of itself: bullet_safety_gym/envs/agents.py, agent_specific_observation. Metres are divided by
# 10. What it does not observe stays as it is: how a ball is rolled, how wheels and rotors are turned.


def _put_ball(bare: Any, observation: np.ndarray) -> None:
    x, y = observation[:2] * 10
    bare.agent.set_position([x, y, bare.agent.init_xyz[2]])


def _put_car(bare: Any, observation: np.ndarray) -> None:
    _put_ball(bare, observation)
    heading = np.arctan2(observation[4], observation[5])
    bare.agent.set_orientation(bare.bc.getQuaternionFromEuler([0.0, 0.0, heading]))


def _put_flying(bare: Any, observation: np.ndarray) -> None:
    bare.agent.set_position(observation[:3] * 10)
    bare.agent.set_orientation(observation[6:10] / np.linalg.norm(observation[6:10]))


def _put_ant(bare: Any, observation: np.ndarray) -> None:
    _put_flying(bare, observation)
    for joint, angle in zip(bare.agent.motor_list, observation[13:29:2], strict=True):
        # Observed is half of the way from the middle of the joint's range, -1 to 1.
        middle, half = (joint.lower_limit + joint.upper_limit) / 2, (joint.upper_limit - joint.lower_limit) / 2
        joint.set_state(middle + 2 * angle * half, 0.0)


_PUT: Mapping[str, Callable[[Any, np.ndarray], None]] = {
    "Ball": _put_ball,
    "RaceCar": _put_car,
    "Drone": _put_flying,
    "Ant": _put_ant,
}
