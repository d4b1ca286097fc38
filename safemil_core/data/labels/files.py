"""Labels to and from files: what stands as CSV, the whole history as JSON lines. Who keeps them is `store`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safemil_core.data.labels.records import (
    Event,
    LabelState,
    Segments,
    absent,
    checked_label,
    checked_name,
    checked_span,
    merged,
    segment_aspect,
    span_of,
    tag_aspect,
    taken_back,
)
from safemil_core.data.labels.store import LABELS, Label, LabelStore
from safemil_core.data.spreadsheets import as_said, harmless
from safemil_core.errors import InvalidLabels

LARGEST = 64 * 2**20
"""Bytes of a file of labels; more is refused unread."""
MOST = 1_000_000
"""Trajectory numbers that a text may name, and things that a CSV file may say: few bytes stand for much memory."""


@dataclass(frozen=True)
class LabelFile:
    """What a file says, for `LabelStore.bring_in(**vars(file), ...)`."""

    labels: Mapping[int, Label]
    reasons: Mapping[int, str]
    segments: Segments
    tags: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, events: Iterable[Event]) -> LabelFile:
        """What events amount to, each the last of its aspect."""
        labels: dict[int, Label] = {}
        reasons: dict[int, str] = {}
        segments: dict[int, list[tuple[int, int]]] = {}
        tags: dict[str, list[int]] = {}
        for trajectory, aspect, value, reason in events:
            if aspect == "label":
                labels[trajectory], reasons[trajectory] = checked_label(value), reason
            elif value != absent(aspect):
                if aspect.startswith("tag "):
                    tags.setdefault(aspect.removeprefix("tag "), []).append(trajectory)
                else:
                    segments.setdefault(trajectory, []).append(span_of(aspect))
        return cls(
            labels=labels,
            reasons={t: reason for t, reason in reasons.items() if reason},
            segments={t: merged(spans) for t, spans in segments.items()},
            tags={tag: tuple(sorted(set(members))) for tag, members in tags.items()},
        )


def csv_text(state: LabelState) -> str:
    """Every trajectory of which something is said, with the columns trajectory, label, reason, tags, segments.

    Tags and segments have `;` between them: `curve;night` and `10-40;60-75`. Reasons and tags that a spreadsheet would
    take for formulas begin with an apostrophe, which `parse_csv` takes away.
    """
    tags: dict[int, list[str]] = {}
    for tag, members in state.tags.items():
        for trajectory in members:
            tags.setdefault(trajectory, []).append(tag)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trajectory", "label", "reason", "tags", "segments"])
    for trajectory, (label, reason) in enumerate(zip(state.labels, state.reasons, strict=True)):
        spans = ";".join(f"{first}-{last}" for first, last in state.segments.get(trajectory, ()))
        if label != "none" or reason or spans or trajectory in tags:
            rows.writerow([trajectory, label, harmless(reason), _joined(tags.get(trajectory, [])), spans])
    return text.getvalue()


def parse_csv(content: bytes) -> LabelFile:
    """Labels from a CSV file with the columns trajectory and label, in any order and beside any others.

    Where there are columns reason, tags and segments (as `csv_text` writes them), they count too.

    Raises:
        InvalidLabels: it is not text, a column is missing, a row makes no sense (named by its number, counted from 1
            without the header), or there is too much of it.
    """
    rows = csv.DictReader(io.StringIO(_text(content), newline=""))
    events: list[Event] = []
    try:
        has_columns = {"trajectory", "label"} <= {*(rows.fieldnames or ())}
        for number, row in enumerate(rows if has_columns else (), start=1):
            events += _events_of_row(row, number)
            if len(events) > MOST:
                raise InvalidLabels(f"it says more than {MOST:,} things of trajectories; split it")
    except csv.Error as problem:
        raise InvalidLabels(f"this is not a CSV file in UTF-8 ({problem}); save it as one") from None
    if not events:
        raise InvalidLabels("expected the columns trajectory,label and at least one row under them")
    return LabelFile.of(events)


def ledger_lines(store: LabelStore) -> Iterator[str]:
    """The whole history, oldest first, a JSON object a line: one for each event, one for each undo and redo.

    An undo names the action that it takes back in `undoes` and has no trajectory; a redo takes back an undo.
    """
    actions, events = store.ledger()
    no_event: list[Event | None] = [None]
    said: dict[int, list[Event | None]] = {}
    for action_id, said_there in events:
        said.setdefault(action_id, []).append(said_there)
    for action in actions:
        for event in said.get(action.id, no_event):
            line = {
                "dataset": store.dataset_id,
                "action": action.id,
                "at": action.at,
                "author": action.author,
                "origin": action.origin,
                "note": action.note,
                "undoes": action.undoes,
                **(dict.fromkeys(Event._fields) if event is None else event._asdict()),
            }
            yield json.dumps(line, ensure_ascii=False) + "\n"


def parse_ledger(content: bytes, dataset_id: str) -> LabelFile:
    """What stands at the end of a history that `ledger_lines` wrote.

    Args:
        content: the lines.
        dataset_id: whose history it has to be; numbers of trajectories mean nothing elsewhere.

    Raises:
        InvalidLabels: a line makes no sense or is of another dataset: named by its number, counted from 1.
    """
    undoes: dict[int, int] = {}
    said: list[tuple[int, Event]] = []
    for number, line in enumerate(io.StringIO(_text(content)), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            action = _whole(values["action"])
            if values["dataset"] != dataset_id:
                raise InvalidLabels(f"it is of dataset {str(values['dataset'])[:80]!r}, expected {dataset_id!r}")
            if values["undoes"] is not None:
                undoes[action] = _whole(values["undoes"])
            if values["trajectory"] is not None:
                said.append((action, _event_of_line(values)))
        except InvalidLabels as problem:
            raise InvalidLabels(f"line {number}: {problem}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InvalidLabels(f"line {number}: this is not an event of labels; export the file again") from None
    gone = taken_back(sorted(undoes.items(), reverse=True))
    last = {
        (event.trajectory, event.aspect): event
        for action, event in sorted(said, key=lambda entry: entry[0])
        if action not in gone
    }
    return LabelFile.of(event for event in last.values() if event[1:] != ("label", "none", ""))


def parse_numbers(spec: str) -> list[int]:
    """Trajectory numbers as people write them: `3,17,40-60`.

    Raises:
        InvalidLabels: a part is not a number or a range, or they are more than MOST.
    """
    numbers: list[int] = []
    for part in filter(None, (piece.strip() for piece in spec.split(","))):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 20:
            raise InvalidLabels(f"{part!r} is not a trajectory number or range; write them like 3,17,40-60")
        low, high = int(first), int(last or first)
        if high < low:
            raise InvalidLabels(f"the range {part!r} runs backwards; write the smaller number first")
        if len(numbers) + high - low >= MOST:
            raise InvalidLabels(f"up to {part!r} these are more than {MOST:,} numbers; name fewer trajectories")
        numbers.extend(range(low, high + 1))
    return list(dict.fromkeys(numbers))


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise InvalidLabels(f"the file is over {LARGEST >> 20} MiB, the most that labels can take; split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InvalidLabels(f"this is not a text file in UTF-8 ({problem}); save it as one") from None


def _events_of_row(row: Mapping[str, str | None], number: int) -> list[Event]:
    try:
        return list(_said_in(row))
    except InvalidLabels as problem:
        raise InvalidLabels(f"row {number}: {problem}") from None


def _said_in(row: Mapping[str, str | None]) -> Iterator[Event]:
    cells = {key: (row.get(key) or "").strip() for key in ("trajectory", "label", "reason", "tags", "segments")}
    if not cells["trajectory"].isdecimal() or len(cells["trajectory"]) > 18:
        raise InvalidLabels(f"{cells['trajectory'][:80]!r} is not a trajectory number")
    trajectory = int(cells["trajectory"])
    reason = checked_name(as_said(cells["reason"]), "the reason") if cells["reason"] else ""
    yield Event(trajectory, "label", checked_label(cells["label"]), reason)
    for tag in _tags(cells["tags"]):
        yield Event(trajectory, tag_aspect(as_said(tag)), "on")
    for span in filter(None, cells["segments"].split(";")):
        first, dash, last = (part.strip() for part in span.partition("-"))
        if not dash or not (first.isdecimal() and last.isdecimal()) or len(span) > 40:
            raise InvalidLabels(f"{span[:80]!r} is not a segment; write its first and last step like 10-40")
        yield Event(trajectory, segment_aspect(checked_span(trajectory, int(first), int(last))), "non_preferred")


def _tags(cell: str) -> list[str]:
    """With semicolons between them, or each on a line of its own as spreadsheets write it."""
    try:
        return [tag.strip() for row in csv.reader(cell.splitlines(), delimiter=";") for tag in row]
    except csv.Error as problem:
        raise InvalidLabels(f"{cell[:80]!r} are no tags ({problem}); put semicolons between them") from None


def _event_of_line(values: Mapping[str, Any]) -> Event:
    trajectory, aspect, value = _whole(values["trajectory"]), values["aspect"], values["value"]
    words: Collection[str]
    kind, _, name = aspect.partition(" ")
    if kind == "tag":
        aspect, words = tag_aspect(name), ("on", "off")
    elif kind == "segment":
        first, last = span_of(aspect)
        aspect, words = segment_aspect(checked_span(trajectory, first, last)), ("non_preferred", "none")
    else:
        words = LABELS if aspect == "label" else ()
    if value not in words:
        raise InvalidLabels(f"{str(aspect)[:80]!r} cannot be {str(value)[:80]!r}")
    reason = checked_name(values["reason"], "the reason") if values["reason"] else ""
    return Event(trajectory, aspect, value, reason)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise InvalidLabels(f"{str(value)[:80]!r} is not a whole number")
    return value


def _joined(tags: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="").writerow(map(harmless, tags))
    return text.getvalue()
