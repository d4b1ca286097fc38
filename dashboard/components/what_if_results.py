"""What came of the what-ifs of a run: changes of cost, weight and rank beside what another seed changes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts_weights, resources, run_resources, state
from dashboard.charts_theme import LABEL_WORDS
from dashboard.components.figure import figure
from dashboard.components.trajectory_below import lead_on_point, lead_on_row
from dashboard.components.what_if_edits import edit_words
from dashboard.telling import callback, tell
from dashboard.words import code_span, moment, plural
from safemil_core.assessment.what_if import most_moved
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run
from safemil_core.running.what_ifs import WhatIf

N_MOVERS = 30
SCATTER, MOVERS = "what_if.scatter", "what_if.movers"


def what_if_results(info: DatasetInfo, run: Run) -> None:
    """The latest what-if, or another one that was kept."""
    kept = run_resources.what_ifs(run)
    if not kept:
        return
    st.subheader("Refitted", anchor=False)
    words = {found.number: _words(found) for found in kept}
    number = st.selectbox("What if", list(words), format_func=words.__getitem__, key=f"what_if.{run.id}.shown")
    (found,) = [each for each in kept if each.number == number]
    table = found.changes()
    _numbers(found, table, resources.trajectories(info).lengths, run_resources.what_if_agreements(run).get(number))
    chart, movers = st.columns([1, 1])
    with chart:
        st.markdown("**Change of every trajectory's cost, beside its noise**")
        figure(
            charts_weights.changes_over_noise(table, found.after.labels),
            key=SCATTER,
            alt="Change of each trajectory's cost over what another seed changes",
            on_select=partial(lead_on_point, SCATTER),
            selection_mode="points",
        )
    with movers:
        st.markdown("**Who moved most**")
        _movers(found, table)
    _apply(info, found)


def _words(found: WhatIf) -> str:
    n = len(found.after.seeds)
    begin = "" if found.after.start == "seed" else ", from the run's network"
    return f"{found.number}: {edit_words(found.edits, found.unchanged.labels)} ({plural(n, 'refit')}{begin})"


def _numbers(found: WhatIf, table: pd.DataFrame, lengths: np.ndarray, agreement: float | None) -> None:
    moved, by_seed = found.moved_share(lengths)
    n_beyond = int(table["is_beyond_noise"].sum())
    weight, beyond, preview = st.columns(3)
    weight.metric(
        "Weight that moved", f"{moved:.1%}", f"{by_seed:.1%} by another seed", delta_color="off", delta_arrow="off",
        border=True,
        help="Share of the weight that lies on other trajectories than before, among those that are cloned with and "
        "without the edits. Beside it, what another seed moves with the labels as they are.",
    )  # fmt: skip
    beyond.metric(
        "Costs changed beyond the noise", f"{n_beyond}", f"of {len(table)} trajectories", delta_color="off",
        delta_arrow="off", border=True,
        help="By more than twice the deviation that a difference between refits under other seeds has.",
    )  # fmt: skip
    preview.metric(
        "Preview against this refit", "unknown" if agreement is None else f"{agreement:.2f}", "rank correlation",
        delta_color="off", delta_arrow="off", border=True,
        help="Spearman's correlation of the changes that the preview foretold with those that the refit found.",
    )  # fmt: skip
    if moved <= by_seed:
        st.info("These edits change no more than another seed does: for the weights they hardly matter.")


def _movers(found: WhatIf, table: pd.DataFrame) -> None:
    order = most_moved(table["cost_change"].to_numpy(), N_MOVERS)
    shown = pd.DataFrame(
        {
            "trajectory": order,
            "label": [LABEL_WORDS[label] for label in found.after.labels[order]],
            "C": _with_noise(table, "cost", order),
            "weight": _with_noise(table, "weight", order),
            "rank": _with_noise(table, "rank", order),
            "beyond noise": table["is_beyond_noise"].to_numpy()[order],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        height=360,
        key=MOVERS,
        on_select=partial(lead_on_row, MOVERS, tuple(order.tolist())),
        selection_mode="single-row",
        column_config={
            name: st.column_config.TextColumn(help="Change ± what another seed changes (one deviation).")
            for name in ("C", "weight", "rank")
        },
    )


def _with_noise(table: pd.DataFrame, name: str, rows: np.ndarray) -> list[str]:
    """`-1.32 ± 0.21` of each row."""
    digits = 0 if name == "rank" else 2
    pairs = zip(table[f"{name}_change"].to_numpy()[rows], table[f"{name}_noise"].to_numpy()[rows], strict=True)
    return [f"{change:+.{digits}f} ± {noise:.{digits}f}" for change, noise in pairs]


def _apply(info: DatasetInfo, found: WhatIf) -> None:
    now = resources.label_state(info).labels
    open_ones = {t: label for t, label in found.edits.items() if now[t] != label}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Make these labels", key="what_if.apply", icon=":material/check:", disabled=not open_ones,
                  on_click=_make, args=(info, found), help="As one action, which the Label page can undo. The run "
                  "keeps the labels that it learned from; train again to follow.")  # fmt: skip
        st.caption(f"asked by {code_span(found.after.author)} at {moment(found.after.made_at)}",
                   width="content")  # fmt: skip


@callback
def _make(info: DatasetInfo, found: WhatIf) -> None:
    resources.labels(info).mark_each(found.edits, author=state.author(), note=f"what if {found.number}", origin="bulk")
    tell(f"{plural(len(found.edits), 'label')} changed as one action; undo it on the Label page.")
