"""What a part of a page last said of a dataset's labels, and whether what it had done can be taken back there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard import resources, state
from dashboard.telling import callback
from safemil_core.data.datasets import DatasetInfo


@dataclass(frozen=True)
class Said:
    """What was said; nothing at first."""

    text: str = ""
    is_bad: bool = False
    can_undo: bool = False
    """Whether the action that it is about is the latest of all: only that can be taken back here."""

    @property
    def facts(self) -> dict[str, Any]:
        """As the browser's stage has it."""
        return {"text": self.text, "bad": self.is_bad, "canUndo": self.can_undo}


def say(place: str, info: DatasetInfo, text: str, *, action: int | None = None, is_bad: bool = False) -> None:
    """In a callback: let that place say this until it says something else.

    Args:
        place: a part of a page.
        info: the dataset that it is about; of another one it has nothing to say.
        text: "" for nothing.
        action: what was done to the labels, by the user.
        is_bad: whether it tells what stood in the way.
    """
    state.remember(f"{place}.said", (info.id, text, action, state.author(), is_bad))


def last_said(place: str, info: DatasetInfo) -> Said:
    """What `say` was told last, if that was of this dataset."""
    dataset_id, text, action, author, is_bad = state.recall(f"{place}.said", ("", "", None, "", False))
    if dataset_id != info.id:
        return Said()
    is_own = action is not None and author == state.author()  # one undoes what is one's own
    return Said(text, is_bad, is_own and resources.labels(info).latest() == action)


@callback
def undo_last(place: str, info: DatasetInfo) -> None:
    """Take the action back if that can still be done, and say so."""
    if last_said(place, info).can_undo:
        resources.labels(info).undo(author=state.author())
        say(place, info, "Taken back")
