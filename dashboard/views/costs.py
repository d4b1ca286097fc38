"""Where the learned cost lies: one section at a time, and below it the trajectory that it leads on to."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.components import pickers
from dashboard.components.cost_curves import cost_curves, has_curves
from dashboard.components.cost_inputs import cost_inputs
from dashboard.components.cost_map import cost_map
from dashboard.components.cost_probe import cost_probe
from dashboard.components.cost_raster import cost_raster
from dashboard.components.cost_truth import cost_truth
from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import need_costs, need_dataset
from dashboard.components.trajectory_below import trajectory_below
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

st.title("Costs")
info = need_dataset()
run = need_costs()
doctor_banner(info, run)

SECTIONS: dict[str, tuple[str, Callable[[DatasetInfo, Run], None]]] = {
    "state": ("Over the state" if info.n_observations else "Over the actions", cost_map),
    "time": ("Over time", cost_raster),
    "probe": ("The function", cost_probe),
    **({"curves": ("Curves", cost_curves)} if has_curves(info, run) else {}),
    "inputs": ("Inputs", cost_inputs),
    "truth": ("Against the truth", cost_truth),
}
chosen = pickers.section_picker({name: title for name, (title, _) in SECTIONS.items()})
SECTIONS[chosen][1](info, run)

trajectory_below(info, run)
