"""Where in the state space, and when, the learned cost lies."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources
from dashboard.components.cost_map import cost_map
from dashboard.components.cost_raster import cost_raster
from dashboard.components.empty_states import need_costs, need_dataset

st.title("Costs")
info = need_dataset()
run = need_costs(info)
trajectories = resources.trajectories(info)
costs, learned_table = run_resources.run_costs(run), run.trajectories()
labels, sums = learned_table["label"].to_numpy(str), learned_table["cost_sum"].to_numpy()

st.subheader("Over the state" if info.n_observations else "Over the actions", anchor=False)
cost_map(info, trajectories, costs, labels)
st.subheader("Over time", anchor=False)
cost_raster(info, trajectories, costs, run_resources.run_cost_spread(run), labels, sums)
