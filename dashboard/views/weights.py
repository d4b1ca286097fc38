"""Whom the policy learns from, and what would change it: one section at a time, and below it the trajectory that it
leads on to."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.components import pickers
from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import need_dataset, need_weights
from dashboard.components.trajectory_below import trajectory_below
from dashboard.components.weights_bags import weights_bags
from dashboard.components.weights_enough import weights_enough
from dashboard.components.weights_live import weights_live
from dashboard.components.what_if import what_if
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

SECTIONS: dict[str, tuple[str, str, Callable[[DatasetInfo, Run], None]]] = {
    "weigh": (
        "Weigh",
        "The learned cost stays as it is; only the weights are computed anew, so every change shows at once. "
        "Non-preferred trajectories are never cloned.",
        weights_live,
    ),
    "what_if": (
        "What if",
        "Other labels for some trajectories: what would this run's cost be then, and would another seed have changed "
        "as much? Nobody's labels change until you say so.",
        what_if,
    ),
    "bags": (
        "Bags",
        "An unlabelled bag teaches only where it holds a preferred trajectory: how often does it?",
        weights_bags,
    ),
    "enough": ("Enough labels?", "What the latest marks changed says what the next ones would.", weights_enough),
}

st.title("Weights")
info = need_dataset()
run = need_weights()
doctor_banner(info, run)
chosen = pickers.section_picker({name: title for name, (title, _, _) in SECTIONS.items()})
_, caption, section = SECTIONS[chosen]
st.caption(caption)
section(info, run)

st.divider()
trajectory_below(info, run)
