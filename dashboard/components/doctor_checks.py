"""What the doctor looked at: every cause that was ruled out or found, so that healthy means something."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from safemil_core.assessment.doctor.causes import CAUSES
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.immobile import ABOUT_RETURNS, NEED_ROLLOUTS
from safemil_core.running.corrections import KEY_NUMBERS, OF_THE_TRUTH, key_numbers
from safemil_core.running.run_folder import Run

N_COLUMNS = 3


def doctor_checks(run: Run, findings: Sequence[Finding], *, shows_truth: bool) -> None:
    """A list of all causes: found ones in bold, and in grey those that nothing is known of yet.

    Args:
        run: that was examined.
        findings: what was found of it.
        shows_truth: whether what only returns tell of was told.
    """
    found = {finding.cause for finding in findings}
    unknown = (frozenset() if run.evaluation else NEED_ROLLOUTS) | (frozenset() if shows_truth else ABOUT_RETURNS)
    n_passed = len(CAUSES.keys() - found - unknown)
    title = f"What was looked at: {n_passed} of {len(CAUSES.keys() - unknown)} checks passed"
    with st.expander(title, expanded=not findings):
        numbers = key_numbers(run)
        told = [name for name in numbers if shows_truth or name not in OF_THE_TRUTH]
        st.markdown(" · ".join(f"{KEY_NUMBERS[name]} **{numbers[name]:.4g}**" for name in told))
        columns = st.columns(N_COLUMNS)
        for place, (cause, words) in enumerate(CAUSES.items()):
            mark = ":green[:material/check:]"
            text = words
            if cause in found:
                mark, text = ":orange[:material/warning:]", f"**{words}**"
            elif cause in unknown:
                why = "after rollouts" if cause in NEED_ROLLOUTS else "hidden with the truth"
                mark, text = ":gray[:material/remove:]", f":gray[{words} ({why})]"
            columns[place * N_COLUMNS // len(CAUSES)].markdown(f"{mark} {text}")
