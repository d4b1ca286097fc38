"""What can be said of the policies without a simulator: how far they agree with steps that they have not seen."""

from __future__ import annotations

import streamlit as st

from dashboard import charts_rollout, evaluation_tables, resources
from dashboard.charts_theme import POLICY_LOOKS
from dashboard.components.figure import figure
from dashboard.components.task_watch import task_watch
from dashboard.telling import callback
from safemil_core.running import tasks
from safemil_core.running.offline_checks import read_checks
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task


def rollout_offline(run: Run) -> None:
    """Asked for with a button: both policies are cloned anew, without a fifth of the trajectories."""
    st.subheader("Without a simulator", anchor=False)
    st.caption(
        "A safe policy does what the data do where that costs little, and holds unlikely what is done where it costs "
        "much. To ask it about steps that it has not seen, both policies are cloned once more without a fifth of the "
        "trajectories. True costs take no part in it."
    )
    is_live = task_watch(Task.of_run("offline", run), "updates", key="rollouts.offline")
    checks = read_checks(run)
    if not is_live:
        st.button(
            "Check it again" if checks else "Check it without a simulator",
            icon=":material/fact_check:",
            on_click=_start,
            args=(run,),
            key="rollouts.offline.start",
            help="In the background; takes about twice as long as the policies took to train.",
        )
    if not checks:
        return
    drawn, table = st.columns([2, 3])
    with drawn:
        figure(
            charts_rollout.agreement(checks, POLICY_LOOKS),
            key="rollouts.agreement",
            alt="How far each policy agrees with held-out steps, by kind",
        )
    with table:
        st.dataframe(evaluation_tables.offline(checks), hide_index=True)
        st.caption(
            "Agreement: 1 where the policy does just what was done, 0 where it is no better than always taking the "
            "mean action (of discrete actions: the share that is the same). Density: the log-likelihood of what was "
            "done, in nats a step, of policies cloned by likelihood. Means over trajectories with 95 % bootstrap "
            "intervals; how costly a step is says the learned cost."
        )


@callback
def _start(run: Run) -> None:
    tasks.start(resources.workspace(), Task.of_run("offline", run))
