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
APART = 0.45
"""From 0 to 1, as `_apart` measures it: a rare kind is one if its members are nearer to one another than to others."""
FEWEST, MOST_MARKED = 4, 1_000
MOST_KINDS = 6


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
    if case.config.cost.failure_modes > 1 or len(marked) * RARE < FEWEST:
        return []
    is_rare = _rare_kind(case.descriptors[marked], case.config.seed)
    if not is_rare.any():
        return []
    n_rare = int(is_rare.sum())
    counts = (float(len(marked) - n_rare), float(n_rare))
    bars = Series("marked", ("frequent kinds", "rare kind"), counts, "non_preferred")
    return [
        Finding(
            cause="one_failure_mode",
            symptom="labels",
            title="One kind of failure dominates the marked",
            evidence=f"{n_rare} of {len(marked)} marked trajectories are alike, and unlike all others",
            why="bags hold the rare kind so seldom that the cost hardly learns it",
            cure="Train again with cost.failure_modes=2, or mark more of the rare kind.",
            harm=0.5,
            settings=("cost.failure_modes=2",),
            trajectories=tuple(marked[is_rare].tolist()),
            figure=Evidence("bars", "", "marked trajectories", (bars,)),
        )
    ]


def _rare_kind(features: np.ndarray, seed: int) -> np.ndarray:
    """[n] bool, the members of the rare kind farthest from the rest of features [n, F], if there is one."""
    squares = (features**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0))
    found, farthest = np.zeros(len(features), dtype=bool), APART
    for n_kinds in range(2, MOST_KINDS + 1):
        kinds = failure_modes(features, n_kinds, seed)
        for kind, n in enumerate(np.bincount(kinds)):
            if FEWEST <= n <= RARE * len(features) and (apart := _apart(distances, kinds == kind)) > farthest:
                found, farthest = kinds == kind, apart
    return found


def _apart(distances: np.ndarray, is_member: np.ndarray) -> float:
    """How much nearer members are to one another than to the nearest other, from distances [n, n]; 1: infinitely."""
    own = distances[np.ix_(is_member, is_member)].sum(axis=1) / (is_member.sum() - 1)
    other = distances[np.ix_(is_member, ~is_member)].min(axis=1)
    return float(((other - own) / np.maximum(np.maximum(own, other), 1e-12)).mean())
