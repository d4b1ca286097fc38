"""Whether people agree with each other, and what they have to settle."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components.empty_states import page_link
from dashboard.telling import callback, tell
from dashboard.words import code_span, plural
from safemil_core.assessment.agreement import Conflict, Kappa, PairAgreement, conflicts, pair_agreements
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label

N_CONFLICTS = 5


def agreement_section(info: DatasetInfo) -> None:
    """Pairs of authors with their kappa, then the trajectories on which they differ."""
    judgements = resources.labels(info).judgements()
    st.subheader("Agreement", anchor=False)
    st.caption("Do different people see the same thing? Settled cases and those where somebody is unsure are left out.")
    pairs = [pair for pair in pair_agreements(judgements) if pair.kappa.n]
    if not pairs:
        st.markdown("No two people have judged the same trajectory yet.")
        return
    st.dataframe(pairs_table(pairs), hide_index=True, key="audit.pairs", height="content")
    found = conflicts(judgements)
    if found:
        st.markdown(f"**{plural(len(found), 'conflict')} to settle**")
    else:
        st.success("Nothing to settle.", icon=":material/check_circle:")
    for conflict in found[:N_CONFLICTS]:
        _conflict(info, conflict)
    if len(found) > N_CONFLICTS:
        st.caption(f"and {len(found) - N_CONFLICTS} more, shown when these are settled.")


def pairs_table(pairs: Sequence[PairAgreement]) -> pd.DataFrame:
    """One row a pair, in words."""
    return pd.DataFrame(
        {
            "first": [pair.first for pair in pairs],
            "second": [pair.second for pair in pairs],
            "both judged": [pair.kappa.n for pair in pairs],
            "agreement": [_percent(pair.kappa.agreement) for pair in pairs],
            "Cohen's kappa (95 %)": [kappa_words(pair.kappa) for pair in pairs],
        }
    )


def kappa_words(kappa: Kappa) -> str:
    """`0.61 [0.35, 0.87]`, or why there is none."""
    if kappa.kappa is None:
        return f"not defined: {kappa.why_not}"
    if kappa.low is None:
        return f"{kappa.kappa:.2f} ({kappa.why_not})"
    return f"{kappa.kappa:.2f} [{kappa.low:.2f}, {kappa.high:.2f}]"


def _conflict(info: DatasetInfo, conflict: Conflict) -> None:
    said = " · ".join(f"{code_span(one.author)}: {LABEL_WORDS[one.label]}" for one in conflict.judgements)
    key = f"audit.conflict.{conflict.trajectory}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        st.markdown(f"**Trajectory {conflict.trajectory}** · {said}", width="stretch")
        page_link("label", "Look", trajectory=conflict.trajectory)
        labels: tuple[Label, ...] = ("non_preferred", "preferred", "unsure")
        for label in labels:
            st.button(LABEL_WORDS[label].capitalize(), key=f"{key}.{label}", on_click=settle,
                      args=(info, conflict.trajectory, label))  # fmt: skip


@callback
def settle(info: DatasetInfo, trajectory: int, label: Label, note: str = "") -> None:
    """Decide on a label, knowing what others or the audit say."""
    resources.labels(info).mark([trajectory], label, author=state.author(), note=note, origin="settle")
    words = "stays unlabelled" if label == "none" else f"is now settled as {LABEL_WORDS[label]}"
    tell(f"Trajectory {trajectory} {words}. Undo with `Z` on the Label page.")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
