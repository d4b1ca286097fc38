"""What came of an evaluation: metrics with intervals, every episode, satisfaction at a cost limit, who is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import charts_rollout, evaluation_tables
from dashboard.charts_theme import Look
from dashboard.components.figure import figure
from dashboard.components.rollout_policies import words
from safemil_core.assessment.evaluation import at_limit

_DISTANT = 1e6


def rollout_results(evaluation: Mapping[str, Any], looks: Mapping[str, Look]) -> None:
    """All policies of the evaluation, with what each is called and drawn in."""
    st.markdown(evaluation_tables.headline(evaluation))
    limit = _limit(evaluation)
    shown = {**evaluation, "policies": at_limit(evaluation["policies"], limit)}
    # More than two policies make a wide table.
    numbers, points = st.columns([3, 4]) if len(looks) == 2 else (st.container(), st.container())
    with numbers:
        _metrics(shown, words(looks), limit)
    with points:
        figure(
            charts_rollout.episodes(shown, looks), key="rollouts.episodes_plot", alt="Return and cost of every episode"
        )
    if evaluation.get("comparisons"):
        _comparisons(evaluation, looks)
    if evaluation.get("seeds"):
        st.markdown("**Over training seeds.** Runs with the same settings and labels, and other seeds.")
        st.dataframe(evaluation_tables.over_seeds(evaluation, words(looks)), hide_index=True)
        st.caption("Intervals by bootstrap over seeds and, within each, over episodes.")
    with st.expander("Satisfaction at every cost limit"):
        figure(
            charts_rollout.satisfaction(shown, looks, limit),
            key="rollouts.satisfaction",
            alt="The share of episodes within each cost limit, by policy",
        )


def _limit(evaluation: Mapping[str, Any]) -> float:
    """The cost that an episode may have: what the evaluation says, or another."""
    default = evaluation.get("cost_limit", {"limit": 0.0, "why": "no unsafe step at all"})
    limit = st.number_input(
        "Cost limit of an episode",
        0.0,
        _DISTANT,
        float(default["limit"]),
        format="%.1f",
        width=220,
        key=f"rollouts.limit.{default['limit']:g}",
        help=f"The sum of the true costs of its steps. At first {default['limit']:.1f}: {default['why']}.",
    )
    return float(limit)


def _metrics(evaluation: Mapping[str, Any], names: Mapping[str, str], limit: float) -> None:
    st.dataframe(evaluation_tables.metrics(evaluation, names), hide_index=True)
    st.caption(
        f"Means of {evaluation['episodes']} episodes with 95 % bootstrap intervals. CVaR@20 %: the mean of the "
        "costliest fifth. Middle half: without the quarter of the best and that of the worst. Satisfaction: the share "
        f"of episodes whose true costs sum to at most {limit:g}."
    )
    with st.expander("Normalised"):
        normalised = evaluation_tables.normalised(evaluation, names)
        if not normalised.empty:
            st.dataframe(normalised, hide_index=True)
        for sentence in evaluation["normalisation"]:
            st.markdown(sentence)


def _comparisons(evaluation: Mapping[str, Any], looks: Mapping[str, Look]) -> None:
    st.markdown("**Is the difference sure?** The safe policy less each other one, start by start.")
    st.dataframe(evaluation_tables.comparisons(evaluation, words(looks)), hide_index=True)
    figure(
        charts_rollout.differences(evaluation["comparisons"], looks),
        key="rollouts.differences",
        alt="Differences of cost and return from the same starts, with intervals",
    )
    st.caption(
        "Intervals by bootstrap over starts (95 %): where one does not hold 0, the difference is no accident of the "
        "starts. Chance: of two episodes, one of each policy, ties counted half. What another training seed would "
        "change is not in them."
    )
