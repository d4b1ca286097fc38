"""What if some labels were others: the edits, a preview of what they would do, and real refits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts_weights, resources, run_resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components.figure import figure
from dashboard.components.task_watch import task_watch
from dashboard.components.trajectory_below import lead_on_point, lead_on_row
from dashboard.components.what_if_edits import Edits, what_if_edits
from dashboard.components.what_if_results import what_if_results
from dashboard.telling import callback, show_problem
from dashboard.words import plural
from safemil_core.assessment.what_if import most_moved, strengths, trust
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import SafeMILError
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.running.what_ifs import Request, Start, WhatIfs, start_what_if

START_WORDS: dict[Start, str] = {"seed": "the run's seed", "network": "the run's network"}
SURENESS = {1: "one refit", 3: "three", 5: "five, surer"}
N_MOVERS = 10
PREVIEW, MOVERS = "what_if.preview", "what_if.expected"
START, SEEDS = "what_if.start", "what_if.seeds"


def what_if(info: DatasetInfo, run: Run) -> None:
    """Choose edits, see the preview at once, have them refitted, compare what came of it."""
    labels = run.trajectories()["label"].to_numpy(str)
    edits = what_if_edits(info, run, labels)
    is_live = task_watch(Task.of_run("what_if", run), "updates", key="what_if")
    _refit_bar(run, edits, is_live=is_live)
    if edits:
        _preview(run, labels, edits, is_live=is_live)
    what_if_results(info, run)


def _refit_bar(run: Run, edits: Edits, *, is_live: bool) -> None:
    """How to refit, and the start."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Begin with", list(START_WORDS), default="seed", format_func=START_WORDS.__getitem__, required=True,
            key=START,
            help="The run's seed: anew, as the run did. The run's network: on from what it learned, in a quarter of "
            "the updates; then other labels have less time to change its mind.",
        )  # fmt: skip
        st.segmented_control(
            "Refits", list(SURENESS), default=1, format_func=SURENESS.__getitem__, required=True, key=SEEDS,
            help="Under so many seeds, each compared with the unchanged labels under the same seed. More: less noise.",
        )  # fmt: skip
        st.button("Refit", key="what_if.refit", type="primary", icon=":material/replay:", disabled=is_live or not edits,
                  on_click=_start, args=(run, edits))  # fmt: skip


def _preview(run: Run, labels: np.ndarray, edits: Edits, *, is_live: bool) -> None:
    """What the edits would move, to first order, with how well that has been true of this run."""
    st.subheader("Preview", anchor=False)
    kept = WhatIfs(run)
    if not kept.has_preview:
        st.markdown("The preview follows from what each trajectory taught the network; that is found out once a run.")
        st.button("Prepare the preview", key="what_if.prepare", icon=":material/bolt:", disabled=is_live,
                  on_click=_start, args=(run, {}))  # fmt: skip
        return
    try:
        moved = kept.preview(labels, edits)
    except SafeMILError as problem:
        show_problem(problem)
        return
    strength = strengths(moved)
    table = pd.DataFrame(
        {
            "trajectory": np.arange(len(labels)),
            "label": labels,
            "cost": run_resources.run_cost_sums(run).to_numpy(),
            "strength": strength,
        }
    )
    chart, movers = st.columns([3, 2])
    with chart:
        figure(
            charts_weights.preview_over_cost(table),
            key=PREVIEW,
            alt="Where the preview expects the costs to move",
            on_select=partial(lead_on_point, PREVIEW),
            selection_mode="points",
        )
    order = most_moved(strength, N_MOVERS)
    movers.dataframe(
        table.iloc[order].assign(label=[LABEL_WORDS[label] for label in labels[order]]),
        hide_index=True,
        height=300,
        key=MOVERS,
        on_select=partial(lead_on_row, MOVERS, tuple(order.tolist())),
        selection_mode="single-row",
        column_config={
            "cost": st.column_config.NumberColumn("C of the run", format="%.2f"),
            "strength": st.column_config.NumberColumn("preview", format="%+.2f"),
        },
    )
    st.caption(_trust(run_resources.what_if_agreements(run)))


def _trust(agreements: dict[int, float]) -> str:
    """How well the preview has foretold real refits of this run."""
    words = "To first order; its order counts, the largest is 1. "
    if not agreements:
        return words + "How well it foretells a real refit is measured with every refit: there is none yet."
    median, lowest, highest = trust(agreements.values())
    spread = f", from {lowest:.2f} to {highest:.2f}" if len(agreements) > 1 else ""
    return (
        f"{words}Its rank correlation with {plural(len(agreements), 'real refit')} of this run so far: median "
        f"{median:.2f}{spread}. A single label often changes less than another seed does: then neither "
        "tells much."
    )


@callback
def _start(run: Run, edits: Edits) -> None:
    request = Request(edits, state.widget_value(SEEDS) or 1, state.widget_value(START) or "seed", state.author())
    start_what_if(resources.workspace(), run, request)
