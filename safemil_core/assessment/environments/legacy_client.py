"""An environment that lives in an interpreter of its own, as gymnasium's interface. What is said: `legacy_server`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from safemil_core.assessment.environments.legacy_server import PROTOCOL, receive, send
from safemil_core.assessment.environments.sources import LegacyTask
from safemil_core.errors import EnvironmentUnavailable

_SERVER = Path(__file__).with_name("legacy_server.py")


class LegacyEnvironment(gymnasium.Env[Any, Any]):
    """One task of Safety-Gymnasium; its process ends with it."""

    def __init__(self, task: LegacyTask) -> None:
        """Start the process. Raises EnvironmentUnavailable where it does not speak as we do, or has no such task."""
        self._task = task
        self._process = subprocess.Popen(
            [task.interpreter, "-I", "-u", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )
        hello, _ = self._answer()
        if hello.get("protocol") != PROTOCOL:
            raise EnvironmentUnavailable(
                f"the interpreter of {task} speaks protocol {hello.get('protocol')}, expected {PROTOCOL}; "
                "install it again with `safemil simulators install safety-gymnasium`"
            )
        _, (low, high, least, most) = self._ask({"do": "make", "env_id": task.env_id})
        self.observation_space = Box(low, high, dtype=np.float64)
        self.action_space = Box(least.astype(np.float32), most.astype(np.float32))
        self.render_mode = "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        _, (observation,) = self._ask({"do": "reset", "seed": seed})
        return observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        said, (observation,) = self._ask({"do": "step"}, np.asarray(action))
        return observation, said["reward"], said["terminated"], said["truncated"], {"cost": said["cost"]}

    def render(self) -> Any:
        _, (frame,) = self._ask({"do": "render"})
        return frame.astype(np.uint8)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def __del__(self) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], *arrays: np.ndarray) -> tuple[dict[str, Any], list[np.ndarray]]:
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, request, *arrays)
        except BrokenPipeError:
            raise self._died() from None
        return self._answer()

    def _answer(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        assert self._process.stdout is not None
        try:
            answer, arrays = receive(self._process.stdout)
        except EOFError:
            raise self._died() from None
        if "error" in answer:
            raise EnvironmentUnavailable(f"{self._task} failed in its own interpreter ({answer['error']}); see the log")
        return answer, arrays

    def _died(self) -> EnvironmentUnavailable:
        return EnvironmentUnavailable(
            f"the interpreter of {self._task} ended; look into the log, or install it again with "
            "`safemil simulators install safety-gymnasium`"
        )
