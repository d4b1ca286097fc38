"""What people call runs and say of them: shown everywhere, changed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import resources, state
from dashboard.telling import callback
from dashboard.words import code_span, moment, plural
from safemil_core.data.labels.records import LONGEST_NAME, LONGEST_NOTE
from safemil_core.running.run_folder import Run
from safemil_core.running.run_info import RunInfo
from safemil_core.running.run_notes import RunNote


def run_name(run: Run, note: RunNote) -> str:
    """The name that somebody gave it, or when it was made; and its method where that is a baseline."""
    config = run.known_config
    method = f" · {config.method}" if config is not None and config.method != "safemil" else ""
    return f"{note.name or f'{datetime.fromisoformat(run.info.created_at):%d %b %H:%M:%S}'}{method}"


def origin_words(info: RunInfo) -> str:
    """Its id, whose it is, and what it begins with or repeats, in Markdown."""
    marked = plural(info.n_non_preferred, "non-preferred trajectory")
    words = [f"`{info.id}`", f"by {code_span(info.author)}", marked]
    if info.warm_start:
        words.append(f"begins with the cost network of `{info.warm_start}`")
    if info.rerun_of:
        words.append(f"repeats `{info.rerun_of}`")
    if info.answers:
        words.append(f"is to cure what the doctor found: `{info.answers}`")
    return " · ".join(words)


def distinct_names(runs: Iterable[Run], notes: Mapping[str, RunNote]) -> dict[str, str]:
    """A name for each run by its id, no two alike: a list of names tells its items apart by them."""
    names = {run.id: run_name(run, notes.get(run.id, RunNote())) for run in runs}
    counts = Counter(names.values())
    return {run: f"{name} ({run[-6:]})" if counts[name] > 1 else name for run, name in names.items()}


def name_and_note(run: Run, note: RunNote) -> None:
    """Two fields one under the other, each saved when it is left, and who changed them last and when."""
    _fields(run, note, (st.container(), st.container(), st.container()), "visible")


def name_and_note_row(run: Run, note: RunNote, *, is_first: bool) -> None:
    """The same side by side; the first of many rows has the labels."""
    _fields(run, note, st.columns([3, 6, 2]), "visible" if is_first else "collapsed")


def _fields(run: Run, note: RunNote, places: Sequence[DeltaGenerator], labels: Literal["visible", "collapsed"]) -> None:
    name_place, note_place, who_place = places
    name_key, note_key = f"run.name.{run.id}", f"run.note.{run.id}"
    state.set_widget_value(name_key, note.name)
    state.set_widget_value(note_key, note.text)
    name_place.text_input(
        "Name",
        key=name_key,
        max_chars=LONGEST_NAME,
        placeholder=run_name(run, RunNote()),
        on_change=_save_name,
        args=(run, name_key),
        label_visibility=labels,
    )
    note_place.text_area(
        "Note",
        key=note_key,
        max_chars=LONGEST_NOTE,
        height=68,
        placeholder="What is special about it, what came of it",
        on_change=_save_note,
        args=(run, note_key),
        label_visibility=labels,
    )
    if note.at:
        who_place.caption(f"{code_span(note.author)} {moment(note.at)}")


@callback
def _save_name(run: Run, key: str) -> None:
    resources.run_notes().write(run.id, author=state.author(), name=state.widget_value(key))


@callback
def _save_note(run: Run, key: str) -> None:
    resources.run_notes().write(run.id, author=state.author(), note=state.widget_value(key))
