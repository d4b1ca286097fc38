"""Which labels look wrong: what networks say that have not seen a trajectory, and what its nearest are labelled.

NumPy and SciPy only. Neither witness is enough: where only some of the costly trajectories are marked, networks cannot
tell the marked from the others, but neighbours can; where marks are scattered, neighbours are few, but networks
generalise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from safemil_core.assessment.descriptors import nearest, neighbours

Kind = Literal["marked but looks preferred", "unmarked but looks non-preferred", "near-duplicates with opposite labels"]

N_NEIGHBOURS = 10
SUSPICIOUS = 0.5
"""From here on the two witnesses speak against a label, on the whole."""
TWIN = 0.25
"""Two trajectories nearer than this share of the usual distance to the nearest are taken for the same thing twice."""


@dataclass(frozen=True)
class LabelFinding:
    """One label that may be wrong."""

    kind: Kind
    trajectory: int
    """Whose label to look at."""
    other: int | None
    """Its twin, where there is one."""
    evidence: str
    suggested: Literal["non_preferred", "none"]
    """The label that would fit. A wrong mark is taken back rather than turned round: nobody has called it preferred."""
    severity: float
    """In [0, 1]."""


def audit(
    labels: np.ndarray, held_out_rank: np.ndarray, descriptors: np.ndarray, n_each: int = 50
) -> list[LabelFinding]:
    """Labels that look wrong, the most suspicious first; of each kind at most `n_each`.

    Args:
        labels: [N] `non_preferred`, `preferred`, `unsure` or `none`. Of unsure ones nothing is said.
        held_out_rank: [N] in (0, 1], place of a trajectory's cost among all, by networks trained without it; of those
            where it is NaN, since there is no such network, nothing is said but that they have a twin.
        descriptors: [N, F] of `descriptors.describe`.
    """
    is_marked, is_other = labels == "non_preferred", np.isin(labels, ["none", "preferred"])
    shares = neighbour_shares(is_marked, descriptors)
    looks_bad = (held_out_rank + shares) / 2
    # Where few are marked, a mark has hardly a marked neighbour: it is only held against it if others have more.
    looks_good = 1 - (held_out_rank + rankdata(shares) / len(shares)) / 2

    def witnesses(t: int) -> str:
        return (
            f"Networks that have not seen it rank it above {held_out_rank[t]:.0%} of all; "
            f"{shares[t]:.0%} of its nearest are marked."
        )

    marked = [
        LabelFinding("marked but looks preferred", t, None, witnesses(t), "none", float(looks_good[t]))
        for t in _worst(is_marked, looks_good, n_each)
    ]
    unmarked = [
        LabelFinding("unmarked but looks non-preferred", t, None, witnesses(t), "non_preferred", float(looks_bad[t]))
        for t in _worst(is_other, looks_bad, n_each)
    ]
    twins = _twins(np.flatnonzero(is_marked), np.flatnonzero(is_other), looks_bad, descriptors)[:n_each]
    return sorted([*marked, *unmarked, *twins], key=lambda finding: -finding.severity)


def neighbour_shares(is_marked: np.ndarray, descriptors: np.ndarray) -> np.ndarray:
    """[N] share of each trajectory's nearest that are marked; 0 for one without neighbours."""
    near = neighbours(descriptors, N_NEIGHBOURS)
    shares: np.ndarray = is_marked[near].sum(axis=1) / max(near.shape[1], 1)
    return shares


def _worst(is_suspect: np.ndarray, suspicion: np.ndarray, n: int) -> list[int]:
    suspects = np.flatnonzero(is_suspect & (suspicion > SUSPICIOUS))
    worst: list[int] = suspects[np.argsort(-suspicion[suspects], kind="stable")][:n].tolist()
    return worst


def _twins(
    marked: np.ndarray, others: np.ndarray, looks_bad: np.ndarray, descriptors: np.ndarray
) -> list[LabelFinding]:
    """Each marked trajectory with its nearest unmarked one, where the two are as good as one; the nearest first."""
    usual = float(np.median(nearest(descriptors, np.arange(len(descriptors))).distances))
    to_others = nearest(descriptors, others)
    findings = []
    for t in marked[to_others.distances[marked] <= TWIN * usual].tolist():
        twin, distance = int(to_others.which[t]), float(to_others.distances[t])
        is_bad = not looks_bad[t] + looks_bad[twin] <= 1  # where nothing speaks against it, the mark is believed
        findings.append(
            LabelFinding(
                "near-duplicates with opposite labels",
                trajectory=twin if is_bad else t,
                other=t if is_bad else twin,
                evidence=f"Trajectory {t} is marked, {twin} is not; they are {distance:.2f} apart, where the "
                f"nearest is usually {usual:.2f} away.",
                suggested="non_preferred" if is_bad else "none",
                severity=1.0 if distance == 0 else 1 - distance / (2 * TWIN * usual),
            )
        )
    return sorted(findings, key=lambda finding: -finding.severity)
