"""What stands behind an environment's name: an installed package, a file of the user's, an interpreter of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SAFETY_GYMNASIUM, ROBOSUITE = "safety-gymnasium", "robosuite"
"""Packages that cannot live beside ours."""


@dataclass(frozen=True)
class UserFile:
    """A Python file that makes an environment, with the content that the user said may run (`user_files`)."""

    file: Path
    sha256: str

    def __str__(self) -> str:
        return f"{self.file.name} ({self.sha256[:12]})"


@dataclass(frozen=True)
class LegacyTask:
    """A task that only an interpreter of its own can run (`legacy_interpreters`)."""

    env_id: str
    interpreter: Path

    def __str__(self) -> str:
        return self.env_id


Environment = str | UserFile | LegacyTask
"""A string is the id of an environment that gymnasium knows once its package is imported."""


def canonical(env_id: str) -> str:
    """The one id of a task that goes by several: DSRL says `OfflinePointGoal1Gymnasium-v0`, Safety-Gymnasium
    `SafetyPointGoal1Gymnasium-v0` or `SafetyPointGoal1-v0`, which is ours."""
    match = re.fullmatch(r"(?:Safety|Offline)(\w+?)(?:Gymnasium)?-v(\d+)", env_id)
    return f"Safety{match[1]}-v{match[2]}" if match else env_id
