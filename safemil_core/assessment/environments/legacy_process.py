"""A process of another interpreter that serves a simulator, and how it is asked. What is said: `legacy_server`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.assessment.environments.legacy_server import PROTOCOL, receive, send
from safemil_core.errors import EnvironmentUnavailable

_SERVER = Path(__file__).with_name("legacy_server.py")


class LegacyProcess:
    """It ends with this object, or with `close`."""

    def __init__(self, python: Path, package: str, task: str) -> None:
        """
        Args:
            python: the interpreter.
            package: what it serves.
            task: for messages.

        Raises:
            EnvironmentUnavailable: it does not start, or speaks otherwise.
        """
        self._package, self._task = package, task
        self._process = subprocess.Popen(
            [python, "-I", "-u", _SERVER, package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )
        hello, _ = self._answer()
        if hello.get("protocol") != PROTOCOL:
            raise EnvironmentUnavailable(
                f"the interpreter of {task} speaks protocol {hello.get('protocol')}, expected {PROTOCOL}; "
                f"install it again with `safemil simulators install {package}`"
            )

    def ask(self, do: str, *arrays: np.ndarray, **said: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Have a method of the served simulator called. Raises EnvironmentUnavailable where it fails."""
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, {"do": do, **said}, *arrays)
        except BrokenPipeError:
            raise self._ended() from None
        return self._answer()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.close()

    def _answer(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        assert self._process.stdout is not None
        try:
            answer, arrays = receive(self._process.stdout)
        except EOFError:
            raise self._ended() from None
        if "error" in answer:
            raise EnvironmentUnavailable(f"{self._task} failed in its own interpreter ({answer['error']}); see the log")
        return answer, arrays

    def _ended(self) -> EnvironmentUnavailable:
        return EnvironmentUnavailable(
            f"the interpreter of {self._task} ended; look into the log, or install it again with "
            f"`safemil simulators install {self._package}`"
        )
