"""Every cause provoked on the bundled dataset is found first; of healthy runs nothing is found."""

from dataclasses import replace

import numpy as np
import pytest
from provocations import PLAIN, PROVOKED, costliest_marked, healthy, missing_normalisation

from safemil_core.assessment.doctor.causes import CAUSES
from safemil_core.config import RunConfig

ELSEWHERE = {"immobile_policy", "overlap_with_return", "sparsity"}
"""Provoked where policies are rolled out, in `test_immobile`, and below, of curves."""


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


def test_curves_are_flat_because_of_their_sparsity_and_no_trouble_without_normalisation():
    patient, defaults = costliest_marked(), RunConfig()
    flat = replace(patient, settings=("cost.sparsity=0.1", "cost.updates=200"))
    assert [finding.cause for finding in flat.examined(1, defaults)] == ["sparsity"]
    of_wild_scales = missing_normalisation(np.random.default_rng(1))
    assert "missing_normalisation" not in {finding.cause for finding in of_wild_scales.examined(1, defaults)}


@pytest.mark.parametrize("seed", range(1, 3))
def test_of_a_healthy_run_nothing_is_found(seed):
    assert healthy(np.random.default_rng(seed)).examined(seed) == []
