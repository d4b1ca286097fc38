"""Whether the policies move: how far their episodes reach and what they earn, among the trajectories of the data."""

from __future__ import annotations

import streamlit as st

from dashboard import resources
from dashboard.charts_doctor import evidence_figure
from dashboard.components.figure import figure
from safemil_core.assessment.doctor.immobile import reach_and_return
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run


def rollout_movement(info: DatasetInfo, run: Run) -> None:
    """Nothing where the episodes are of a version that did not measure it."""
    evaluation = run.evaluation
    if not all("reach" in episode for played in evaluation["policies"].values() for episode in played["episodes"]):
        return
    st.subheader("Does it move?", anchor=False)
    table = resources.summary(info)
    returns = table["return"].to_numpy() if "return" in table else None
    labels = resources.label_state(info).labels
    figure(
        evidence_figure(reach_and_return(resources.reach(info), returns, labels, evaluation), height=300),
        key="rollouts.movement",
        alt="How far episodes and trajectories reach, and their returns",
    )
    st.caption(
        "Reach: how far the states of an episode lie from their mean; 1 is the median trajectory's. Below 0.5 a policy "
        "is safe because it hardly moves."
    )
