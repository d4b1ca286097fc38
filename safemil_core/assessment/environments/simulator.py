"""One simulator, whatever it is made of: acting, what networks see of it, pictures. Call it in a worker process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from safemil_core.assessment.environments.bullet import BulletScene
from safemil_core.assessment.environments.making import make
from safemil_core.assessment.environments.mujoco_bodies import HIDDEN, MujocoScene, PointMazeScene
from safemil_core.assessment.environments.scenes import AnewScene, Scene
from safemil_core.assessment.environments.sources import Environment
from safemil_core.assessment.interfaces import Interface, image_of, require_fit
from safemil_core.errors import EnvironmentUnavailable


class Step(NamedTuple):
    """What a simulator answers to an action."""

    observation: np.ndarray
    """[O + pixels] float32."""
    reward: float
    cost: float
    is_last: bool


class Simulator:
    """An environment, for one episode after the other where it `resets_fully`, else for one.

    Observations are as networks see them: numbers, then the pixels of an image from 0 to 255. An image of 3k channels
    is the last k frames of what the agent sees, see `look`; or it is what the environment observes.
    """

    def __init__(self, environment: Environment, interface: Interface) -> None:
        """
        Args:
            environment: as `find_environment` gives it; any that gymnasium knows, by its name.
            interface: of the dataset.

        Raises:
            EnvironmentUnavailable: it is not installed, or does not offer what the dataset has.
        """
        self._env, self._name, self._interface = make(environment), str(environment), interface
        require_fit(self._name, self._env.observation_space, self._env.action_space, interface)
        self._scene, self._is_new = _scene(self._env, self._name), True
        n_frames = interface.images[0].shape[2] // 3 if interface.images else 0
        self._frames: deque[np.ndarray] = deque(maxlen=n_frames)

    @property
    def resets_fully(self) -> bool:
        """Whether `reset` begins as a new simulator would, to the bit."""
        return self._scene.resets_fully

    def reset(self, seed: int) -> np.ndarray:
        """[O + pixels] the first observation. Bullet draws starts from NumPy's global generator, so that is seeded
        too."""
        if not self._is_new:
            self._scene.clear()
        self._is_new = False
        np.random.seed(seed)  # noqa: NPY002
        observation, _ = self._env.reset(seed=seed)
        self._frames.clear()
        return self._seen(observation)

    def step(self, action: np.ndarray) -> Step:
        """Act, [A] numbers as the environment takes them, or choices from 0. One that reports no cost costs nothing."""
        space = self._env.action_space
        action = action.reshape(space.shape)
        if None not in self._interface.choices:
            action = action + space.start
        observation, reward, terminated, truncated, info = self._env.step(action)
        return Step(
            observation=self._seen(observation),
            reward=float(reward),
            cost=float(info.get("cost", 0.0)),
            is_last=bool(terminated or truncated),
        )

    def random_action(self, rng: np.random.Generator) -> np.ndarray:
        """[A] numbers, uniform between their bounds, or in [-1, 1] where there are none; or choices."""
        choices, space = self._interface.choices, self._env.action_space
        if None not in choices:
            return rng.integers([n or 0 for n in choices])
        low, high = space.low.reshape(-1), space.high.reshape(-1)
        is_bounded = np.isfinite(low) & np.isfinite(high)
        return rng.uniform(np.where(is_bounded, low, -1), np.where(is_bounded, high, 1)).astype(np.float32)

    def render(self) -> np.ndarray:
        """[height, width, 3] uint8, what a spectator sees now."""
        return self._scene.spectate()

    def look(self, height: int, width: int) -> np.ndarray:
        """[height, width, 3] uint8, what the agent sees now: in Bullet what is around it, from above, with its heading
        upwards; elsewhere what a spectator sees.

        Raises:
            EnvironmentUnavailable: the environment renders pictures of another size.
        """
        return self._scene.look(height, width)

    @property
    def can_place(self) -> bool:
        """Whether it can be put into recorded states."""
        return self._scene.can_place and self._interface.n_observations > 0

    def place(self, observation: np.ndarray) -> None:
        """Put everything where a recorded observation, [O], says it was."""
        self._scene.place(self._scene.states(observation[None])[0])

    def replay(self, observations: np.ndarray, stride: int) -> Iterator[np.ndarray]:
        """Every `stride`-th frame of a recorded trajectory, observations [T, O], placed and not simulated.

        Raises:
            EnvironmentUnavailable: it cannot be put into a recorded state.
        """
        if not self.can_place:
            raise EnvironmentUnavailable(
                f"{self._name} cannot be put into a recorded state, so there is no replay of its data; look at its "
                "path and signals"
            )
        self.reset(seed=0)
        for state in self._scene.states(observations)[::stride]:
            self._scene.place(state)
            yield self.render()

    def close(self) -> None:
        self._env.close()

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


def _scene(env: Any, name: str) -> Scene:
    """How this environment is seen and placed."""
    bare = env.unwrapped
    if hasattr(bare, "bc"):
        return BulletScene(env, name)
    kind = type(bare).__name__
    if kind in HIDDEN:
        return MujocoScene(env, name)
    return {"PointMazeEnv": PointMazeScene, "LegacyEnvironment": AnewScene}.get(kind, Scene)(env, name)
