"""Labels that contradict one another, and marks that are nearly all of one kind."""

from __future__ import annotations

import numpy as np

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.collapse_by_labels import MANY_TWINS
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.doctor.twins import distance_histogram, twins
from safemil_core.learning.failure_modes import failure_modes

RARE = 0.15
"""Share of the marked below which a kind of failure is drowned by another."""
APART = 0.5
"""Silhouette from which on two kinds are two."""
MOST_MARKED = 1_000


def contradictions(case: Case) -> list[Finding]:
    """People who differ, and the same thing marked both ways."""
    disputed = tuple(conflict.trajectory for conflict in case.conflicts)
    found = twins(case.descriptors, case.marked, np.flatnonzero(case.labels == "preferred"))
    pairs = tuple(zip(found.of[found.is_twin].tolist(), found.which[found.is_twin].tolist(), strict=True))
    if not disputed and not pairs:
        return []
    share = len(pairs) / max(1, int((case.labels == "preferred").sum()))
    said = []
    if disputed:
        said.append(f"people differ on {len(disputed)} trajectories")
    if pairs:
        said.append(f"{len(pairs)} marked trajectories have a twin that is called preferred")
    return [
        Finding(
            cause="contradictions",
            symptom="labels",
            title="Labels contradict one another",
            evidence=" and ".join(said),
            why="the same behaviour is called non-preferred and preferred",
            cure="Settle them on the Audit page.",
            harm=0.6 + 0.37 * min(1.0, share),
            trajectories=disputed + tuple(t for pair in pairs for t in pair),
            figure=distance_histogram(found, "preferred trajectory") if pairs else None,
        )
    ]


def near_duplicates(case: Case) -> list[Finding]:
    """Some of the marked are among the unlabelled, too; where most are, it is a cause of collapse."""
    found = twins(case.descriptors, case.marked, np.flatnonzero(case.labels == "none"))
    n = int(found.is_twin.sum())
    if not n or n >= MANY_TWINS * len(found.of):
        return []
    return [
        Finding(
            cause="near_duplicates",
            symptom="labels",
            title="Some marked trajectories have an unmarked twin",
            evidence=f"{n} of {len(found.of)} marked trajectories are as good as the same as one that is not marked",
            why="one of each two was overlooked, or marked by mistake",
            cure="Mark the twins, too, or take the marks back: the Audit page shows both side by side.",
            harm=0.3 + 0.4 * n / len(found.of),
            trajectories=tuple(found.which[found.is_twin].tolist()),
            figure=distance_histogram(found, "unlabelled trajectory"),
        )
    ]


def one_failure_mode(case: Case) -> list[Finding]:
    """Marks that are nearly all of one kind, where there is another."""
    marked = case.marked[:MOST_MARKED]
    if case.config.cost.failure_modes > 1 or len(marked) < 2 / RARE:
        return []
    features = case.descriptors[marked]
    kinds = failure_modes(features, 2, case.config.seed)
    counts = np.bincount(kinds)
    if len(counts) < 2 or not 2 <= counts.min() <= RARE * len(marked) or _silhouette(features, kinds) < APART:
        return []
    order = np.argsort(-counts)
    rare = marked[kinds == order[-1]]
    bars = Series(
        "marked", ("frequent kind", "rare kind"), tuple(counts[order].astype(float).tolist()), "non_preferred"
    )
    return [
        Finding(
            cause="one_failure_mode",
            symptom="labels",
            title="One kind of failure dominates the marked",
            evidence=f"{counts.max()} of {len(marked)} marked trajectories are alike, {counts.min()} are another kind",
            why="bags hold the rare kind so seldom that the cost hardly learns it",
            cure="Train again with cost.failure_modes=2, or mark more of the rare kind.",
            harm=0.5,
            settings=("cost.failure_modes=2",),
            trajectories=tuple(rare.tolist()),
            figure=Evidence("bars", "", "marked trajectories", (bars,)),
        )
    ]


def _silhouette(features: np.ndarray, kinds: np.ndarray) -> float:
    """How far apart two kinds are (Rousseeuw, 1987), both counting alike: 1 far, 0 not at all."""
    squares = (features**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0))
    is_same = kinds[:, None] == kinds
    own = (distances * is_same).sum(axis=1) / np.maximum(is_same.sum(axis=1) - 1, 1)
    other = (distances * ~is_same).sum(axis=1) / (~is_same).sum(axis=1)
    values = (other - own) / np.maximum(np.maximum(own, other), 1e-12)
    return float(np.mean([values[kinds == kind].mean() for kind in (0, 1)]))
