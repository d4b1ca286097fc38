"""A rendered replay of a recorded trajectory, as it is read back from the cache.

Not how it is made (`running.replay_stage`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Replay:
    """The video of one trajectory, and how its frames relate to the steps."""

    video: bytes
    """An mp4 file."""
    fps: float
    stride: int
    """Frame k shows step k * stride."""
    exact: bool
    """Whether the simulator reproduced the recorded states to the bit."""
    note: str
    """What the viewer should know of how it was made."""


def is_rendered(path: Path) -> bool:
    """Whether there is a replay at a path of `Workspace.replay`."""
    return path.exists() and path.with_suffix(".json").exists()


def read_replay(path: Path) -> Replay | None:
    """The replay at a path of `Workspace.replay`, with the facts beside it; None where it is not rendered yet."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text())
        return Replay(
            video=path.read_bytes(),
            fps=float(facts["fps"]),
            stride=int(facts["stride"]),
            exact=bool(facts["exact"]),
            note=str(facts["note"]),
        )
    except FileNotFoundError:
        return None
