"""Counters of the labels, and a watch on what other people do to them meanwhile."""

from __future__ import annotations

import streamlit as st

from dashboard import resources
from dashboard.charts_theme import LABEL_BADGES, LABEL_WORDS
from dashboard.drawing import fragment
from dashboard.words import number
from safemil_core.assessment.summaries import label_counts
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelState

EVERY_S = 1.5


def label_badges(said: LabelState) -> None:
    """How many trajectories have which label."""
    counts = label_counts(said.labels)
    numbers = (counts.non_preferred, counts.preferred, counts.unsure, counts.unlabelled)
    for (label, words), n in zip(LABEL_WORDS.items(), numbers, strict=True):
        if n or label != "unsure":  # few ever say so
            st.badge(f"{number(n)} {words}", color=LABEL_BADGES[label])


def watch_labels(info: DatasetInfo) -> None:
    """Draw the page again soon after anybody else has done anything; looking costs one indexed query.

    Call it before the labels are read: what comes later is noticed.
    """
    seen = resources.labels(info).latest()

    @fragment(run_every=EVERY_S)  # defined here, so that it compares with what this run of the page showed
    def watch() -> None:
        if resources.labels(info).latest() != seen:
            st.rerun()

    watch()
