"""Every cause provoked on the bundled dataset is found first; of healthy runs nothing is found."""

import numpy as np
import pytest
from provocations import PLAIN, PROVOKED, healthy

from safemil_core.assessment.doctor.causes import CAUSES

ELSEWHERE = {"immobile_policy", "overlap_with_return"}
"""Provoked where policies are rolled out, in `test_immobile`."""


def test_every_cause_is_provoked():
    assert PROVOKED.keys() | ELSEWHERE == CAUSES.keys()


@pytest.mark.parametrize("cause", PROVOKED)
def test_what_is_provoked_is_found_first_with_a_figure_and_a_cure(cause):
    patient = PROVOKED[cause](np.random.default_rng(1))
    findings = patient.examined(seed=1)
    first = findings[0]
    assert first.cause == cause
    assert first.figure.series
    assert first.cure.endswith(".")
    assert [finding.harm for finding in findings] == sorted((finding.harm for finding in findings), reverse=True)
    config = PLAIN.with_values(patient.settings)
    if first.settings:
        assert config.with_values(first.settings) != config


@pytest.mark.parametrize("seed", range(1, 3))
def test_of_a_healthy_run_nothing_is_found(seed):
    assert healthy(np.random.default_rng(seed)).examined(seed) == []
