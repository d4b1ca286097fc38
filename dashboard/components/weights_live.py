"""The weights under other settings, live: nothing is trained, so every change shows at once."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts_run, resources, run_resources
from dashboard.columns import TRAJECTORY
from dashboard.components import settings_form
from dashboard.components.figure import figure
from dashboard.components.trajectory_below import follow, lead_on_point, lead_on_row
from dashboard.drawing import fragment
from dashboard.words import fine_steps
from safemil_core.assessment import histograms, weight_report
from safemil_core.assessment.weight_report import WeightReport
from safemil_core.config import RunConfig, WeightConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

SCHEMES = {
    "split": "less costly group",
    "trajectory": "exp(-C / beta)",
    "step": "1 - c(s, a)",
    "threshold": "C up to a threshold",
}
BETAS = (0.05, 0.1, 0.2, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0)
N_BINS = 40
N_CHANGES = 15
SCATTER, CHANGES = "weights.scatter", "weights.changes"


@fragment()
def weights_live(info: DatasetInfo, run: Run) -> None:
    """The live settings and all that follows from them."""
    follow()
    config = run.config
    own = run_resources.weighed(info, run, config.weights)
    chosen = _choose(info, run)
    now = run_resources.weighed(info, run, chosen)
    _numbers(info, now, own)
    _distributions(now)

    facts = resources.summary(info).assign(cost=now.costs, weight=now.weights, label=now.labels)
    left, right = st.columns([5, 4])
    with left:
        st.markdown("**Cost and weight of each trajectory**")
        figure(
            charts_run.weight_scatter(facts),
            key=SCATTER,
            alt="Weight over trajectory cost",
            table=facts[["trajectory", "cost", "weight", "label"]],
            on_select=partial(lead_on_point, SCATTER),
            selection_mode="points",
        )
    with right:
        st.markdown("**Who gains and who loses against the run's own weights**")
        _changes(weight_report.changes(now.weights, own.weights, N_CHANGES), facts)
    if st.button("Train with these settings", type="primary", icon=":material/model_training:"):
        settings_form.prefill(RunConfig(**{**config.model_dump(), "weights": chosen.model_dump()}))
        st.switch_page("views/train.py")


def _choose(info: DatasetInfo, run: Run) -> WeightConfig:
    """Scheme, strength and whether length counts; they begin with those that the run was trained with."""
    own = run.config.weights
    has_one_length = bool(np.ptp(resources.trajectories(info).lengths) == 0)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    scheme = row.segmented_control(
        "Weights",
        list(SCHEMES),
        default=own.scheme,
        format_func=lambda scheme: SCHEMES[scheme],
        required=True,
        key=f"weights.{run.id}.scheme",
        help=WeightConfig.model_fields["scheme"].description,
        persist_state="session",
    )
    per_length = row.toggle(
        "C per length",
        value=own.per_length,
        key=f"weights.{run.id}.per_length",
        help=WeightConfig.model_fields["per_length"].description,
        disabled=has_one_length or scheme == "step",
        persist_state="session",
    )
    changed: dict[str, Any] = {"scheme": scheme, "per_length": per_length}
    if scheme == "trajectory":
        changed["beta"] = row.select_slider(
            "Temperature beta",
            sorted({*BETAS, own.beta}),
            value=own.beta,
            key=f"weights.{run.id}.beta",
            help=WeightConfig.model_fields["beta"].description,
            persist_state="session",
        )
    elif scheme == "threshold":
        changed["threshold"] = _threshold(info, run, row, per_length=per_length)
    return WeightConfig(**{**own.model_dump(), **changed})


def _threshold(info: DatasetInfo, run: Run, place: DeltaGenerator, *, per_length: bool) -> float:
    """Of the trajectory costs as length does or does not count in them; at first that of the run, else the median."""
    own = run.config.weights
    of_costs = run_resources.weighed(info, run, own.model_copy(update={"per_length": per_length}))
    highest, is_own = float(of_costs.costs.max()), own.scheme == "threshold" and own.per_length == per_length
    if not highest > 0:
        return 0.0  # nothing costs anything, and all are kept
    threshold: float = place.slider(
        "Largest trajectory cost C that is kept",
        0.0,
        highest,
        min(own.threshold, highest) if is_own else of_costs.median_cost,
        **fine_steps(0.0, highest),
        key=f"weights.{run.id}.threshold.{per_length}",
        help=WeightConfig.model_fields["threshold"].description,
        persist_state="session",
    )
    return threshold


def _numbers(info: DatasetInfo, now: WeightReport, own: WeightReport) -> None:
    """What the weighting amounts to, beside the run's own."""
    row = st.container(horizontal=True)
    _metric(
        row,
        "Effective trajectories",
        f"{now.effective_trajectories:.1f}",
        f"{own.effective_trajectories:.1f} in the run",
        "As many equally weighted trajectories would say as much (Kish). Few: the policy copies a handful.",
    )
    _metric(
        row,
        "Weight on immobile trajectories",
        f"{now.immobile_share:.1%}",
        f"{own.immobile_share:.1%} in the run",
        "Share of the weight on trajectories that hardly move: they reach less than half as far as the median one. "
        "Much of it teaches a policy that is safe and does nothing. Found without rewards.",
    )
    if now.costly_share is None or own.costly_share is None:
        is_hidden = info.has_costs and not resources.shows_truth(info)
        words = "True costs are hidden until you reveal them." if is_hidden else "This dataset has no true costs."
        row.metric("Weight on costly trajectories", "hidden" if is_hidden else "unknown", border=True, help=words)
        return
    _metric(
        row,
        "Weight on costly trajectories",
        f"{now.costly_share:.1%}",
        f"{own.costly_share:.1%} in the run",
        "Hidden truth: share of the weight on trajectories with any true cost. True costs are never used in training.",
    )
    _metric(
        row,
        "Mean true cost cloned",
        f"{now.mean_true_cost:.1f}",
        f"{own.mean_true_cost:.1f} in the run",
        "Hidden truth: true cost of a trajectory drawn in proportion to its weight.",
    )


def _metric(place: Any, name: str, value: str, of_the_run: str, words: str) -> None:
    place.metric(name, value, of_the_run, delta_color="off", delta_arrow="off", border=True, help=words)


def _distributions(now: WeightReport) -> None:
    """Trajectory costs, and weights, by label."""
    columns = st.columns(2)
    for column, values, title in ((columns[0], now.costs, "trajectory cost C"), (columns[1], now.weights, "weight")):
        edges, counts = histograms.histogram_by_label(values, now.labels, N_BINS)
        figure(
            place=column,
            chart=charts_run.histogram(edges, counts, title),
            key=f"weights.{title}",
            alt=f"Trajectories by {title}",
        )


def _changes(changes: pd.DataFrame, facts: pd.DataFrame) -> None:
    """The largest changes, or that there is none."""
    if changes.empty:
        st.caption("Nobody yet: these are the run's own settings. Move them above to see the difference.")
        return
    known = [column for column in ("return", "true_cost") if column in facts]
    table = changes.join(facts.set_index("trajectory")[known], on="trajectory")
    st.dataframe(
        table,
        hide_index=True,
        height=340,
        key=CHANGES,
        on_select=partial(lead_on_row, CHANGES, tuple(table["trajectory"].tolist())),
        selection_mode="single-row",
        column_config={
            "before": st.column_config.NumberColumn(format="%.2f"),
            "now": st.column_config.NumberColumn(format="%.2f"),
            "change": st.column_config.NumberColumn(format="%+.2f"),
            "return": st.column_config.NumberColumn(format="%.0f"),
            "true_cost": st.column_config.NumberColumn(TRAJECTORY["true_cost"], format="%.0f"),
        },
    )
