"""The learned cost against the true one, once the truth is revealed: of steps and of trajectories."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts_truth, cost_resources, resources, state
from dashboard.components.choice import choice
from dashboard.components.figure import figure
from dashboard.cost_resources import Among
from dashboard.drawing import fragment
from dashboard.telling import callback
from dashboard.words import code_span, fine_steps, moment, number, plural
from safemil_core.assessment import truth
from safemil_core.assessment.truth import Cut, TruthReport
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.hidden_truth import TruthEvent
from safemil_core.running.run_folder import Run

Items = Literal["steps", "trajectories"]
ITEMS: dict[Items, str] = {"steps": "Steps", "trajectories": "Trajectories"}
SINGULAR: dict[Items, str] = {"steps": "step", "trajectories": "trajectory"}
AMONG: dict[Among, str] = {"unmarked": "Not marked for this run", "all": "All"}


def cost_truth(info: DatasetInfo, run: Run) -> None:
    """Everything that the truth says of a run's cost; while it is hidden, the way to reveal it."""
    if not info.has_costs:
        st.info("This dataset has no true costs, so there is no truth to compare the learned cost with.")
    elif not resources.shows_truth(info):
        _curtain(info)
    else:
        _report(info, run)


@callback
def _reveal(info: DatasetInfo) -> None:
    resources.hidden_truth(info).reveal(state.author())


def _curtain(info: DatasetInfo) -> None:
    with st.container(border=True):
        st.markdown(
            "**The truth is hidden.** Label and train without it; then reveal it here, and see how well the learned "
            "cost finds the steps that violate. It is kept that you revealed it: labels that are given from then on "
            "count as given with the truth in sight."
        )
        st.button("Reveal the truth", type="primary", icon=":material/visibility:", on_click=_reveal, args=(info,))


@fragment()
def _report(info: DatasetInfo, run: Run) -> None:
    st.caption(_fairness(info, run))
    row = st.container(horizontal=True, vertical_alignment="bottom")
    items = choice("Level", "costs.truth.level", ITEMS, row)
    among = choice("Of which trajectories", "costs.truth.among", AMONG, row)
    if items == "steps":
        threshold = row.slider(
            "Steps of at least this cost c are called violating", 0.0, 1.0, 0.5, 0.01, key="costs.truth.threshold",
            persist_state="session",
        )  # fmt: skip
        report = cost_resources.step_truth(info, run, among)
        at = cost_resources.step_cut(info, run, among, threshold)
    else:
        report, at = _of_trajectories(info, run, among, row)
    _numbers(report, at)
    _curves(report, at, items)


def _of_trajectories(info: DatasetInfo, run: Run, among: Among, place: DeltaGenerator) -> tuple[TruthReport, Cut]:
    found = cost_resources.judged(info, run, among)
    limit = place.number_input(
        "Violating above", 0.0, None, 0.0, 1.0, width=170, key="costs.truth.limit", persist_state="session",
        help="A trajectory violates where its true cost, summed over its steps, is above this.",
    )  # fmt: skip
    low, high = float(found.sums.min()), float(found.sums.max())
    threshold = low
    if high > low:
        threshold = place.slider(
            "Called violating from C", low, high, (low + high) / 2, key=f"costs.truth.threshold.{run.id}.{among}",
            **fine_steps(low, high),
        )  # fmt: skip
    report = cost_resources.trajectory_truth(info, run, among, float(limit))
    return report, truth.cut(found.sums, found.true_sums > limit, threshold)


def _numbers(report: TruthReport, at: Cut) -> None:
    ranking, share = report.ranking, report.ranking.n_violating / report.ranking.n
    with st.container(horizontal=True):
        st.metric("ROC AUC", _words(ranking.auc), border=True,
                  help="Chance that a violating one costs more than another one; 0.5 is guessing.")  # fmt: skip
        st.metric("Average precision", _words(ranking.average_precision), f"{share:.3f} by guessing", border=True,
                  delta_color="off", delta_arrow="off",
                  help="Mean precision over all thresholds; guessing gives the share that violates.")  # fmt: skip
        st.metric("Calibration error", f"{report.calibration.error:.3f}", border=True,
                  help="How far the learned cost lies from the share of violating steps, on average. The cost is "
                  "learned from an order alone, so that only its order is promised to be right.")  # fmt: skip
        st.metric("Precision at the threshold", _percent(at.precision), f"{number(at.looked)} called violating",
                  border=True, delta_color="off", delta_arrow="off")  # fmt: skip
        st.metric("Found at the threshold", _percent(at.recall),
                  f"{number(at.found)} of {number(at.n_violating)} violating", border=True,
                  delta_color="off", delta_arrow="off")  # fmt: skip


def _curves(report: TruthReport, at: Cut, items: Items) -> None:
    ranking = report.ranking
    if not 0 < ranking.n_violating < ranking.n:
        how_many = "all violate" if ranking.n_violating else "none violates"
        st.info(f"Of {plural(ranking.n, SINGULAR[items])} {how_many}: there is nothing to tell apart.")
        return
    charts = {
        "found": ("Violating found by looking", charts_truth.found_by_looking(ranking, at, items)),
        "calibration": ("Calibration", charts_truth.calibration(report.calibration, items)),
        "roc": ("ROC", charts_truth.roc(ranking, at)),
        "precision": ("Precision and recall", charts_truth.precision_recall(ranking, at)),
    }
    columns = st.columns(2, gap="large")
    for place, (name, (title, chart)) in enumerate(charts.items()):
        with columns[place % 2]:
            st.markdown(f"**{title}**")
            figure(chart, key=f"costs.truth.{name}", alt=f"{title}, of {items}")


def _fairness(info: DatasetInfo, run: Run) -> str:
    """Whether the labels that the run learned from were given without the truth in sight, in Markdown."""
    events = resources.hidden_truth(info).history()
    if not events:
        return "The truth was never hidden from those who labelled. For a fair trial, hide it at the left before."
    n_blind, n = cost_resources.labels_given_blind(info, run)
    begun = f"Of the {plural(n, 'label')} that this run began with"
    return f"{_said(events[-1])} {begun}, {number(n_blind)} were given while it was hidden."


def _said(event: TruthEvent) -> str:
    what = "hid" if event.hides else "revealed"
    return f"{code_span(event.author)} {what} the truth on {moment(event.at)}."


def _words(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
