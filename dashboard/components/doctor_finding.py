"""One finding of the doctor: what is wrong, its evidence as a figure, its probable cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from dashboard import resources
from dashboard.charts_doctor import evidence_figure
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components import selection
from dashboard.components.doctor_correction import correction, start_button
from dashboard.components.empty_states import PageName, page_link
from dashboard.components.figure import figure
from dashboard.components.trajectory_view import trajectory_view
from dashboard.words import code_span, harmless, plural, sentence
from safemil_core.assessment.doctor.findings import Finding, Symptom
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

N_CHIPS = 8
"""Trajectories of a finding that are offered one by one."""
SYMPTOMS: dict[Symptom, str] = {
    "collapse": "cost collapse",
    "shortcut": "shortcut",
    "immobile": "safe but immobile",
    "labels": "labels",
    "dataset": "dataset",
    "weights": "weights",
}
_WAYS: dict[Symptom, tuple[tuple[PageName, str], ...]] = {
    "collapse": (("train", "Settings"),),
    "shortcut": (("costs", "Where the cost lies"), ("label", "Label")),
    "immobile": (("weights", "Who keeps their weight"), ("rollouts", "Rollouts")),
    "labels": (("audit", "Audit the labels"), ("label", "Label")),
    "dataset": (("datasets", "Filter or import again"),),
    "weights": (("weights", "Try other weights"),),
}
"""Where else something can be done about it."""


def doctor_finding(info: DatasetInfo, run: Run, finding: Finding, place: int, answers: Mapping[str, Run]) -> None:
    """A card.

    Args:
        info: the dataset.
        run: that was examined.
        finding: what was found of it.
        place: among all, from 0: the most harmful first.
        answers: the latest corrected run for each cause, where there is one.
    """
    with st.container(border=True, key=f"doctor.finding.{finding.cause}"):
        words, picture = st.columns([4, 5], gap="large")
        with words:
            st.markdown(f"#### {place + 1}. {finding.title}")
            st.markdown(f":{_colour(finding)}-badge[harm {finding.harm:.0%}] :gray-badge[{SYMPTOMS[finding.symptom]}]")
            st.markdown(f"**Evidence** · {harmless(sentence(finding.evidence))}")
            st.markdown(f"**Probable cause** · {harmless(sentence(finding.why))}")
            settings = " ".join(code_span(setting) for setting in finding.settings if setting not in finding.cure)
            st.markdown(f"**Cure** · {harmless(sentence(finding.cure))} {settings}")
            with st.container(horizontal=True, vertical_alignment="center"):
                start_button(info, run, finding, is_first=place == 0)
                for page, way in _WAYS[finding.symptom]:
                    page_link(page, way)
        with picture:
            if finding.figure is not None:
                figure(
                    evidence_figure(finding.figure),
                    key=f"doctor.figure.{finding.cause}",
                    alt=f"{finding.title}: {finding.evidence}",
                )
        if finding.cause in answers:
            correction(info, run, finding.cause, answers[finding.cause])
        if finding.trajectories:
            _trajectories(info, run, finding)


def _trajectories(info: DatasetInfo, run: Run, finding: Finding) -> None:
    """Those that it is about: one can be looked at here, all can be labelled at once."""
    labels = resources.label_state(info).labels
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.pills(
            f"{plural(len(finding.trajectories), 'trajectory')} that it is about",
            finding.trajectories[:N_CHIPS],
            format_func=lambda trajectory: f"{trajectory} · {LABEL_WORDS[str(labels[trajectory])]}",
            key=f"doctor.chips.{run.id}.{finding.cause}",
        )
        if st.button(
            f"Select {plural(len(finding.trajectories), 'trajectory')} on the Label page",
            key=f"doctor.select.{finding.cause}",
            icon=":material/checklist:",
        ):
            selection.select(info, finding.trajectories)
            st.switch_page("views/label.py")
    if chosen is not None:
        trajectory_view(info, chosen, key=f"doctor.view.{finding.cause}", run=run)


def _colour(finding: Finding) -> Literal["red", "orange", "yellow"]:
    if finding.harm >= 0.7:
        return "red"
    return "orange" if finding.harm >= 0.4 else "yellow"
