"""LabelStore: who said what of which trajectory, when. Append-only; not how labels are used (`learning.bags`)."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection

from safemil_core.data.labels import reasons as label_reasons
from safemil_core.data.labels import retests as label_retests
from safemil_core.data.labels import snapshots as label_snapshots
from safemil_core.data.labels.reader import LabelReader
from safemil_core.data.labels.records import (
    LABELS,
    ORIGINS,
    Event,
    Judgement,
    Label,
    LabelAction,
    LabelChange,
    LabelState,
    Origin,
    Spans,
    absent,
    checked_label,
    checked_name,
    checked_span,
    merged,
    segment_aspect,
    tag_aspect,
)
from safemil_core.data.labels.retests import Retest
from safemil_core.data.labels.snapshots import Snapshot
from safemil_core.errors import InvalidLabels

__all__ = [
    "LABELS",
    "Judgement",
    "Label",
    "LabelAction",
    "LabelChange",
    "LabelState",
    "LabelStore",
    "Origin",
    "Retest",
    "Snapshot",
    "Spans",
    "default_author",
]


def default_author() -> str:
    """SAFEMIL_AUTHOR, else the name of the account."""
    try:
        return os.environ.get("SAFEMIL_AUTHOR") or getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return "someone"


class LabelStore(LabelReader):
    """All that people say of the trajectories of one dataset: labels, segments, tags.

    Each method that changes something is one action: on disk when it returns, undone in one step, and kept for ever.
    Several people and processes may use stores of the same dataset at once.
    """

    def mark(
        self,
        trajectories: Iterable[int],
        label: Label,
        *,
        author: str,
        note: str = "",
        reason: str = "",
        origin: Origin = "hand",
    ) -> int:
        """Give one label to trajectories as one action; returns the action's id.

        Raises:
            InvalidLabels: an unknown label, a trajectory that is not there, or none at all; a text that is too long.
        """
        return self.mark_each(
            dict.fromkeys(trajectories, label), author=author, note=note, reason=reason, origin=origin
        )

    def mark_each(
        self,
        labels: Mapping[int, Label],
        *,
        author: str,
        note: str = "",
        reason: str = "",
        origin: Origin = "hand",
    ) -> int:
        """Give each trajectory its own label, as one action. An unknown reason joins the vocabulary."""
        reason = self._reason(reason)
        events = [Event(self._number(t), "label", checked_label(label), reason) for t, label in labels.items()]
        with self._database.write() as connection:
            return self._append(connection, events, author=author, note=note, origin=origin)

    def tag(
        self,
        trajectories: Iterable[int],
        tag: str,
        *,
        author: str,
        on: bool = True,
        note: str = "",
        origin: Origin = "hand",
    ) -> int:
        """Put trajectories under a tag, or (`on` false) take them out of it."""
        aspect = tag_aspect(tag)
        events = [Event(t, aspect, "on" if on else "off") for t in dict.fromkeys(map(self._number, trajectories))]
        with self._database.write() as connection:
            return self._append(connection, events, author=author, note=note, origin=origin)

    def mark_segment(
        self, trajectory: int, first: int, last: int, *, n_steps: int, author: str, note: str = "", reason: str = ""
    ) -> int:
        """Say that a trajectory went wrong from step `first` to `last`, which also makes it non-preferred.

        A segment that overlaps others becomes one with them.

        Args:
            n_steps: of the trajectory.
        """
        trajectory, reason = self._number(trajectory), self._reason(reason)
        span = checked_span(trajectory, first, last, n_steps)
        with self._database.write() as connection:
            events = self._segment_events(connection, {trajectory: (span,)}, reason)
            events.append(Event(trajectory, "label", "non_preferred", reason))
            return self._append(connection, events, author=author, note=note, origin="hand")

    def remove_segment(self, trajectory: int, first: int, last: int, *, author: str) -> int:
        """Take a segment of `LabelState.segments` away; the label stays.

        Raises:
            InvalidLabels: there is no such segment, perhaps no longer.
        """
        trajectory = self._number(trajectory)
        with self._database.write() as connection:
            kept = self._ledger.segments(connection).get(trajectory, [])
            if (first, last) not in merged(kept):
                raise InvalidLabels(f"trajectory {trajectory} has no segment from step {first} to {last}")
            gone = [span for span in kept if first <= span[0] <= last]
            events = [Event(trajectory, segment_aspect(span), "none") for span in gone]
            return self._append(connection, events, author=author, note="", origin="hand")

    def bring_in(
        self,
        labels: Mapping[int, str],
        segments: Mapping[int, Iterable[tuple[int, int]]],
        tags: Mapping[str, Iterable[int]],
        *,
        author: str,
        reasons: Mapping[int, str] | None = None,
        lengths: Sequence[int] | np.ndarray | None = None,
        note: str = "",
        origin: Origin = "file",
        only_unsaid: bool = False,
    ) -> int | None:
        """Take over what a file or another version of the dataset says, as one action; None where it says nothing.

        What it does not mention stays as it is.

        Args:
            labels: by trajectory.
            segments: first and last step of each, by trajectory.
            tags: trajectories by tag.
            reasons: by trajectory, of those in `labels`.
            lengths: [N] steps of each trajectory, so that segments beyond them are refused.
            only_unsaid: leave out each label, tag and segment of which somebody here has ever spoken, so that it is
                neither overruled nor, where it was undone, brought back. Who has labelled a trajectory has also
                spoken of its segments.
        """
        codes = {self._number(t): self._reason(code) for t, code in (reasons or {}).items()}
        events = [Event(self._number(t), "label", checked_label(v), codes.get(t, "")) for t, v in labels.items()]
        for tag, members in tags.items():
            events += [Event(t, tag_aspect(tag), "on") for t in dict.fromkeys(map(self._number, members))]
        spans = {
            self._number(t): merged(
                checked_span(t, first, last, None if lengths is None else int(lengths[t])) for first, last in some
            )
            for t, some in segments.items()
        }
        spans = {t: some for t, some in spans.items() if some}
        if not events and not spans:
            return None
        with self._database.write() as connection:
            if only_unsaid:
                said = self._ledger.said(connection)
                judged = {t for t, aspect in said if not aspect.startswith("tag ")}
                known = {event.trajectory for event in events if event[:2] in said} | (spans.keys() & judged)
                events = [event for event in events if event[:2] not in said]
                spans = {t: some for t, some in spans.items() if t not in judged}
                if not events and not spans:
                    return None
                note += f"; {len(known)} trajectories keep what was said of them here" if known else ""
            events += self._segment_events(connection, spans)
            return self._append(connection, events, author=author, note=note, origin=origin)

    def undo(self, *, author: str) -> LabelAction | None:
        """Take back the author's last action that still stands and return it; None where there is none.

        A trajectory that somebody has labelled again since keeps that newer label.
        """
        with self._database.write() as connection:
            action = self._ledger.last_that_can_be_undone(connection, author)
            return action and self._ledger.take_back(connection, action, author=author, origin="undo")

    def redo(self, *, author: str) -> LabelAction | None:
        """Let the action that the author took back last stand again and return it; None where she has acted since."""
        with self._database.write() as connection:
            action = self._ledger.last_that_can_be_redone(connection, author)
            return action and self._ledger.take_back(connection, action, author=author, origin="redo")

    def restore(self, action_id: int, *, author: str) -> int | None:
        """Bring back everything as it was after an action (0: before all); None where nothing differs.

        Raises:
            InvalidLabels: there is no such action.
        """
        with self._database.write() as connection:
            if action_id:
                self._ledger.action(connection, action_id)  # refused if it is not there
            then, now = (
                {(event.trajectory, event.aspect): (event.value, event.reason) for event in events}
                for events in (self._ledger.state(connection, action_id), self._ledger.state(connection))
            )
            events = []
            for key in sorted({*then, *now}):
                nothing = (absent(key[1]), "")
                if then.get(key, nothing) != now.get(key, nothing):
                    events.append(Event(*key, *then.get(key, nothing)))
            if not events:
                return None
            note = f"as after action {action_id}"
            return self._append(connection, events, author=author, note=note, origin="restore")

    def save_snapshot(self, name: str, *, author: str) -> Snapshot:
        """Give the present state a name.

        Raises:
            InvalidLabels: it is no name.
            AlreadyExists: the name is taken.
        """
        with self._database.write() as connection:
            action = self._ledger.latest(connection)
            return label_snapshots.save(connection, self.dataset_id, name, action, checked_name(author, "the author"))

    def add_reason(self, code: str) -> None:
        """Add a reason to the vocabulary, which all datasets of the workspace share."""
        with self._database.write() as connection:
            label_reasons.add(connection, code)

    def record_retest(self, trajectory: int, label: Label, *, author: str) -> None:
        """Keep what an author says of a trajectory for the second time, without seeing the first. No label changes.

        Raises:
            InvalidLabels: she has not judged it before.
        """
        trajectory, again = self._number(trajectory), checked_label(label)
        before = self.by_author().get(author, {}).get(trajectory)
        if before is None or again == "none":
            raise InvalidLabels(f"{author} has not judged trajectory {trajectory} twice; judge it once, then again")
        with self._database.write() as connection:
            label_retests.add(connection, self.dataset_id, trajectory, author, before, again)

    def _append(
        self, connection: Connection, events: Sequence[Event], *, author: str, note: str, origin: Origin
    ) -> int:
        if not events:
            raise InvalidLabels("no trajectory was given; name at least one")
        if origin not in ORIGINS:
            raise ValueError(f"unknown origin {origin!r}")
        for code in dict.fromkeys(event.reason for event in events if event.reason):
            label_reasons.add(connection, code)
        said = {(event.trajectory, event.aspect): event for event in events}  # the last word counts
        return self._ledger.append(connection, said.values(), author=author, note=note, origin=origin)

    def _number(self, trajectory: int) -> int:
        if not 0 <= trajectory < self._n_trajectories:
            raise InvalidLabels(f"there is no trajectory {trajectory}; they are 0 to {self._n_trajectories - 1}")
        return int(trajectory)

    def _reason(self, code: str) -> str:
        return checked_name(code, "the reason") if code.strip() else ""

    def _segment_events(self, connection: Connection, new: Mapping[int, Spans], reason: str = "") -> list[Event]:
        """What adds segments to those that stand: one that overlaps others takes their place."""
        kept = self._ledger.segments(connection)
        events = []
        for trajectory, spans in new.items():
            old = kept.get(trajectory, [])
            union = [span for span in merged([*old, *spans]) if any(span[0] <= first <= span[1] for first, _ in spans)]
            gone = [span for span in old if any(u[0] <= span[0] <= u[1] for u in union) and span not in union]
            events += [Event(trajectory, segment_aspect(span), "none") for span in gone]
            events += [Event(trajectory, segment_aspect(span), "non_preferred", reason) for span in union]
        return events
