"""Whom the policy learns from, and what other settings would make of the same learned cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts_run, resources, run_resources
from dashboard.components import settings_form
from dashboard.components.doctor_banner import doctor_banner
from dashboard.components.empty_states import need_costs, need_dataset
from dashboard.components.figure import figure
from safemil_core.assessment import maps, weight_report
from safemil_core.assessment.weight_report import WeightReport
from safemil_core.config import RunConfig, WeightConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

SCHEMES = {"trajectory": "exp(-C / beta)", "step": "1 - c(s, a)", "threshold": "C up to a threshold"}
BETAS = (0.05, 0.1, 0.2, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0)
N_BINS = 40
N_CHANGES = 15


@st.fragment
def weigh_anew(info: DatasetInfo, run: Run, config: RunConfig, costs: np.ndarray, labels: np.ndarray) -> None:
    """The live settings and all that follows from them."""
    trajectories = resources.trajectories(info)

    def report(weights: WeightConfig) -> WeightReport:
        true_costs = trajectories.true_costs()
        return weight_report.report(costs, trajectories.offsets, labels, true_costs, weights, config.cost.gamma)

    own = report(config.weights)
    chosen = choose_weights(run, config.weights, float(own.costs.max()))
    now = report(chosen)
    show_numbers(now, own)
    show_distributions(now)

    facts = resources.summary(info).assign(cost=now.costs, weight=now.weights, label=labels)
    left, right = st.columns([5, 4])
    with left:
        st.markdown("**Cost and weight of each trajectory**")
        figure(charts_run.weight_scatter(facts), key="weights.scatter", alt="Weight over trajectory cost")
    with right:
        st.markdown("**Who gains and who loses against the run's own weights**")
        show_changes(weight_report.changes(now.weights, own.weights, N_CHANGES), facts)
    if st.button("Train with these settings", type="primary", icon=":material/model_training:"):
        settings_form.prefill(RunConfig(**{**config.model_dump(), "weights": chosen.model_dump()}))
        st.switch_page("views/train.py")


def choose_weights(run: Run, own: WeightConfig, highest: float) -> WeightConfig:
    """Scheme and strength; they begin with those that the run was trained with."""
    scheme_choice, strength = st.columns([3, 5])
    scheme = scheme_choice.segmented_control(
        "Weights",
        list(SCHEMES),
        default=own.scheme,
        format_func=lambda scheme: SCHEMES[scheme],
        required=True,
        key=f"weights.{run.id}.scheme",
        help=WeightConfig.model_fields["scheme"].description,
        persist_state="session",
    )
    changed: dict[str, Any] = {"scheme": scheme}
    if scheme == "trajectory":
        changed["beta"] = strength.select_slider(
            "Temperature beta",
            sorted({*BETAS, own.beta}),
            value=own.beta,
            key=f"weights.{run.id}.beta",
            help=WeightConfig.model_fields["beta"].description,
            persist_state="session",
        )
    elif scheme == "threshold":
        changed["threshold"] = strength.slider(
            "Largest trajectory cost C that is kept",
            0.0,
            highest,
            min(own.threshold, highest),
            key=f"weights.{run.id}.threshold",
            help=WeightConfig.model_fields["threshold"].description,
            persist_state="session",
        )
    return WeightConfig(**{**own.model_dump(), **changed})


def show_numbers(now: WeightReport, own: WeightReport) -> None:
    """What the weighting amounts to, beside the run's own."""
    effective, share, mean = st.columns(3)
    effective.metric(
        "Effective trajectories",
        f"{now.effective_trajectories:.1f}",
        f"{own.effective_trajectories:.1f} in the run",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="As many equally weighted trajectories would say as much (Kish). Few: the policy copies a handful.",
    )
    if now.costly_share is None or own.costly_share is None:
        share.metric("Weight on costly trajectories", "unknown", border=True, help="This dataset has no true costs.")
        return
    share.metric(
        "Weight on costly trajectories (hidden truth)",
        f"{now.costly_share:.1%}",
        f"{own.costly_share:.1%} in the run",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Share of the weight on trajectories with any true cost. True costs are never used in training.",
    )
    mean.metric(
        "Mean true cost of what is cloned (hidden truth)",
        f"{now.mean_true_cost:.1f}",
        f"{own.mean_true_cost:.1f} in the run",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="True cost of a trajectory drawn in proportion to its weight.",
    )


def show_distributions(now: WeightReport) -> None:
    """Trajectory costs, and weights, by label."""
    columns = st.columns(2)
    for column, values, title in ((columns[0], now.costs, "trajectory cost C"), (columns[1], now.weights, "weight")):
        edges, counts = maps.histogram_by_label(values, now.labels, N_BINS)
        figure(
            place=column,
            chart=charts_run.histogram(edges, counts, title),
            key=f"weights.{title}",
            alt=f"Trajectories by {title}",
        )


def show_changes(changes: pd.DataFrame, facts: pd.DataFrame) -> None:
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
        column_config={
            "before": st.column_config.NumberColumn(format="%.2f"),
            "now": st.column_config.NumberColumn(format="%.2f"),
            "change": st.column_config.NumberColumn(format="%+.2f"),
            "return": st.column_config.NumberColumn(format="%.0f"),
            "true_cost": st.column_config.NumberColumn("true cost", format="%.0f"),
        },
    )


st.title("Weights")
info = need_dataset()
run = need_costs(info)
doctor_banner(info, run)
st.caption(
    "The learned cost stays as it is; only the weights are computed anew, so every change shows at once. "
    "Non-preferred trajectories are never cloned."
)
weigh_anew(info, run, run.config, run_resources.run_costs(run), run.trajectories()["label"].to_numpy(str))
