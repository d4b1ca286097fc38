"""The examination of a run: every detector in turn, and what they find in order of harm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Finding

__all__ = ["CAUSES", "DETECTORS", "Case", "Detector", "examine"]

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
from safemil_core.assessment.doctor.immobile import immobile_policy, immobile_weights, overlap_with_return
from safemil_core.assessment.doctor.label_trouble import contradictions, near_duplicates, one_failure_mode
from safemil_core.assessment.doctor.shortcuts import shortcuts
from safemil_core.assessment.doctor.weight_trouble import few_effective, short_episodes

CAUSES: dict[str, str] = {
    "not_a_number": "a number that is none any more",
    "missing_normalisation": "inputs that are not normalised",
    "dead_network": "a dead network",
    "learning_rate": "the learning rate",
    "saturation": "a saturated sigmoid",
    "few_labels": "too few labels",
    "duplicates": "duplicates on both sides of the labels",
    "indistinguishable": "labels that cannot be told from the unlabelled",
    "bag_size": "bags too small for the share of safe trajectories",
    "short_window": "a window that is too short",
    "length_shortcut": "the length gives the labels away",
    "time_shortcut": "the time gives the labels away",
    "source_shortcut": "the source gives the labels away",
    "follows_trajectory": "a cost that follows the trajectory instead of the step",
    "short_episodes": "weights that reward short episodes",
    "few_effective": "weights on a handful of trajectories",
    "immobile_weights": "weights on trajectories that hardly move",
    "contradictions": "labels that contradict one another",
    "near_duplicates": "near-duplicates with different labels",
    "one_failure_mode": "one kind of failure that dominates the marked",
    "constant_dimensions": "inputs that never vary",
    "scales": "inputs of wild scales",
    "duplicate_trajectories": "trajectories that are in the dataset twice",
    "truncated_episodes": "episodes that were cut off early",
    "immobile_policy": "a policy that hardly moves",
    "overlap_with_return": "marks on what earns most",
}
"""Every cause that a finding may name, in words that follow `because of`."""


def examine(case: Case) -> list[Finding]:
    """All that is wrong with a run, its labels and its data, the most harmful first; empty where it is healthy."""
    found = [finding for detect in DETECTORS for finding in detect(case)]
    return sorted(found, key=lambda finding: -finding.harm)
