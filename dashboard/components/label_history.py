"""What was done to the labels of a dataset: by whom, what changed in between, and ways back. Not files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard import resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components.label_transfer import label_transfer
from dashboard.telling import callback, tell
from dashboard.words import code_span, moment, number, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelAction, LabelChange, Snapshot

N_HISTORY = 30
OPEN = "label.history"
_NOW = -1
_NAME_KEY, _FROM_KEY, _TO_KEY = "label.snapshot.name", "label.diff.from", "label.diff.to"


def label_history(info: DatasetInfo) -> None:
    """Every action and a way back to each, differences, named snapshots, and files; made once it is opened, for it is
    long, and each mark would make it anew."""
    place = st.expander("History, snapshots and files", icon=":material/history:", key=OPEN, on_change="rerun")
    if not place.open:
        return
    labels = resources.labels(info)
    actions, snapshots, runs = labels.history(N_HISTORY), labels.snapshots(), _runs_by_action(info)
    with place:
        done, compare, named, files = st.tabs(["History", "Compare", "Snapshots", "Files"])
        with done:
            _actions(info, actions, snapshots, runs)
        with compare:
            _compare(info, actions, snapshots)
        with named:
            _snapshots(info, snapshots, runs)
        with files:
            label_transfer(info)


def action_words(action: LabelAction) -> str:
    """One action in Markdown."""
    reason = f" · because {code_span(action.reason)}" if action.reason else ""
    note = f" · {code_span(action.note)}" if action.note else ""
    one, many = f"trajectory {action.trajectory}", plural(action.n_trajectories, "trajectory")
    labels = ", ".join(LABEL_WORDS[label] for label in action.labels.split(",") if label)
    return (
        f"**{action.id}** · {moment(action.at)} · {code_span(action.author)} · {action.origin} · "
        f"{one if action.n_trajectories == 1 else many}{labels and f': {labels}'}{reason}{note}"
    )


def changes_table(changes: Sequence[LabelChange]) -> pd.DataFrame:
    """One row a change, in words."""
    return pd.DataFrame(
        {
            "trajectory": [change.trajectory for change in changes],
            "what": [change.aspect for change in changes],
            "before": [LABEL_WORDS.get(change.before, change.before) for change in changes],
            "after": [LABEL_WORDS.get(change.after, change.after) for change in changes],
            "by": [change.author for change in changes],
            "at": [moment(change.at) for change in changes],
        }
    )


def _actions(
    info: DatasetInfo,
    actions: Sequence[LabelAction],
    snapshots: Sequence[Snapshot],
    runs: Mapping[int, Sequence[str]],
) -> None:
    if not actions:
        st.markdown("Nothing has been labelled yet. Every action will be kept here, and none is ever lost.")
        return
    names = {snapshot.action: snapshot.name for snapshot in snapshots}
    for action in actions:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"label.action.{action.id}"):
            st.markdown(action_words(action), width="stretch")
            if action.id in names:
                st.badge(names[action.id], icon=":material/bookmark:", color="blue")
            if action.id in runs:
                st.badge(plural(len(runs[action.id]), "run"), color="gray", help=", ".join(runs[action.id]))
            st.button("Changes since", key=f"label.since.{action.id}", on_click=_compare_with, args=(action.id,),
                      disabled=action is actions[0], type="tertiary", help="Listed under Compare.")  # fmt: skip
            st.button("Back to here", key=f"label.restore.{action.id}", on_click=_restore, args=(info, action.id),
                      disabled=action is actions[0], type="tertiary")  # fmt: skip
    if len(actions) == N_HISTORY:
        st.caption(f"The newest {N_HISTORY} actions. The whole history is under Files, as JSON lines.")
    st.button("Back to no labels at all", key="label.restore.0", on_click=_restore, args=(info, 0), type="tertiary")


def _compare(info: DatasetInfo, actions: Sequence[LabelAction], snapshots: Sequence[Snapshot]) -> None:
    """The changes between any two states."""
    words = {_NOW: "now", 0: "before the first label"}
    words |= {action.id: f"after {action.id} · {action.author} · {moment(action.at)}" for action in actions}
    words |= {snapshot.action: f"snapshot {snapshot.name}" for snapshot in snapshots}
    options = list(words)
    if state.widget_value(_FROM_KEY) not in options:
        state.set_widget_value(_FROM_KEY, None)
    left, right = st.columns(2)
    earlier = left.selectbox(
        "From", options[1:], index=None, format_func=words.__getitem__, key=_FROM_KEY, placeholder="an earlier state"
    )
    later = right.selectbox("To", options, format_func=words.__getitem__, key=_TO_KEY)
    if earlier is None:
        st.caption("Choose an earlier state to see what has changed since.")
        return
    changes = resources.labels(info).diff(earlier, None if later == _NOW else later)
    if not changes:
        st.markdown("Nothing differs.")
        return
    st.markdown(f"**{plural(len(changes), 'change')}** from {code_span(words[earlier])} to {code_span(words[later])}")
    st.dataframe(
        changes_table(changes), hide_index=True, key="label.diff", height="content" if len(changes) < 8 else 300
    )


def _snapshots(info: DatasetInfo, snapshots: Sequence[Snapshot], runs: Mapping[int, Sequence[str]]) -> None:
    """Names for states, and which runs learned from them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name for the labels as they are now", key=_NAME_KEY, placeholder="first-pass", width=280)
        st.button("Save snapshot", key="label.snapshot.save", on_click=_save, args=(info,))
    if not snapshots:
        st.caption(
            "A snapshot names a state, so that you find it again. Runs pin the state that they learn from anyway."
        )
    for snapshot in snapshots:
        with st.container(horizontal=True, vertical_alignment="center", key=f"label.snapshots.{snapshot.name}"):
            used = f" · used by {', '.join(map(code_span, runs[snapshot.action]))}" if snapshot.action in runs else ""
            st.markdown(
                f":material/bookmark: **{code_span(snapshot.name)}** · after action {snapshot.action} · "
                f"{code_span(snapshot.author)} · {moment(snapshot.at)}{used}",
                width="stretch",
            )
            st.button("Changes since", key=f"label.since_snapshot.{snapshot.name}", on_click=_compare_with,
                      args=(snapshot.action,), type="tertiary", help="Listed under Compare.")  # fmt: skip
            st.button("Back to here", key=f"label.restore_snapshot.{snapshot.name}", on_click=_restore,
                      args=(info, snapshot.action), type="tertiary")  # fmt: skip
    others = {action: used for action, used in runs.items() if action not in {one.action for one in snapshots}}
    if others:
        listed = " · ".join(f"{', '.join(map(code_span, used))} after action {a}" for a, used in sorted(others.items()))
        st.caption(f"Runs on states without a name: {listed}")


def _runs_by_action(info: DatasetInfo) -> dict[int, list[str]]:
    """Runs of the dataset by the label action that they pin."""
    found: dict[int, list[str]] = {}
    for run in resources.runs().list(info.id):
        found.setdefault(run.info.label_snapshot, []).append(run.id)
    return found


@callback
def _compare_with(action_id: int) -> None:
    state.set_widget_value(_FROM_KEY, action_id)
    state.set_widget_value(_TO_KEY, _NOW)


@callback
def _restore(info: DatasetInfo, action_id: int) -> None:
    changed = resources.labels(info).restore(action_id, author=state.author())
    tell("Restored." if changed else "The labels are as they were then already.")


@callback
def _save(info: DatasetInfo) -> None:
    name = str(state.widget_value(_NAME_KEY) or "").strip()
    snapshot = resources.labels(info).save_snapshot(name, author=state.author())
    state.set_widget_value(_NAME_KEY, "")
    tell(f"Saved {code_span(snapshot.name)}, after action {number(snapshot.action)}.")
