"""Label: look at trajectories, one or many at once, and say which are non-preferred and which are preferred."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd
import streamlit as st

from dashboard import charts_data, resources, state
from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS, LEARNED_COST, TRUE_COST
from dashboard.components import pickers
from dashboard.components.empty_states import need_dataset, page_link
from dashboard.components.hotkeys import hotkeys
from dashboard.components.label_history import action_words, label_files, label_history
from dashboard.components.replay import Curve, replay_with_timeline
from dashboard.components.selection import ORDER_KEY, ORDERS, SHOW_KEY, Listing, focus_on, listing, orders, select
from dashboard.components.words import code_span, number, plural
from safemil_core.assessment.summaries import label_counts
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels import Label
from safemil_core.errors import NotReady
from safemil_core.running import jobs

SHOW = {"all": "All", "none": "Unlabelled", "non_preferred": "Non-preferred", "preferred": "Preferred"}
BADGES = {"non_preferred": "orange", "preferred": "green", "none": "gray"}
NOTE_KEY, ADVANCE_KEY, CHART_KEY = "label.note", "label.advance", "label.scatter"
N_AHEAD = 2
"""Replays that are rendered before somebody asks for them."""


# What the buttons, keys, table and chart do. All of it happens before the page is drawn again.


@state.uninterrupted()
def _mark(info: DatasetInfo, label: Label) -> None:
    listed = listing(info)
    note = str(state.widget_value(NOTE_KEY) or "").strip()
    resources.labels(info).mark(listed.selected, label, author=state.author(), note=note)
    state.set_widget_value(NOTE_KEY, "")
    if state.widget_value(ADVANCE_KEY) and len(listed.selected) == 1:
        _go(info, forward=True)


@state.uninterrupted()
def _undo(info: DatasetInfo) -> None:
    undone = resources.labels(info).undo(author=state.author())
    words = f"Took back: {action_words(undone)}" if undone else f"{code_span(state.author())} has nothing to undo."
    state.remember("label.message", words)


@state.uninterrupted()
def _go(info: DatasetInfo, *, forward: bool) -> None:
    listed = listing(info)
    target = listed.next if forward else listed.previous
    if target is not None:
        focus_on(target)


def _press(info: DatasetInfo, key: str) -> None:
    match key:
        case "n":
            _mark(info, "non_preferred")
        case "p":
            _mark(info, "preferred")
        case "x":
            _mark(info, "none")
        case "u":
            _undo(info)
        case _:
            _go(info, forward=key in ("j", "ArrowRight"))


@state.uninterrupted()
def _select_rows(info: DatasetInfo, key: str) -> None:
    """A click on a cell looks at that trajectory; the boxes at the left select several."""
    rows, heard = listing(info).rows, state.heard(key)
    if heard is None:
        return
    selection = heard["selection"]
    cells = [row for row, _ in selection.get("cells", []) if row < len(rows)]
    chosen = [int(rows[row]) for row in selection["rows"] if row < len(rows)]
    if cells:
        focus_on(int(rows[cells[0]]))
    elif chosen:
        select(info, chosen)


@state.uninterrupted()
def _select_points(info: DatasetInfo) -> None:
    points = state.widget_value(CHART_KEY)["selection"]["points"]
    chosen = sorted(int(point["customdata"]) for point in points)
    if chosen:
        select(info, chosen)


# The parts of the page.


def _counts(info: DatasetInfo) -> None:
    counts = label_counts(resources.labels(info).current())
    st.badge(f"{number(counts.non_preferred)} non-preferred", color="orange")
    st.badge(f"{number(counts.preferred)} preferred", color="green")
    st.badge(f"{number(counts.unlabelled)} unlabelled", color="gray")
    if counts.non_preferred:
        page_link("train", "Train with these labels")
    elif info.has_costs:
        page_link("datasets", "Start from example labels")


def _list(info: DatasetInfo, listed: Listing) -> None:
    st.segmented_control(
        "Show",
        list(SHOW),
        default="all",
        format_func=SHOW.__getitem__,
        key=SHOW_KEY,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    st.selectbox(
        "Order",
        orders(listed.table),
        format_func=lambda column: f"by {ORDERS[column]}",
        key=ORDER_KEY,
        persist_state="session",
        label_visibility="collapsed",
    )
    rows = listed.rows
    if not len(rows):
        st.info("No trajectory has this label. Choose another filter above.")
        return
    # The filter and the order are in the key: a selection is by row, and must not outlive them.
    key = f"label.table.{info.id}.{state.widget_value(SHOW_KEY)}.{state.widget_value(ORDER_KEY)}"
    place = {int(trajectory): row for row, trajectory in enumerate(rows)}
    selected = [place[trajectory] for trajectory in listed.selected if trajectory in place]
    state.set_widget_value(key, {"selection": {"rows": selected, "columns": [], "cells": []}})
    st.dataframe(
        _table_to_show(listed.table.iloc[rows]),
        key=key,
        height=300,
        hide_index=True,
        on_select=lambda: _select_rows(info, key),
        selection_mode=["multi-row", "single-cell"],
        column_config={
            "#": st.column_config.NumberColumn(width=44),
            "label": st.column_config.MultiselectColumn(
                width=112, options=list(LABEL_WORDS.values()), color=[LABEL_COLOURS[label] for label in LABEL_WORDS]
            ),
            "return": st.column_config.NumberColumn(format="%.1f"),
            "true cost": st.column_config.NumberColumn(format="%.0f"),
            "learned cost": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def _table_to_show(table: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "trajectory": "#",
        "label": "label",
        "return": "return",
        "true_cost": "true cost",
        "learned_cost": "learned cost",
    }
    if table["length"].nunique() > 1:
        columns["length"] = "length"
    shown = table[[column for column in columns if column in table]].rename(columns=columns)
    shown["label"] = pd.Series(
        [[LABEL_WORDS[label]] if label != "none" else [] for label in table["label"]], shown.index
    )
    return shown


def _scatter(info: DatasetInfo, listed: Listing) -> None:
    st.plotly_chart(
        charts_data.trajectory_scatter(
            resources.summary(info), listed.table["label"].to_numpy(), info.observation_names, height=270
        ),
        key=CHART_KEY,
        on_select=lambda: _select_points(info),
        selection_mode=("points", "box", "lasso"),
        config={"displaylogo": False, "modeBarButtons": [["select2d", "lasso2d", "resetScale2d"]]},
        alt="One point per trajectory, coloured by label; drag a box to select",
    )
    st.caption("Drag a box around points to select them.")


def _actions(info: DatasetInfo, listed: Listing) -> None:
    n = len(listed.selected)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("←", help="Previous (K)", on_click=_go, args=(info,), kwargs={"forward": False}, key="label.previous",
                  disabled=listed.previous is None)  # fmt: skip
        st.button("→", help="Next (J)", on_click=_go, args=(info,), kwargs={"forward": True}, key="label.next",
                  disabled=listed.next is None)  # fmt: skip
        st.subheader(f"Trajectory {listed.focus}", anchor=False, width="content")
        st.badge(LABEL_WORDS[listed.label], color=BADGES[listed.label])  # type: ignore[arg-type]
        if n > 1:
            st.markdown(f"and {plural(n - 1, 'other')} selected", width="content")
        st.space("stretch")
        st.toggle("Go on", key=ADVANCE_KEY, help="After marking one, go on to the next.", persist_state="session")
    with st.container(horizontal=True, vertical_alignment="center"):
        of = f" {n}" if n > 1 else ""
        st.button(f"Non-preferred{of} `N`", on_click=_mark, args=(info, "non_preferred"), key="label.non_preferred",
                  type="primary")  # fmt: skip
        st.button(f"Preferred{of} `P`", on_click=_mark, args=(info, "preferred"), key="label.preferred")
        st.button(f"Clear{of} `X`", on_click=_mark, args=(info, "none"), key="label.clear")
        st.button("Undo `U`", on_click=_undo, args=(info,), key="label.undo", help="Takes back your last action.")
        st.text_input("Note", key=NOTE_KEY, placeholder="Note (optional)", label_visibility="collapsed", width=170)


def _path(info: DatasetInfo, listed: Listing) -> None:
    x, y = pickers.dimension_pickers(info)
    st.plotly_chart(
        charts_data.path_figure(
            resources.trajectories(info)[listed.focus],
            listed.label,
            resources.background_paths(info, x, y),
            x,
            y,
            info.observation_names,
            height=400,
        ),
        key="label.path",
        config={"displayModeBar": False},
        alt=f"The path of trajectory {listed.focus}",
    )


def _curves(info: DatasetInfo, trajectory: int) -> list[Curve]:
    """The true cost of each step where it is known, and the learned cost of the chosen run where it has one."""
    trajectories = resources.trajectories(info)
    curves = []
    true_costs = trajectories[trajectory].costs
    if true_costs is not None:
        curves.append(Curve("true cost", true_costs, TRUE_COST, is_filled=True))
    run = pickers.chosen_run(info)
    if run is not None:
        steps = slice(*trajectories.offsets[trajectory : trajectory + 2])
        with suppress(NotReady):  # it still trains
            curves.append(Curve("learned cost", resources.run_costs(run)[steps], LEARNED_COST))
    return curves


def _replay(info: DatasetInfo, listed: Listing) -> None:
    """The video, asked for with the next ones; until it is there, a fragment looks for it every second."""
    wanted = [listed.focus, *_ahead(listed)]
    if info.env_id is not None:
        jobs.want_replays(resources.workspace(), info, wanted)
    is_waiting = info.env_id is not None and resources.replay(info, listed.focus) is None

    @st.fragment(run_every=1.0 if is_waiting else None)
    def screen() -> None:
        replay = resources.replay(info, listed.focus)
        if is_waiting and replay is not None:
            st.rerun()  # once, and the polling ends
        progress = jobs.replay_progress(resources.workspace(), info)
        if is_waiting and progress is not None and progress.state == "done":
            jobs.want_replays(resources.workspace(), info, wanted)  # it ended just before it heard of this wish
        has_failed = progress is not None and progress.state in ("failed", "lost")
        message = "Rendering the replay…"
        if info.env_id is None:
            message = "No replay: this dataset names no environment. Import the file again with its name."
        elif progress is not None and has_failed:
            message = f"No replay: {progress.message}"
        trajectory = resources.trajectories(info)[listed.focus]
        replay_with_timeline(
            f"{info.id}/{listed.focus}",
            replay,
            _curves(info, listed.focus),
            len(trajectory),
            key="label.replay",
            message=message,
            is_busy=is_waiting and not has_failed,
        )
        if replay is not None and not replay.exact:
            st.badge("approximate", color="yellow", help=replay.note)

    screen()


def _ahead(listed: Listing) -> list[int]:
    rows: list[int] = listed.rows.tolist()
    start = rows.index(listed.focus) + 1 if listed.focus in rows else 0
    return rows[start : start + N_AHEAD]


header = st.container(horizontal=True, vertical_alignment="center")
header.title("Label", anchor=False, width="content")
info = need_dataset()
hotkeys("label.keys", ("n", "p", "x", "u", "j", "k", "ArrowLeft", "ArrowRight"), lambda key: _press(info, key))
with header:
    _counts(info)
if message := state.forget("label.message"):
    st.toast(message)

listed = listing(info)
left, right = st.columns([4, 7], gap="medium")
with left:
    _list(info, listed)
    _scatter(info, listed)
with right:
    _actions(info, listed)
    path, video = st.columns(2)
    with path:
        _path(info, listed)
    with video:
        _replay(info, listed)
label_history(info)
label_files(info)
