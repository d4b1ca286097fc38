"""Which labels a what-if changes: trajectories by number, the one in view or those selected on the Label page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components.selection import selected_trajectories
from dashboard.telling import callback, tell_problem
from dashboard.words import number, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import parse_numbers
from safemil_core.data.labels.records import Label
from safemil_core.running.run_folder import Run

Edits = dict[int, Label]
NEW_LABELS: tuple[Label, ...] = ("none", "non_preferred", "preferred")
NUMBERS, LABEL = "what_if.numbers", "what_if.label"
N_NAMED = 8


def what_if_edits(info: DatasetInfo, run: Run, labels: np.ndarray) -> Edits:
    """Put edits together; they stay until they are cleared."""
    edits = _edits(run)
    by_number, label, add = st.columns([3, 3, 2], vertical_alignment="bottom")
    by_number.text_input("Trajectories", key=NUMBERS, placeholder="3,17,40-60", persist_state="session")
    label.segmented_control(
        "would be", NEW_LABELS, default="none", format_func=LABEL_WORDS.__getitem__, required=True, key=LABEL,
        persist_state="session",
    )  # fmt: skip
    add.button("Add", key="what_if.add", icon=":material/add:", on_click=_add_named, args=(run, labels))
    with st.container(horizontal=True, vertical_alignment="center"):
        in_view = state.trajectory.get()
        if in_view is not None and 0 <= in_view < len(labels):
            st.button(f"Add trajectory {in_view}, which is in view", key="what_if.add_in_view", on_click=_add,
                      args=(run, labels, (in_view,)))  # fmt: skip
        selected = selected_trajectories(info)
        if selected:
            st.button(f"Add the {plural(len(selected), 'trajectory')} selected on the Label page",
                      key="what_if.add_selected", on_click=_add, args=(run, labels, selected))  # fmt: skip
        if edits:
            st.button("Clear", key="what_if.clear", type="tertiary", on_click=_set, args=(run, {}))
    if edits:
        st.markdown(f"**{plural(len(edits), 'label')} would change:** {edit_words(edits, labels)}")
    else:
        st.info("Name trajectories and the label that they would have, for example to see whether a doubtful mark "
                "matters.", icon=":material/experiment:")  # fmt: skip
    return edits


def edit_words(edits: Edits, labels: np.ndarray) -> str:
    """`7, 9 from non-preferred to unlabelled; 12 from unlabelled to preferred`."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for trajectory in sorted(edits):
        kinds.setdefault((str(labels[trajectory]), edits[trajectory]), []).append(trajectory)
    return "; ".join(
        f"{_named(members)} from {LABEL_WORDS[was]} to {LABEL_WORDS[becomes]}"
        for (was, becomes), members in kinds.items()
    )


def _named(trajectories: Sequence[int]) -> str:
    named = ", ".join(map(str, trajectories[:N_NAMED]))
    rest = len(trajectories) - N_NAMED
    return f"{named} and {number(rest)} more" if rest > 0 else named


def _edits(run: Run) -> Edits:
    kept: Edits = state.recall(f"what_if.edits.{run.id}", {})
    return kept


@callback
def _set(run: Run, edits: Edits) -> None:
    state.remember(f"what_if.edits.{run.id}", edits)


@callback
def _add_named(run: Run, labels: np.ndarray) -> None:
    named = parse_numbers(state.widget_value(NUMBERS) or "")
    if not named:
        tell_problem("No trajectory is named; write numbers like 3,17,40-60.")
    elif max(named) >= len(labels):
        tell_problem(f"There is no trajectory {max(named)}; they are 0 to {len(labels) - 1}.")
    else:
        _add(run, labels, tuple(named))


@callback
def _add(run: Run, labels: np.ndarray, trajectories: tuple[int, ...]) -> None:
    """What would have the label that it has anyway is no edit."""
    label: Label = state.widget_value(LABEL) or "none"
    edits = {**_edits(run), **dict.fromkeys(trajectories, label)}
    _set(run, {t: becomes for t, becomes in edits.items() if labels[t] != becomes})
