"""Interpreters of their own for simulators that cannot live beside ours: set up with uv, found again, looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from safemil_core.assessment.environments.sources import ROBOSUITE, SAFETY_GYMNASIUM
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.workspace import Workspace, whole_file

_PYTHON = "3.11"


@dataclass(frozen=True)
class Package:
    """What an interpreter is set up with."""

    what_for: str
    pins: tuple[str, ...]
    instead: tuple[str, ...]
    """Of what these ask for, other versions; those for `python_version < '3'` are left out."""


PACKAGES = {
    SAFETY_GYMNASIUM: Package(
        "Safety-Gymnasium's navigation tasks",
        ("safety-gymnasium==1.0.0", "gymnasium==0.28.1", "mujoco==2.3.3", "numpy<2"),
        ("pygame>=2.5",),  # it asks for 2.1.0, which has no wheel for Python 3.11
    ),
    ROBOSUITE: Package(
        "robomimic's demonstrations, shown from their stored states",
        ("robosuite==1.5.2", "mujoco==3.3.0", "numpy<2"),
        ("pynput ; python_version < '3'", "pytest ; python_version < '3'"),  # for keyboards, which need a compiler
    ),
}
_ROBOTS, _TASKS = "Point|Car|Doggo|Racecar|Ant", "Goal|Push|Button|Circle|Run|Race|FadingEasy|FadingHard"
_NAVIGATION = re.compile(rf"Safety({_ROBOTS})({_TASKS})[012]-v0")


def is_legacy(env_id: str) -> bool:
    """Whether an environment is one of Safety-Gymnasium's navigation tasks, for example `SafetyPointGoal1-v0`."""
    return _NAVIGATION.fullmatch(env_id) is not None


@dataclass(frozen=True)
class LegacyInterpreter:
    """The interpreter of a workspace that has one of the packages."""

    workspace: Workspace
    package: str = SAFETY_GYMNASIUM

    @property
    def python(self) -> Path:
        return self._folder / "bin" / "python"

    @property
    def versions(self) -> dict[str, str] | None:
        """What is installed in it; None before it is set up whole."""
        if not self._about.exists():
            return None
        found: dict[str, str] = json.loads(self._about.read_text())
        return found

    def require(self) -> Path:
        """The interpreter. Raises EnvironmentUnavailable where it is not set up."""
        if self.versions is None:
            raise EnvironmentUnavailable(
                f"{PACKAGES[self.package].what_for} need an interpreter of their own; set it up with "
                f"`safemil simulators install {self.package}`"
            )
        return self.python

    def install(self) -> dict[str, str]:
        """Set it up, anew where it is there already: 200 to 600 MB from the package index that uv uses.

        Returns:
            The versions that are in it.

        Raises:
            EnvironmentUnavailable: uv is missing or did not succeed.
        """
        uv = _uv()
        self._about.unlink(missing_ok=True)
        _run(uv, "venv", "--quiet", "--no-config", "--clear", "--python", _PYTHON, str(self._folder))
        overrides = self.workspace.simulators / f"{self.package}-overrides.txt"
        overrides.write_text("\n".join(PACKAGES[self.package].instead))
        pip = (uv, "pip", "install", "--quiet", "--no-config", "--python", str(self.python))
        _run(*pip, "--override", str(overrides), *PACKAGES[self.package].pins)
        listed = _run(uv, "pip", "list", "--format", "json", "--no-config", "--python", str(self.python))
        versions = {package["name"]: package["version"] for package in json.loads(listed)}
        with whole_file(self._about) as temporary:
            temporary.write_text(json.dumps(versions))
        return versions

    @property
    def _folder(self) -> Path:
        return self.workspace.simulators / self.package

    @property
    def _about(self) -> Path:
        """Written last."""
        return self.workspace.simulators / f"{self.package}.json"


def _uv() -> str:
    """Our own uv, which `make` brings, or the machine's."""
    ours = Path(__file__).parents[3] / ".uv" / "bin" / "uv"
    found = str(ours) if ours.exists() else shutil.which("uv")
    if found is None:
        raise EnvironmentUnavailable("uv is not installed, which sets interpreters up; run `pip install uv`")
    return found


def _run(*command: str) -> str:
    """What a command prints."""
    links = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")  # pip and uv read different variables
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **({"UV_FIND_LINKS": links} if links else {})},
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise EnvironmentUnavailable(f"{command[1]} failed ({said}); look at the network, and repeat")
    return done.stdout
