"""The share of preferred trajectories among the unlabelled (alpha), from a random audit, and the K that it asks for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import resources, state
from dashboard.components import pickers
from dashboard.components.empty_states import page_link
from dashboard.components.judge_panel import is_open, judge_panel, open_panel
from dashboard.telling import callback
from safemil_core.assessment.preferred_share import N_AUDIT, PreferredShare, audit_sample, preferred_share
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import Label, Snapshot

_PANEL = "audit.share"
_NAME = "random-audit-"
"""The audit began at a named snapshot, so that it goes on after a restart, for everybody."""


def share_section(info: DatasetInfo) -> None:
    """Offer the audit, let it be judged here, and say what is known by now."""
    labels = resources.labels(info)
    st.subheader("Share of preferred trajectories", anchor=False)
    st.caption(
        "How many of the unlabelled are good? The method needs some in every bag: it decides how large K must be."
    )
    started = _audits(info)
    if not started:
        st.markdown(f"Judge about {N_AUDIT} unlabelled trajectories drawn at random to find out.")
        _start_button(info, 1, f"Draw {N_AUDIT} at random")
        return
    then, now = labels.current(started[-1].action), resources.label_state(info).labels
    share = preferred_share(then, now)
    _result(info, share)
    open_ones = [int(t) for t in audit_sample(then) if now[t] == "none"]
    if open_ones and is_open(_PANEL):
        _judge_here(info, open_ones, share.n_sample)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if open_ones:
            st.button(f"Judge the {len(open_ones)} that are left", key="audit.share.judge", on_click=open_panel,
                      args=(_PANEL,), icon=":material/casino:")  # fmt: skip
            page_link("review", "or on the Review page, in the order random audit")
        else:
            _start_button(info, len(started) + 1, "Draw anew")


def latest_share(info: DatasetInfo) -> PreferredShare | None:
    """What the latest audit says by now; None before the first."""
    started = _audits(info)
    if not started:
        return None
    return preferred_share(resources.labels(info).current(started[-1].action), resources.label_state(info).labels)


def _audits(info: DatasetInfo) -> list[Snapshot]:
    """Where each audit began, oldest first."""
    snapshots = resources.labels(info).snapshots()
    return sorted((s for s in snapshots if s.name.startswith(_NAME)), key=lambda snapshot: snapshot.action)


def share_words(share: PreferredShare) -> str:
    """How wide the interval is, in a word that tells what it is good for."""
    width = share.high - share.low
    if width > 0.5:
        return "too wide to decide anything"
    if width > 0.3:
        return "wide: good for the order of magnitude of K"
    return "narrow enough to choose K by"


def _result(info: DatasetInfo, share: PreferredShare) -> None:
    st.markdown(str(share) + (f" That is {share_words(share)}." if share.n_judged else ""))
    if not share.n_judged:
        return
    run = pickers.chosen_run()
    used, source = RunConfig().cost.bag_size, "the default settings use"
    config = None if run is None else run.known_config
    if config is not None:
        used, source = config.cost.bag_size, "the chosen run uses"
    interval, asked, beside = st.columns(3)
    interval.metric("Share of preferred, 95 %", f"{share.low:.1%} – {share.high:.1%}", border=True)
    asked.metric(
        "K by Lemma 1",
        "no K is enough" if share.bag_size is None else str(share.bag_size),
        border=True,
        help="The smallest bag that holds a preferred trajectory with 95 % probability, by the interval's lower end.",
    )
    beside.metric(f"K that {source}", str(used), border=True)
    if share.bag_size is not None and share.bag_size > used:
        st.warning(
            f"Lemma 1 asks for K = {share.bag_size} where {source} {used}: choose a larger bag, or judge more to find "
            "out whether so large a one is needed.",
            icon=":material/warning:",
        )


def _judge_here(info: DatasetInfo, open_ones: list[int], n_sample: int) -> None:
    judge_panel(
        info,
        open_ones[0],
        key=_PANEL,
        progress=f"{len(open_ones)} of {n_sample} to go",
        on_judge=lambda trajectory, label: _judge(info, trajectory, label),
        ahead=open_ones[1:3],
    )


def _start_button(info: DatasetInfo, number: int, words: str) -> None:
    is_possible = bool(np.any(resources.label_state(info).labels == "none"))
    st.button(words, key="audit.share.start", on_click=_start, args=(info, f"{_NAME}{number}"),
              icon=":material/casino:", disabled=not is_possible)  # fmt: skip


@callback
def _start(info: DatasetInfo, name: str) -> None:
    labels = resources.labels(info)
    if name not in {snapshot.name for snapshot in labels.snapshots()}:  # or somebody else has just begun it
        labels.save_snapshot(name, author=state.author())
    open_panel(_PANEL)


@callback
def _judge(info: DatasetInfo, trajectory: int, label: Label) -> None:
    labels = resources.labels(info)
    if resources.label_state(info).labels[trajectory] == "none":
        labels.mark([trajectory], label, author=state.author(), note="random audit")
