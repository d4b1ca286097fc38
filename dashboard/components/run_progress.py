"""A run as it trains and once it has ended: how far it is, whether it learns, and what came out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard import charts_live, resources
from dashboard.components import settings_form
from dashboard.components.empty_states import page_link
from safemil_core.assessment.diagnosis import RECENT_ROWS, Finding, diagnose
from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig
from safemil_core.running import jobs
from safemil_core.running.job_store import Job, JobState
from safemil_core.running.progress import Progress, State
from safemil_core.running.runs import Run

COLOURS: dict[State | JobState, Literal["blue", "green", "orange", "red", "gray"]] = {
    "starting": "gray",
    "queued": "gray",
    "running": "blue",
    "stopping": "orange",
    "done": "green",
    "stopped": "orange",
    "failed": "red",
    "lost": "red",
}


def run_panel(run: Run) -> None:
    """One run, polled while it lives and no longer."""
    job = jobs.job_of(resources.workspace(), run)
    state, is_live = job.state, not job.is_finished

    @st.fragment(run_every=1.0 if is_live else None)  # defined here, so that every full run decides anew
    def panel() -> None:
        progress = jobs.job_of(resources.workspace(), run)
        if progress.state != state:
            st.rerun()  # the rest of the page shows the state too
        progress_line(progress, "updates")
        if is_live:
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                on_click=jobs.stop,
                args=(resources.workspace(), run),
                disabled=state == "stopping",
                help="Keeps what it has learned so far.",
            )
            if run.has_costs:
                page_link("costs", "The costs are learned: see where they lie while the policies train")
        elif state in ("failed", "lost"):
            _failure(run, progress)
        else:
            _outcome(run)
        metrics = run.metrics()
        if len(metrics) > 1:
            _learning(run, metrics)
        elif is_live:
            st.caption("The curves begin with the first logged updates, some seconds after the start.")

    panel()


def progress_line(progress: Progress | Job, unit: str) -> None:
    """State, bar, rate and time left of any task in a process of its own."""
    badge, bar = st.columns([1, 8], vertical_alignment="center")
    badge.badge(progress.state, color=COLOURS[progress.state])
    share = min(1.0, progress.done / progress.total) if progress.total else 0.0
    bar.progress(share, text=_progress_words(progress, unit))


def as_findings(values: Iterable[dict[str, Any]]) -> list[Finding]:
    """Findings as an outcome keeps them."""
    return [Finding(**{**value, "settings": tuple(value.get("settings", ()))}) for value in values]


def _progress_words(progress: Progress | Job, unit: str) -> str:
    if progress.state == "queued":
        return "waits until its device is free…"
    if progress.state == "starting" or not (progress.total or progress.is_finished):
        return "starting its process…"
    words = f"{progress.done:,} of {progress.total:,} {unit}"
    if progress.is_finished:
        return f"{words} in {_duration(progress.seconds)}"
    if progress.rate:
        words += f" · {progress.rate:,.3g} a second · {_duration(progress.seconds_left)} left"
    return f"{words} · on {progress.device}" if progress.device else words


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _failure(run: Run, progress: Job) -> None:
    st.error(progress.message or "The process ended without a word.")
    with st.expander("The end of its log"):
        st.code(run.log_tail() or "(empty)", language=None)


def _outcome(run: Run) -> None:
    """What came out, and where to look at it."""
    outcome = run.outcome
    auc, spearman, seconds = st.columns(3)
    hidden = "Against the true costs in the dataset: hidden truth, never used in training."
    auc.metric(
        "Step AUC (hidden truth)",
        _number(outcome.get("step_auc")),
        border=True,
        help=f"{hidden} 0.5 is guessing, 1 perfect.",
    )
    spearman.metric(
        "Trajectory Spearman (hidden truth)",
        _number(outcome.get("trajectory_spearman")),
        border=True,
        help=f"{hidden} Rank correlation of trajectory costs; 1 is the same order.",
    )
    seconds.metric("Trained in", _duration(outcome.get("seconds", 0.0)), border=True)
    with st.container(horizontal=True):
        page_link("costs", "Where the cost lies")
        page_link("weights", "Who keeps their weight")
        page_link("rollouts", "Watch the policy")


def _learning(run: Run, metrics: pd.DataFrame) -> None:
    """Whether it learns, and the curves."""
    try:
        config = run.config
    except InvalidConfig as problem:  # of another version
        st.error(str(problem))
        return
    outcome = run.outcome
    findings = as_findings(outcome["findings"]) if outcome else diagnose(metrics, config)
    _health(run.id, config, findings, is_early=len(metrics) < RECENT_ROWS)
    # Once the cost network has learned, its rows repeat while the policy goes on.
    learning = metrics[metrics["update"] <= config.cost.updates]
    left, right = st.columns(2)
    left.altair_chart(charts_live.cost_loss(learning), alt="Loss of the cost network", key="live.loss")
    right.altair_chart(charts_live.bag_scores(learning), alt="Scores of both kinds of bags", key="live.scores")
    left.altair_chart(charts_live.cost_spread(learning), alt="Spread and mean of the learned cost", key="live.spread")
    right.altair_chart(charts_live.policy_losses(metrics), alt="Losses of both policies", key="live.policy")


def _health(run_id: str, config: RunConfig, findings: list[Finding], *, is_early: bool) -> None:
    """Healthy, or every finding with its evidence, cause and cure."""
    if not findings:
        if is_early:
            st.caption("Too early to say whether it learns.")
        else:
            st.success(
                "**Healthy**: bags are told apart and the cost varies from step to step.",
                icon=":material/check_circle:",
            )
    for finding in findings:
        with st.container(border=True):
            st.markdown(f":red[:material/warning:] **{finding.title}**")
            st.markdown(
                f"**Evidence** {finding.evidence}  \n**Likely cause** {finding.cause}  \n**Cure** {finding.cure}"
            )
            if finding.settings:
                st.button(
                    f"Put {', '.join(finding.settings)} into the settings",
                    key=f"cure.{run_id}.{finding.kind}",
                    on_click=settings_form.prefill,
                    args=(config.with_values(finding.settings),),
                )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
