"""What a view of a trajectory does to labels: a brushed segment is kept, removed, or that is taken back."""

from __future__ import annotations

from typing import Any

from dashboard import resources, state
from dashboard.components.trajectory_stage import Press
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError


def apply(key: str, info: DatasetInfo, press: Press) -> None:
    """In a callback of the view `key`: on disk before the page is drawn again."""
    if press.dataset != info.id or not 0 <= press.trajectory < info.n_trajectories:
        return
    store, trajectory = resources.labels(info), press.trajectory
    try:
        match press.key, press.segment:
            case "Enter", (first, last):
                n_steps = int(resources.trajectories(info).lengths[trajectory])
                action = store.mark_segment(trajectory, first, last, n_steps=n_steps, author=state.author())
                _say(key, f"Trajectory {trajectory}: segment {first}–{last} kept, non-preferred", action)
            case "Backspace", (first, last):
                action = store.remove_segment(trajectory, first, last, author=state.author())
                _say(key, f"Trajectory {trajectory}: segment {first}–{last} removed", action)
            case "z", _ if last_words(key, info)["canUndo"]:
                store.undo(author=state.author())
                _say(key, "Taken back")
    except SafeMILError as problem:
        _say(key, str(problem), is_bad=True)


def last_words(key: str, info: DatasetInfo) -> dict[str, Any]:
    """What was last said in the view, and whether its action is the latest of all: only that can be taken back here."""
    words: dict[str, Any] = state.recall(f"{key}.said", {"text": "", "bad": False, "action": None})
    can_undo = words["action"] is not None and resources.labels(info).latest() == words["action"]
    return {"text": words["text"], "bad": words["bad"], "canUndo": can_undo}


def _say(key: str, text: str, action: int | None = None, *, is_bad: bool = False) -> None:
    state.remember(f"{key}.said", {"text": text, "bad": is_bad, "action": action})
