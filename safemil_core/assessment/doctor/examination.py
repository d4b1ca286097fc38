"""The examination of a run: every detector in turn, and what they find in order of harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.collapse import collapse
from safemil_core.assessment.doctor.dataset_trouble import (
    constant_dimensions,
    duplicate_trajectories,
    scales,
    truncated_episodes,
)
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.immobile import immobile_policy, immobile_weights, overlap_with_return
from safemil_core.assessment.doctor.label_trouble import contradictions, near_duplicates, one_failure_mode
from safemil_core.assessment.doctor.shortcuts import shortcuts
from safemil_core.assessment.doctor.weight_trouble import few_effective, short_episodes

Detector = Callable[[Case], Sequence[Finding]]

DETECTORS: tuple[Detector, ...] = (
    collapse,
    shortcuts,
    short_episodes,
    few_effective,
    contradictions,
    near_duplicates,
    one_failure_mode,
    constant_dimensions,
    scales,
    duplicate_trajectories,
    truncated_episodes,
    immobile_weights,
    immobile_policy,
    overlap_with_return,
)
"""Each looks for one kind of trouble."""


def examine(case: Case) -> list[Finding]:
    """All that is wrong with a run, its labels and its data, the most harmful first; empty where it is healthy."""
    found = [finding for detect in DETECTORS for finding in detect(case)]
    return sorted(found, key=lambda finding: -finding.harm)
