"""What is wrong with a run, why, and whether the cure helped."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, run_resources
from dashboard.components.doctor_checks import doctor_checks
from dashboard.components.doctor_correction import correction_of
from dashboard.components.doctor_examination import examination_bar
from dashboard.components.doctor_finding import doctor_finding
from dashboard.components.empty_states import need_dataset, need_examinable
from safemil_core.running.corrections import Correction, corrections_of

st.title("Doctor")
info = need_dataset()
run = need_examinable()
examination_bar(info, run)
runs = resources.runs().list(info.id)
asked = Correction.of(run)
before = next((each for each in runs if asked is not None and each.id == asked.run), None)
if asked is not None and before is not None:
    correction_of(info, before, asked.cause, run)
findings = run_resources.findings(info, run)
if findings is not None:
    answers = corrections_of(run, runs)
    for place, finding in enumerate(findings):
        doctor_finding(info, run, finding, place, answers)
    doctor_checks(run, findings, shows_truth=resources.shows_truth(info))
