"""Policies that made the further tasks' data: linear ones, trained or set by hand, and one round an obstacle. Each is a
function of the observation alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Controller = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Linear:
    """A weighted sum of the observation."""

    weights: np.ndarray
    """[A, O]."""
    bias: np.ndarray
    """[A]."""

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """[A] in [-1, 1]."""
        return np.clip(self.weights @ observation + self.bias, -1.0, 1.0)


@dataclass(frozen=True)
class Gentle:
    """Does what another policy does, with less strength."""

    of: Controller
    strength: float
    """Share of its actions, in (0, 1)."""

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        return self.strength * self.of(observation)


def driver(speed: float, *, gain: float = 0.0) -> Linear:
    """Drives CarRun's car along the track: throttle against the error of its speed, steering against that of its place.

    Args:
        speed: wanted at the start, m/s.
        gain: what is wanted more for every metre driven, 1/s.
    """
    weights, bias = np.zeros((2, 7)), np.zeros(2)
    per_speed = 1 / 3.85 + 0.6  # full throttle, which is -1, ends at 3.85 m/s
    weights[0, [0, 2]], bias[0] = [-per_speed * gain * 10.0, 0.6], -per_speed * speed
    weights[1, [1, 3]] = 0.6 * 10.0, 0.5
    return Linear(weights, bias)


def pilot(speed: float, *, gain: float = 0.0, haste: float = 0.25) -> Linear:
    """Flies DroneRun's drone along the track, 1 m above the ground: it leans into the error of its speed and place.

    Args:
        speed: wanted at the start, m/s.
        gain: what is wanted more for every metre flown, 1/s.
        haste: radians it leans for an error of 1 m/s.
    """
    weights, bias = np.zeros((4, 17)), np.zeros(4)
    lift, pitch, roll = np.ones(4), np.array([-1.0, 0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0, 1.0])  # of the rotors
    # It observes 0.1 x, y, z, then 0.2 of their speeds, a quaternion (x, y, z, w), and 0.1 of the turning rates.
    weights[:, 2], weights[:, 5], bias[:] = -20.0 * lift, -7.5 * lift, 2.0 * lift
    bias += 4.0 * haste * speed * pitch
    weights[:, 0], weights[:, 3] = 40.0 * haste * gain * pitch, -20.0 * haste * pitch
    weights[:, 1], weights[:, 4] = 8.0 * roll, 6.0 * roll
    weights[:, 7], weights[:, 11] = -8.0 * pitch, -15.0 * pitch
    weights[:, 6], weights[:, 10] = -8.0 * roll, -15.0 * roll
    return Linear(weights, bias)


@dataclass(frozen=True)
class Skirting:
    """A policy made by hand for PointMazeHazard: to the goal, and round the hazard above it or below, whichever is
    nearer. A function of the observation alone."""

    margin: float
    """Metres it keeps from the hazard's middle; less than the hazard's radius cuts through it, 0 ignores it."""
    speed: float
    """Metres a second that it wants; the simulator allows 5 along either axis."""

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """[2] in [-1, 1]."""
        position, velocity, goal = observation[:2], observation[2:4], observation[4:6]
        left = float(np.hypot(*(goal - position)))
        heading = (goal - position) / max(left, 1e-6)
        ahead = -position @ heading  # metres to where the straight way is nearest to the hazard's middle
        if 0 < ahead < left and np.hypot(*(position + ahead * heading)) < self.margin:
            heading = self._tangent(position)
        return np.clip(0.6 * (heading * min(self.speed, 2.5 * left) - velocity), -1.0, 1.0)

    def _tangent(self, position: np.ndarray) -> np.ndarray:
        """[2] the direction that just misses the circle of the margin; within it, back out as well."""
        distance = max(float(np.hypot(*position)), 1e-6)
        out = position / distance
        along = np.array([out[1], -out[0]]) * (1.0 if position[1] >= 0 else -1.0)
        sine = min(self.margin / distance, 1.0)
        heading = along * sine - out * np.sqrt(1 - sine**2) + out * 3.0 * max(self.margin - distance, 0.0)
        return heading / np.hypot(*heading)


def noisy(policy: Controller | None, n_actions: int, noise: float, rng: np.random.Generator) -> Controller:
    """The policy with Gaussian action noise, clipped to [-1, 1]; none: uniformly random actions."""
    if policy is None:
        return lambda observation: rng.uniform(-1.0, 1.0, n_actions).astype(np.float32)
    return lambda observation: np.clip(policy(observation) + noise * rng.standard_normal(n_actions), -1.0, 1.0).astype(
        np.float32
    )
