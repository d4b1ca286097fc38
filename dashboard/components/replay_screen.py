"""What stands where a replay would be: that it is on its way, or why there is none. Asks for those to be rendered."""

from __future__ import annotations

from typing import Any

from dashboard import resources, state
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import tasks
from safemil_core.running.tasks import Task


def replay_screen(key: str, info: DatasetInfo, near: list[int], *, is_waiting: bool) -> dict[str, Any]:
    """Facts for the stage: whether there is a screen, and what it says until there is a film on it.

    Args:
        key: of the view.
        info: the dataset.
        near: the trajectories that are shown, and those that will be looked at next.
        is_waiting: whether one that is shown has no film yet.
    """
    if not info.can_replay:
        why = "No replay: this dataset names no environment. Import the file again with its name."
        return {"hasScreen": not is_waiting, "message": why, "busy": False}
    progress = Task.of_dataset("replay", resources.workspace(), info).progress
    # A process that ended may just have missed this wish.
    has_ended = is_waiting and progress is not None and progress.state == "done"
    if state.recall(f"{key}.wished") != (info.id, near) or has_ended:
        progress = tasks.want_replays(resources.workspace(), info, near) or progress
        state.remember(f"{key}.wished", (info.id, near))
    has_failed = is_waiting and progress is not None and progress.state in ("failed", "lost")
    message = f"No replay: {progress.message}" if has_failed and progress is not None else "Rendering the replay…"
    return {"hasScreen": True, "message": message, "busy": is_waiting and not has_failed}
