"""Alpha and K: how often an unlabelled bag of the run holds a preferred trajectory, and how sure that is (Lemma 1)."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import charts_weights
from dashboard.components import settings_form
from dashboard.components.audit_share import latest_share
from dashboard.components.empty_states import page_link
from dashboard.components.figure import figure
from dashboard.words import plural
from safemil_core.assessment.preferred_share import SURE, PreferredShare, least_share, preferred_in_bag
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

SUPPOSED = (0.01, 0.05, 0.2, 0.5)
"""Shares to show where none is known."""
LARGEST_BAG = 4_096
"""That a run takes."""


def weights_bags(info: DatasetInfo, run: Run) -> None:
    """The curve of Lemma 1 with the run's K, and with the audit's interval and the K that it asks for."""
    share, used = latest_share(info), run.config.cost.bag_size
    if run.config.cost.costly_rate < 1:
        st.caption(
            "Shown are bags that draw all unlabelled trajectories alike. This run drew the half that seemed costlier "
            f"at {run.config.cost.costly_rate:g} of the rate of the other half, so that, as far as it saw right, its "
            "bags held more preferred ones."
        )
    if share is None or share.n_judged == 0:
        st.markdown(f"**The share of preferred trajectories (alpha) is not known.** {_supposed(used)}")
        page_link("audit", "Judge about 30 drawn at random to find out")
        curves = {f"alpha = {alpha:.0%}": alpha for alpha in SUPPOSED}
        figure(
            charts_weights.bag_curves(curves, _bag_sizes(used), used=used),
            key="weights.bags",
            alt="Bags that hold a preferred trajectory over their size, for several shares",
        )
        return
    asked = share.bag_size
    curves = {f"as found: {share.n_preferred} of {share.n_judged}": share.n_preferred / share.n_judged}
    figure(
        charts_weights.bag_curves(
            curves, _bag_sizes(max(used, asked or 1)), used=used, recommended=asked, band=(share.low, share.high)
        ),
        key="weights.bags",
        alt="Bags that hold a preferred trajectory over their size, with the interval of the audit",
    )
    st.markdown(how_sure(share, used))
    page_link("audit", "Judge more to be surer")
    if (
        asked is not None
        and used < asked <= LARGEST_BAG
        and st.button(
            f"Train with K = {asked}", key="weights.bags.train", type="primary", icon=":material/model_training:"
        )
    ):
        settings_form.prefill(run.config.with_values([f"cost.bag_size={asked}"]))
        st.switch_page("views/train.py")


def how_sure(share: PreferredShare, used: int) -> str:
    """What the audit says of the run's K: at least, at best guess, and what would be enough."""
    at_least, found = (float(preferred_in_bag(a, used)) for a in (share.low, share.n_preferred / share.n_judged))
    words = (
        f"**{share.n_preferred} of {plural(share.n_judged, 'judged trajectory')} are preferred: alpha is "
        f"{share.low:.1%} to {share.high:.1%}** (95 %, exact). With the run's K = {used}, at least {at_least:.1%} of "
        f"the unlabelled bags hold a preferred one ({found:.1%} if the audit is typical). "
    )
    if share.bag_size is None:
        return f"{words}Alpha may be 0, and then no K is enough: judge more."
    if share.bag_size <= used:
        return f"{words}K = {share.bag_size} would do for 95 % of them, even if the audit was lucky: K is large enough."
    return f"{words}For 95 % of them, even if the audit was lucky, K = {share.bag_size} is asked for."


def _supposed(used: int) -> str:
    from_share = f"from alpha = {least_share(used):.1%} on"
    return f"With the run's K = {used}, {SURE:.0%} of the unlabelled bags hold a preferred one {from_share}."


def _bag_sizes(used: int) -> np.ndarray:
    """From 1 to twice the largest that matters, evenly on a logarithmic axis."""
    return np.unique(np.geomspace(1, max(512, 2 * used), 80).round().astype(int))
