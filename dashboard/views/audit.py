"""Audit: how far the labels can be trusted, and what to do about those that cannot."""

from __future__ import annotations

import streamlit as st

from dashboard import resources
from dashboard.components.audit_agreement import agreement_section
from dashboard.components.audit_findings import findings_section
from dashboard.components.audit_retest import retest_section
from dashboard.components.audit_share import share_section
from dashboard.components.empty_states import need_dataset, page_link
from dashboard.components.label_watch import label_badges, watch_labels

header = st.container(horizontal=True, vertical_alignment="center")
header.title("Audit", anchor=False, width="content")
info = need_dataset()
watch_labels(info)
with header:
    label_badges(resources.label_state(info))
    page_link("label", "Label")

for section in (findings_section, agreement_section, retest_section, share_section):
    st.divider()
    section(info)
