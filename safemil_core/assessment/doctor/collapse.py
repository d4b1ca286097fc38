"""Why a cost tells nothing, or badly: the first cause that fits, from the surest to the most doubtful.

A run has one of these causes at most: what follows from it (a network without inputs saturates, too) would only hide
it. Some are told without a collapse, since they are known to spoil a cost that looks learned.
"""

from __future__ import annotations

from collections.abc import Callable

from safemil_core.assessment.doctor import collapse_by_labels, collapse_by_training
from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.signs import Signs

_Cause = Callable[[Case, Signs], Finding | None]

_CAUSES: tuple[_Cause, ...] = (
    collapse_by_training.missing_normalisation,
    collapse_by_training.dead_network,
    collapse_by_training.learning_rate,
    collapse_by_labels.few_labels,
    collapse_by_labels.duplicates,
    collapse_by_labels.indistinguishable,
    collapse_by_training.sparsity,
    collapse_by_labels.noisy_bags,
    collapse_by_training.saturation,
    collapse_by_labels.unexplained,
)


def collapse(case: Case) -> list[Finding]:
    """At most one finding."""
    if case.has_diverged:
        return [collapse_by_training.not_a_number(case)]
    signs = Signs.of(case)
    if signs is None:
        return []
    found = (cause(case, signs) for cause in _CAUSES)
    return [finding for finding in found if finding is not None][:1]
