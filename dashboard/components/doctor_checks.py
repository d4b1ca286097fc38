"""What the doctor looked at: every cause that was ruled out or found, so that healthy means something."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from safemil_core.assessment.doctor.causes import CAUSES
from safemil_core.assessment.doctor.findings import Finding

N_COLUMNS = 3


def doctor_checks(findings: Sequence[Finding]) -> None:
    """A list of all causes, those that were found in bold."""
    found = {finding.cause for finding in findings}
    n_passed = len(CAUSES) - len(found & CAUSES.keys())
    with st.expander(f"What was looked at: {n_passed} of {len(CAUSES)} checks passed", expanded=not findings):
        columns = st.columns(N_COLUMNS)
        for place, (cause, words) in enumerate(CAUSES.items()):
            mark = ":orange[:material/warning:]" if cause in found else ":green[:material/check:]"
            text = f"**{words}**" if cause in found else words
            columns[place * N_COLUMNS // len(CAUSES)].markdown(f"{mark} {text}")
