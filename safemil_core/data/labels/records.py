"""What LabelStore takes and gives, as plain frozen data that checks itself; not where it is kept (`ledger`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np

from safemil_core.errors import InvalidLabels

Label = Literal["non_preferred", "preferred", "unsure", "none"]
LABELS: tuple[Label, ...] = get_args(Label)

Origin = Literal["hand", "bulk", "file", "example", "undo", "redo", "restore", "settle", "parent"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)

Spans = tuple[tuple[int, int], ...]
"""First and last step of each segment, in order, none of them overlapping."""
Segments = Mapping[int, Spans]
"""By trajectory."""

LONGEST_NAME = 80
"""Characters of an author, a tag or a reason."""
LONGEST_NOTE = 2_000


@dataclass(frozen=True)
class LabelAction:
    """One thing that a person did: to labels, segments or tags, of one or many trajectories."""

    id: int
    at: str
    """UTC, ISO 8601."""
    author: str
    origin: Origin
    note: str
    undoes: int | None
    """The action that this one took back."""
    n_trajectories: int
    """That it is about; those of the action that it took back, if it did."""
    reason: str = ""
    """The code it gave, or several with commas between."""
    trajectory: int | None = None
    """The first of them."""
    labels: str = ""
    """The Label it gave, or several with commas between."""


class Event(NamedTuple):
    """What an action said of one aspect of one trajectory. The last one that stands is the truth."""

    trajectory: int
    aspect: str
    """`label`, `tag NAME` or `segment FIRST-LAST`."""
    value: str
    """A Label; on or off; non_preferred or none."""
    reason: str = ""


class Standing(NamedTuple):
    """An event that nobody has taken back or spoken over, with whose it is."""

    trajectory: int
    aspect: str
    value: str
    reason: str
    action: int
    author: str


@dataclass(frozen=True)
class LabelState:
    """All that is said of the N trajectories of a dataset, now or after an earlier action."""

    labels: np.ndarray
    """[N] str."""

    reasons: np.ndarray
    """[N] str, the code given with the label, or empty."""

    authors: np.ndarray
    """[N] str, who set the label; empty where nobody did."""

    marked_at: np.ndarray
    """[N] int64, the action that set the label; 0 where none did."""

    segments: Segments = field(default_factory=dict)
    """Where it went wrong, by trajectory. They stand whatever the label is; who uses them looks at both."""

    tags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Trajectories by tag, in order; only tags that somebody has."""

    @classmethod
    def of(cls, events: Iterable[Standing], n_trajectories: int) -> LabelState:
        """Put together what stands."""
        labels, reasons, authors = (["none"] * n_trajectories, [""] * n_trajectories, [""] * n_trajectories)
        marked_at = np.zeros(n_trajectories, dtype=np.int64)
        segments: dict[int, list[tuple[int, int]]] = {}
        tags: dict[str, list[int]] = {}
        for trajectory, aspect, value, reason, action, author in events:
            if aspect == "label":
                labels[trajectory], reasons[trajectory], authors[trajectory] = value, reason, author
                marked_at[trajectory] = action
            elif value != absent(aspect):
                kind, _, name = aspect.partition(" ")
                if kind == "tag":
                    tags.setdefault(name, []).append(trajectory)
                else:
                    segments.setdefault(trajectory, []).append(span_of(aspect))
        return cls(
            labels=np.array(labels, dtype="U13"),
            reasons=np.array(reasons, dtype=str),
            authors=np.array(authors, dtype=str),
            marked_at=marked_at,
            segments={t: merged(segments[t]) for t in sorted(segments)},
            tags={tag: tuple(sorted(tags[tag])) for tag in sorted(tags)},
        )

    def differences(self, other: LabelState) -> list[int]:
        """The trajectories whose label another action set than in another state, or whose segments are others."""
        in_labels = np.flatnonzero(self.marked_at != other.marked_at).tolist()
        segmented = {*self.segments, *other.segments}
        return sorted({*in_labels, *(t for t in segmented if self.segments.get(t) != other.segments.get(t))})


@dataclass(frozen=True)
class LabelChange:
    """One aspect of one trajectory that differs between two states."""

    trajectory: int
    aspect: str
    before: str
    after: str
    author: str
    """Of the last action that touched it."""
    at: str


@dataclass(frozen=True)
class Judgement:
    """The last label that one author gave one trajectory by looking at it, whatever others have said since."""

    trajectory: int
    author: str
    label: Label
    at: str
    action: int
    is_settlement: bool
    """It was given to settle a conflict, knowing what others had said."""


def absent(aspect: str) -> str:
    """The value of an aspect of which nothing was said."""
    return "off" if aspect.startswith("tag ") else "none"


def tag_aspect(tag: str) -> str:
    """The aspect of a tag.

    Raises:
        InvalidLabels: it cannot be one.
    """
    return f"tag {checked_name(tag, 'a tag')}"


def segment_aspect(span: tuple[int, int]) -> str:
    """The aspect of the segment between two steps, both in it."""
    return f"segment {span[0]}-{span[1]}"


def span_of(aspect: str) -> tuple[int, int]:
    """First and last step of a segment's aspect."""
    first, _, last = aspect.removeprefix("segment ").partition("-")
    return int(first), int(last)


def merged(spans: Iterable[Sequence[int]]) -> Spans:
    """The same steps as segments that do not overlap, in order."""
    result: list[tuple[int, int]] = []
    for first, last in sorted((int(first), int(last)) for first, last in spans):
        if result and first <= result[-1][1]:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)


def taken_back(undoes: Iterable[tuple[int, int]]) -> set[int]:
    """Actions that do not stand.

    Args:
        undoes: each undo or redo with the action that it takes back, newest first.
    """
    gone: set[int] = set()
    for action, target in undoes:
        if action not in gone:  # an undo that was taken back takes nothing back
            gone.add(target)
    return gone


def checked_label(label: str) -> Label:
    """The label, if it is one.

    Raises:
        InvalidLabels: it is not.
    """
    for known in LABELS:
        if label == known:
            return known
    raise InvalidLabels(f"unknown label {label[:LONGEST_NAME]!r}; the labels are {', '.join(LABELS)}")


def checked_span(trajectory: int, first: int, last: int, n_steps: int | None = None) -> tuple[int, int]:
    """First and last step of a segment, if a trajectory of so many steps has them.

    Raises:
        InvalidLabels: it has not, or they are the wrong way round.
    """
    if not 0 <= first <= last < (2**53 if n_steps is None else n_steps):
        there = "" if n_steps is None else f"; its steps are 0 to {n_steps - 1}"
        raise InvalidLabels(f"trajectory {trajectory} cannot have a segment from step {first} to {last}{there}")
    return int(first), int(last)


def checked_name(text: str, what: str) -> str:
    """An author, tag or reason without spaces around it.

    Raises:
        InvalidLabels: it is empty, too long, or has characters that cannot be seen.
    """
    text = text.strip()
    if not text:
        raise InvalidLabels(f"{what} is empty; give it at least one character")
    return _checked_text(text, what, LONGEST_NAME)


def checked_note(text: str) -> str:
    """A note; it may have several lines.

    Raises:
        InvalidLabels: it is too long, or has characters that cannot be seen.
    """
    _checked_text(text.replace("\n", " ").replace("\r", " ").replace("\t", " "), "a note", LONGEST_NOTE)
    return text


def _checked_text(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise InvalidLabels(f"{what} has {len(text)} characters, at most {longest} can be kept; shorten it")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidLabels(f"{what} has control characters in it ({text[:LONGEST_NAME]!r}); leave them out")
    return text
