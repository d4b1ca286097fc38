"""What the keys of the Review page do, in a callback before the page is drawn again; and what is told of it."""

from __future__ import annotations

import time

from dashboard import resources, state
from dashboard.charts_theme import LABEL_KEYS, LABEL_WORDS
from dashboard.components.last_said import say
from dashboard.components.review_queue import Walk, WalkOrder, current_walk, keep_walk
from dashboard.components.trajectory_stage import Press
from dashboard.words import plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label
from safemil_core.errors import SafeMILError
from safemil_core.running.run_folder import Run

PLACE = "review"
"""Where what a key did is said, see `last_said`."""
_LAST, _TIMES, _PRESSED = (f"{PLACE}.{name}" for name in ("last", "times", "was_pressed"))


def react(info: DatasetInfo, order: WalkOrder, run: Run | None, press: Press) -> None:
    """What a key does to the labels and to where the reviewer is."""
    if press.dataset != info.id or not 0 <= press.trajectory < info.n_trajectories:
        return
    walk = current_walk(info, order, run)
    state.remember(_PRESSED, True)
    state.step.set(None)  # a link led to that step, and the user goes on
    say(PLACE, info, "")
    try:
        match press.key:
            case "j":
                walk = walk.forward()
            case "k":
                walk = walk.back()
            case "s":
                walk = walk.skip()
            case "z":
                walk = _undo(info, walk)
            case "Backspace":
                _remove_segment(info, press)
            case _:
                walk = _judge(info, walk, press)
    except SafeMILError as problem:
        say(PLACE, info, str(problem), is_bad=True)
    keep_walk(info, order, run, walk)


def _judge(info: DatasetInfo, walk: Walk, press: Press) -> Walk:
    """Label what the user was looking at; go on if the page has not done so yet."""
    if press.key == "r":
        label, reason = state.recall(_LAST, (None, ""))
        if label is None:
            return walk
    else:
        label, reason = LABEL_KEYS.get(press.key, "non_preferred"), press.reason
    is_shown = press.trajectory == walk.current.trajectory
    store, before = resources.labels(info), resources.label_state(info)
    if press.segment is not None:
        n_steps = int(resources.trajectories(info).lengths[press.trajectory])
        store.mark_segment(press.trajectory, *press.segment, n_steps=n_steps, author=state.author(), reason=reason)
    elif is_shown or (label, reason) != (before.labels[press.trajectory], before.reasons[press.trajectory]):
        store.mark([press.trajectory], label, author=state.author(), reason=reason)
    else:  # the same key twice in a hurry: the second was meant for nothing that had been seen
        return walk
    state.remember(_LAST, (label, reason))
    state.remember(_TIMES, [*state.recall(_TIMES, []), time.monotonic()][-200:])
    at_the_end = "" if walk.upcoming else " · nothing else is left to judge"
    say(PLACE, info, f"Trajectory {press.trajectory}: {_words(label, reason)}{at_the_end}")
    return walk.forward() if is_shown and press.key != "Enter" else walk


def _undo(info: DatasetInfo, walk: Walk) -> Walk:
    """Take back the last action, and go back to what it was about."""
    before = resources.label_state(info)
    undone = resources.labels(info).undo(author=state.author())
    if undone is None:
        say(PLACE, info, f"{state.author()} has nothing to undo.")
        return walk
    say(PLACE, info, f"Took back action {undone.id}, of {plural(undone.n_trajectories, 'trajectory')}")
    touched = resources.label_state(info).differences(before)
    return walk.go_to(touched[0]) if touched else walk


def _remove_segment(info: DatasetInfo, press: Press) -> None:
    if press.segment is not None:
        resources.labels(info).remove_segment(press.trajectory, *press.segment, author=state.author())
        say(PLACE, info, f"Trajectory {press.trajectory}: segment removed")


def was_pressed() -> bool:
    """Whether a key was since this was last asked."""
    return bool(state.forget(_PRESSED))


def last_words() -> str:
    """The label and reason that `R` gives again."""
    label, reason = state.recall(_LAST, (None, ""))
    return "" if label is None else _words(label, reason)


def judged_in_the_last_minute() -> int:
    """How many, to see how fast one is."""
    now = time.monotonic()
    return sum(now - at < 60 for at in state.recall(_TIMES, []))


def _words(label: Label, reason: str) -> str:
    return ", ".join(filter(None, (LABEL_WORDS[label], reason)))
