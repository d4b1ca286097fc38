"""What a view of a trajectory does to labels: a brushed segment is kept, removed, or that is taken back."""

from __future__ import annotations

from dashboard import resources, state
from dashboard.components.last_said import say, undo_last
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
                say(key, info, f"Trajectory {trajectory}: segment {first}–{last} kept, non-preferred", action=action)
            case "Backspace", (first, last):
                action = store.remove_segment(trajectory, first, last, author=state.author())
                say(key, info, f"Trajectory {trajectory}: segment {first}–{last} removed", action=action)
            case "z", _:
                undo_last(key, info)
    except SafeMILError as problem:
        say(key, info, str(problem), is_bad=True)
