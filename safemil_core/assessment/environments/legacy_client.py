"""A task of Safety-Gymnasium that lives in an interpreter of its own, as gymnasium's interface."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from safemil_core.assessment.environments.legacy_process import LegacyProcess
from safemil_core.assessment.environments.sources import SAFETY_GYMNASIUM, LegacyTask


class LegacyEnvironment(gymnasium.Env[Any, Any]):
    """Its process ends with it."""

    render_mode = "rgb_array"

    def __init__(self, task: LegacyTask) -> None:
        """Start the process. Raises EnvironmentUnavailable where it does not speak as we do, or has no such task."""
        self._process = LegacyProcess(task.interpreter, SAFETY_GYMNASIUM, str(task))
        _, (low, high, least, most) = self._process.ask("make", env_id=task.env_id)
        self.observation_space = Box(low, high, dtype=np.float64)
        self.action_space = Box(least.astype(np.float32), most.astype(np.float32))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        _, (observation,) = self._process.ask("reset", seed=seed)
        return observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        said, (observation,) = self._process.ask("step", np.asarray(action))
        return observation, said["reward"], said["terminated"], said["truncated"], {"cost": said["cost"]}

    def render(self) -> Any:
        _, (frame,) = self._process.ask("render")
        return frame.astype(np.uint8)

    def close(self) -> None:
        self._process.close()
