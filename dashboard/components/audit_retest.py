"""Whether a person agrees with herself: a few trajectories that she has judged, again, without what she said."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.components.audit_agreement import kappa_words
from dashboard.components.judge_panel import is_open, judge_panel, open_panel
from dashboard.telling import callback
from dashboard.words import code_span, plural
from safemil_core.assessment.agreement import DECIDED, pick_retests, self_agreement
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label

N_RETEST = 8
_SERIES = "audit.retest"


def retest_section(info: DatasetInfo) -> None:
    """Start a series, judge, and read the kappa of first and second judgements."""
    labels, author = resources.labels(info), state.author()
    retests = labels.retests()
    st.subheader("Blind re-test", anchor=False)
    st.caption("Would you say the same again? No label changes; each answer is compared with your first one.")
    for name, kappa in self_agreement(retests).items():
        st.markdown(
            f"{code_span(name)} judged {plural(kappa.n, 'trajectory')} twice, "
            f"**{kappa.agreement:.0%}** alike · kappa {kappa_words(kappa)}"
        )
    series = _series(info)
    if series and is_open(_SERIES):
        judge_panel(
            info,
            series[0],
            key=_SERIES,
            progress=f"{plural(len(series), 'trajectory')} to go",
            on_judge=lambda trajectory, label: _judge(info, trajectory, label),
            ahead=series[1:3],
        )
        return
    # A new draw each time, and never one that somebody could foresee from the last.
    picks = pick_retests(labels.judgements(), author, N_RETEST, seed=len(retests))
    if picks:
        st.button(
            f"Judge {plural(len(picks), 'trajectory')} again",
            key="audit.retest.start",
            icon=":material/visibility_off:",
            on_click=_start,
            args=(info, picks),
        )
    else:
        decided = " and ".join(word.replace("_", "-") for word in DECIDED)
        st.markdown(f"{code_span(author)} has judged too few trajectories as {decided} so far.")


def _series(info: DatasetInfo) -> tuple[int, ...]:
    """What is still to be judged of the series that was started."""
    dataset_id, author, picks = state.recall(_SERIES, ("", "", ()))
    is_ours = dataset_id == info.id and author == state.author()
    return tuple(picks) if is_ours else ()


@callback
def _start(info: DatasetInfo, picks: list[int]) -> None:
    state.remember(_SERIES, (info.id, state.author(), tuple(picks)))
    open_panel(_SERIES)


@callback
def _judge(info: DatasetInfo, trajectory: int, label: Label) -> None:
    series = _series(info)
    if not series or series[0] != trajectory:
        return
    resources.labels(info).record_retest(trajectory, label, author=state.author())
    state.remember(_SERIES, (info.id, state.author(), series[1:]))
