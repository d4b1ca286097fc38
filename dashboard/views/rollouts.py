"""Run policies in the dataset's environment, compare them, watch them side by side; and what can be said without it."""

from __future__ import annotations

import streamlit as st

from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import empty_state, need_dataset, need_policies
from dashboard.components.rollout_form import evaluation_form
from dashboard.components.rollout_movement import rollout_movement
from dashboard.components.rollout_offline import rollout_offline
from dashboard.components.rollout_pair import rollout_pair
from dashboard.components.rollout_policies import looks
from dashboard.components.rollout_results import rollout_results
from dashboard.components.rollout_teachers import rollout_teachers
from dashboard.components.rollout_wall import rollout_wall
from dashboard.components.task_watch import task_watch
from safemil_core.running.tasks import Task

st.title("Rollouts")
info = need_dataset()
run = need_policies()
doctor_banner(info, run)
if info.env_id is None:
    empty_state(
        f"`{info.name}` does not say which environment it comes from. Import its file again with an environment id, "
        "for example `SafetyCarCircle-v0`: then policies can be run in it.",
        "datasets",
        "Import it with an environment",
    )
    rollout_offline(run)
    st.stop()

form = st.container()
is_live = task_watch(Task.of_run("evaluate", run), "episodes", key="rollouts")
with form:
    evaluation_form(info, run, is_live=is_live)
evaluation = run.evaluation
if evaluation:
    drawn = looks(info, evaluation)
    st.subheader("Safe policy against the others", anchor=False)
    rollout_results(evaluation, drawn)
    st.subheader("Side by side", anchor=False)
    rollout_pair(info, run, evaluation, drawn)
    if st.toggle("Watch all films at once", key="rollouts.all"):
        rollout_wall(run, evaluation, drawn)
    rollout_movement(info, run)
    rollout_teachers(info, run)
elif not is_live:
    st.markdown(
        "Nothing has been run yet. Afterwards you see here the return and cost of the policies, and watch them "
        "side by side."
    )
rollout_offline(run)
