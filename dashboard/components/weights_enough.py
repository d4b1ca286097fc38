"""Whether more marks would change anything: the stop-labelling curve of a run, and its sentence."""

from __future__ import annotations

import streamlit as st

from dashboard import charts_weights, resources, state
from dashboard.components.empty_states import page_link
from dashboard.components.figure import figure
from dashboard.components.task_watch import task_watch
from dashboard.telling import callback
from dashboard.words import code_span, moment
from safemil_core.assessment.label_curve import LabelCurve
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.label_curves import read_curve, start_curve
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task


def weights_enough(info: DatasetInfo, run: Run) -> None:
    """The curve, how it is made, and the button that makes it."""
    curve = read_curve(run)
    is_live = task_watch(Task.of_run("label_curve", run), "refits", key="label_curve")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Draw the curve" if curve is None else "Draw it again", key="label_curve.start",
                  type="primary" if curve is None else "secondary", icon=":material/show_chart:", disabled=is_live,
                  on_click=_start, args=(run,))  # fmt: skip
        if curve is not None and resources.labels(info).latest() != curve.label_snapshot:
            st.badge("outdated: labels changed since", icon=":material/history:", color="yellow")
        page_link("review", "Label more")
    if curve is None:
        st.markdown("The cost network is refitted after every ten marks, in the order in which they were made, under "
                    "three seeds: a few seconds each, in the background.")  # fmt: skip
        return
    _result(curve)


def _result(curve: LabelCurve) -> None:
    st.markdown(f"**{curve}**")
    moved, foretold = st.columns([3, 2])
    with moved:
        figure(
            charts_weights.moved_by_marks(curve.points),
            key="weights.enough",
            alt="Share of the weight that each ten marks moved, beside what another seed moves",
        )
    if any(point.held_out is not None for point in curve.points):
        with foretold:
            figure(
                charts_weights.foretold_marks(curve.points),
                key="weights.foretold",
                alt="How well the cost tells the marks still to come, after so many marks",
            )
    words = "Weights are compared among trajectories whose label stayed; bars are the range over seeds. "
    if curve.has_arbitrary_order:
        words += "Many marks came in one action: their order within it is drawn at random, the same every time. "
    st.caption(f"{words}Made by {code_span(curve.author)}, {moment(curve.made_at)}.")


@callback
def _start(run: Run) -> None:
    start_curve(resources.workspace(), run, state.author())
