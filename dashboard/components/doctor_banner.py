"""How the chosen run is, on one line of every page about it."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources
from dashboard.components.empty_states import page_link
from dashboard.drawing import fragment
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running import jobs
from safemil_core.running.health import Health
from safemil_core.running.run_folder import Run

EVERY_S = 2.0
"""While it trains."""


def doctor_banner(info: DatasetInfo, run: Run) -> None:
    """Healthy, or the most harmful finding and how many more there are, and the way to the doctor."""
    config = run.known_config
    if config is not None and config.method != "safemil":
        return  # it knows nothing of others
    is_live = not jobs.job_of(resources.workspace(), run).is_finished

    @fragment(run_every=EVERY_S if is_live else None)
    def line() -> None:
        state = run_resources.health(info, run)
        if is_live and not state.is_early:
            st.rerun()  # it has ended, and so does the polling
        if state.state == "unknown" and state.is_early:
            return  # too early to say anything
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="doctor.banner"):
            st.markdown(health_words(state), width="content")
            page_link("doctor", "Doctor", run=run.id)

    line()


def brief(state: Health) -> str | None:
    """The same as plain text, for the cell of a table; None where nothing is known."""
    if state.state == "unknown":
        return None
    others = f" (+{len(state.titles) - 1})" if len(state.titles) > 1 else ""
    return f"{state.titles[0]}{others}" if state.titles else "healthy"


def health_words(state: Health) -> str:
    """One line of Markdown."""
    so_far = " so far" if state.is_early else ""
    if state.state == "unknown":
        return ":gray-badge[:material/stethoscope: not examined yet]"
    if state.state == "healthy":
        return f":green-badge[:material/check_circle: healthy{so_far}]"
    others = f" · and {len(state.titles) - 1} more" if len(state.titles) > 1 else ""
    return f":orange-badge[:material/warning: {len(state.titles)} found{so_far}] **{state.titles[0]}**{others}"
