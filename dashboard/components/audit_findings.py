"""Which labels look wrong: a committee that has not seen a trajectory, and its neighbours, speak against its label."""

from __future__ import annotations

import streamlit as st

from dashboard import label_resources, resources, state
from dashboard.charts_theme import LABEL_BADGES, LABEL_WORDS
from dashboard.components.audit_agreement import settle
from dashboard.components.empty_states import page_link
from dashboard.components.task_watch import task_watch
from dashboard.telling import callback
from dashboard.words import code_span, moment, plural
from safemil_core.assessment.agreement import settled
from safemil_core.assessment.label_audit import LabelFinding
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelState
from safemil_core.running import tasks
from safemil_core.running.committees import Committee
from safemil_core.running.tasks import Task

N_SHOWN = 6
KINDS = {
    "marked but looks preferred": "Marked, looks preferred",
    "unmarked but looks non-preferred": "Unmarked, looks non-preferred",
    "near-duplicates with opposite labels": "Near-duplicates",
}
_KIND_KEY = "audit.kind"


def findings_section(info: DatasetInfo) -> None:
    """Train the committee, then go through what it finds."""
    st.subheader("Label audit", anchor=False)
    st.caption(
        "Which labels look wrong? Small cost networks judge each trajectory without having seen it, and its nearest "
        "neighbours are asked too."
    )
    said, committee = resources.label_state(info), label_resources.committee(info)
    _committee_bar(info, said, committee)
    if committee is None:
        return
    decided = settled(resources.labels(info).judgements(), said)
    found = [finding for finding in label_resources.label_findings(info) if finding.trajectory not in decided]
    if not found:
        st.success("No label looks wrong.", icon=":material/check_circle:")
        return
    counts = {kind: sum(finding.kind == kind for finding in found) for kind in KINDS}
    kinds = ["all", *(kind for kind, n in counts.items() if n)]
    if state.widget_value(_KIND_KEY) not in kinds:
        state.set_widget_value(_KIND_KEY, "all")
    kind = st.segmented_control(
        "Kind",
        kinds,
        format_func=lambda kind: f"All {len(found)}" if kind == "all" else f"{KINDS[kind]} {counts[kind]}",
        key=_KIND_KEY,
        required=True,
        label_visibility="collapsed",
    )
    listed = [finding for finding in found if kind in ("all", finding.kind)]
    for finding in listed[:N_SHOWN]:
        _finding(info, said, finding)
    if len(listed) > N_SHOWN:
        st.caption(f"and {len(listed) - N_SHOWN} less suspicious ones, shown when these are decided.")


def _committee_bar(info: DatasetInfo, said: LabelState, committee: Committee | None) -> None:
    """The job: start, progress, and how far its result is behind the labels."""
    is_live = task_watch(Task.of_dataset("committee", resources.workspace(), info), "updates", key="audit")
    with st.container(horizontal=True, vertical_alignment="center"):
        can_learn = bool((said.labels == "non_preferred").any() and (said.labels != "non_preferred").any())
        st.button(
            "Run the audit" if committee is None else "Run it again",
            key="audit.start",
            icon=":material/fact_check:",
            type="primary" if committee is None else "secondary",
            on_click=_start,
            args=(info,),
            disabled=is_live or not can_learn,
        )
        if not can_learn:
            st.markdown("Mark at least one trajectory non-preferred first.", width="content")
            page_link("label", "Mark some")
        if committee is not None:
            st.markdown(
                f"By {committee.info.n_members} networks, {moment(committee.info.made_at)}, started by "
                f"{code_span(committee.info.author)}",
                width="content",
            )
            n_changed = int((committee.labels != said.labels).sum())
            if n_changed:
                st.badge(f"outdated: {plural(n_changed, 'label')} changed since", icon=":material/history:",
                         color="yellow", help="The networks learned from older labels; the findings below know the "
                         "new ones.")  # fmt: skip


def _finding(info: DatasetInfo, said: LabelState, finding: LabelFinding) -> None:
    """What is suspicious, why, and what to do about it."""
    trajectory, label = finding.trajectory, str(said.labels[finding.trajectory])
    key = f"audit.finding.{list(KINDS).index(finding.kind)}.{trajectory}"
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        with st.container(width="stretch", gap="xxsmall"):
            colour = LABEL_BADGES[label]
            st.markdown(f"**Trajectory {trajectory}** :{colour}-badge[{LABEL_WORDS[label]}] · {KINDS[finding.kind]}")
            st.caption(finding.evidence)
        page_link("label", "Look", trajectory=trajectory)
        words = "Mark non-preferred" if finding.suggested == "non_preferred" else "Take the mark back"
        st.button(
            words, key=f"{key}.relabel", on_click=settle, args=(info, trajectory, finding.suggested, _note(finding))
        )
        st.button("Keep", key=f"{key}.keep", on_click=settle, args=(info, trajectory, label, _note(finding)),
                  help="The label is right: settled, and not listed again.", type="tertiary")  # fmt: skip


def _note(finding: LabelFinding) -> str:
    return f"label audit: {finding.kind}"


@callback
def _start(info: DatasetInfo) -> None:
    tasks.start_committee(resources.workspace(), info, state.author())
