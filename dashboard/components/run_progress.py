"""A run as it trains and once it has ended: how far it is, whether it learns, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts_live, resources, run_resources, state
from dashboard.columns import RESULTS, TRUTH_METRICS
from dashboard.components import settings_form
from dashboard.components.curves import curves
from dashboard.components.empty_states import page_link
from dashboard.components.job_queue import job_line
from dashboard.drawing import fragment
from dashboard.telling import callback, show_problem
from dashboard.words import harmless
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.clock import duration
from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.running import jobs
from safemil_core.running.health import findings_of
from safemil_core.running.run_folder import Run

EVERY_S = 0.7
"""What a run logs is on the page within a second, the time to draw it included."""
COSTS_EVERY_S = 0.2
"""Between two looks whether there are costs: that takes no time, and they are what somebody waits for."""
_FILLED = "run.filled"


def run_panel(run: Run, *, shows_truth: bool) -> None:
    """One run, polled while it lives and no longer.

    Args:
        run: which.
        shows_truth: whether how well it agrees with the true costs is shown.
    """
    seen = jobs.job_of(resources.workspace(), run)
    is_live = not seen.is_finished
    if is_live:
        _link_to_costs(run)

    @fragment(run_every=EVERY_S if is_live else None)  # defined here, so that every full run decides anew
    def panel() -> None:
        if state.forget(_FILLED):
            st.rerun()  # the form is outside
        job = jobs.job_of(resources.workspace(), run)
        if job.state != seen.state:
            st.rerun()  # the rest of the page shows the state too
        job_line(job)
        has_failed = job.state in ("failed", "lost")
        if has_failed:
            show_problem(job.message or "The process ended without a word.")
        if not is_live and run.outcome:
            _outcome(run.outcome, shows_truth=shows_truth)
        metrics = run_resources.metrics(run)
        if len(metrics) > 1:
            _learning(run, metrics, is_live=is_live, shows_truth=shows_truth)
        elif job.state in ("running", "stopping"):
            st.caption("The curves begin with the first logged updates, some seconds after the start.")
        log = st.expander("Log", expanded=has_failed, key=f"run.log.{run.id}", on_change="rerun")
        if log.open:
            log.code(run.log_tail() or "(empty)", language=None, height=280)

    panel()


@fragment(run_every=COSTS_EVERY_S)
def _link_to_costs(run: Run) -> None:
    """The way to the costs of a run that still trains, as soon as there are any."""
    if run.has_costs:
        page_link("costs", "The costs are learned: see where they lie while the policies train")


def _outcome(outcome: dict[str, Any], *, shows_truth: bool) -> None:
    """What came out, and where to look at it."""
    *places, last = st.columns(len(TRUTH_METRICS) + 1)
    for place, (name, words) in zip(places, TRUTH_METRICS.items(), strict=True):
        value = _number(outcome[name]) if shows_truth else "hidden"
        place.metric(words[:1].upper() + words[1:], value, border=True, help=RESULTS[name][1])
    last.metric("Trained in", duration(outcome["seconds"]), border=True)
    with st.container(horizontal=True):
        page_link("costs", "Where the cost lies")
        page_link("weights", "Who keeps their weight")
        page_link("rollouts", "Watch the policy")
        page_link("compare", "Compare with other runs")


def _learning(run: Run, metrics: pd.DataFrame, *, is_live: bool, shows_truth: bool) -> None:
    """Whether it learns, and the curves."""
    try:
        config = run.config
    except InvalidConfig as problem:  # of another version
        show_problem(problem)
        return
    if config.method == "safemil":
        _health(run.id, config, findings_of(run, metrics, is_live=is_live, shows_truth=shows_truth))
    curves(charts_live.panels(metrics), key="live.curves")


def _health(run_id: str, config: RunConfig, findings: Sequence[Finding] | None) -> None:
    """Healthy, or every finding with its evidence, cause and cure."""
    if findings is None:
        st.caption("Too early to say whether it learns.")
        return
    if not findings:
        st.success(
            "**Healthy**: bags are told apart and the cost varies from step to step.",
            icon=":material/check_circle:",
        )
    for finding in findings:
        with st.container(border=True):
            st.markdown(f":red[:material/warning:] **{finding.title}**")
            evidence, why, cure = map(harmless, (finding.evidence, finding.why, finding.cure))
            st.markdown(f"**Evidence** {evidence}  \n**Likely cause** {why}  \n**Cure** {cure}")
            if finding.settings:
                st.button(
                    f"Put {', '.join(finding.settings)} into the settings",
                    key=f"cure.{run_id}.{finding.cause}",
                    on_click=_fill,
                    args=(config.with_values(finding.settings),),
                )


@callback
def _fill(config: RunConfig) -> None:
    """In a callback: put these settings into the form, which the whole page must then show."""
    settings_form.prefill(config)
    state.remember(_FILLED, True)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
