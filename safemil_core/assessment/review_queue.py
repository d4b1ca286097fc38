"""Which trajectory to look at next, and why. What a labeller makes of it is not here.

Only trajectories without any label are in a queue: an unsure one has been judged too.
What they are good for, measured by `benchmarks/labels_needed.py`: the highest learned cost and nearness to a marked one
find non-preferred ones, though where many are, mostly of one kind, and from one kind a cost network learns to know that
kind instead of what is unsafe in it; there a random order needs fewer judgements to learn the cost than any other here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from safemil_core.assessment.descriptors import farthest_first, nearest
from safemil_core.errors import NotReady

Order = Literal["learned cost", "disagreement", "near a marked one", "unlike all marked", "random audit", "number"]
ORDERS: tuple[Order, ...] = get_args(Order)

MEANINGS: Mapping[Order, str] = {
    "learned cost": "The highest learned cost among the unmarked.",
    "disagreement": "An ensemble of cost networks disagrees about it most.",
    "near a marked one": "Behaves like a trajectory that is marked non-preferred: finds more of its kind.",
    "unlike all marked": "Behaves like none that has a label yet.",
    "random audit": "Drawn at random: for estimating shares, and for marks of every kind.",
    "number": "In the order of the dataset.",
}
"""Each order in a sentence that gives no score away: for the choice among them, and while scores are hidden."""

N_DIVERSE = 100
"""How far ahead diversity is planned; it is planned anew with every label."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One trajectory to look at."""

    trajectory: int
    why: str
    """One sentence with the value that put it here. It tells scores: while those are hidden show MEANINGS instead."""


def review_queue(
    order: Order,
    *,
    labels: np.ndarray,
    descriptors: np.ndarray,
    learned_cost: np.ndarray | None = None,
    disagreement: np.ndarray | None = None,
    seed: int = 0,
) -> list[QueueItem]:
    """All unlabelled trajectories, the one to look at next first.

    Args:
        order: by what.
        labels: [N] `non_preferred`, `preferred`, `unsure` or `none`.
        descriptors: [N, F] of `descriptors.describe`.
        learned_cost: [N] cost of each trajectory by a run, for "learned cost".
        disagreement: [N] of a committee, for "disagreement".
        seed: of "random audit". The same seed goes on where it was, however many have been labelled since.

    Raises:
        NotReady: what the order goes by is not there yet.
    """
    unlabelled = np.flatnonzero(labels == "none")
    if order == "learned cost":
        if learned_cost is None:
            raise NotReady("there is no learned cost yet; train a run first, or choose another order")
        items = _by_value(unlabelled, learned_cost, "Learned cost {value:.3g}, number {rank} of {n} unmarked.")
    elif order == "disagreement":
        if disagreement is None:
            raise NotReady("no ensemble has been trained for this dataset yet; train one, or choose another order")
        items = _by_value(unlabelled, disagreement, "The ensemble disagrees by {value:.2g}, number {rank} of {n}.")
    elif order == "near a marked one":
        items = _near_marked(unlabelled, np.flatnonzero(labels == "non_preferred"), descriptors)
    elif order == "unlike all marked":
        items = _unlike_marked(unlabelled, np.flatnonzero(labels != "none"), descriptors)
    elif order == "random audit":
        audited = random_order(len(labels), seed)
        audited = audited[labels[audited] == "none"]
        items = [QueueItem(t, "Drawn at random, for the audit.") for t in audited.tolist()]
    else:
        items = [QueueItem(t, "Next by number.") for t in unlabelled.tolist()]
    return items


def random_order(n: int, seed: int) -> np.ndarray:
    """[n] all trajectories in an order that depends on nothing but the seed: not on labels, not on costs."""
    return np.random.default_rng(seed).permutation(n)


def _by_value(unlabelled: np.ndarray, values: np.ndarray, why: str) -> list[QueueItem]:
    """The highest first, of equal ones the earlier."""
    order = unlabelled[np.argsort(-values[unlabelled], kind="stable")]
    return [
        QueueItem(t, why.format(value=value, rank=rank, n=len(order)))
        for rank, (t, value) in enumerate(zip(order.tolist(), values[order].tolist(), strict=True), start=1)
    ]


def _near_marked(unlabelled: np.ndarray, marked: np.ndarray, descriptors: np.ndarray) -> list[QueueItem]:
    if not len(marked):
        raise NotReady("nothing is marked non-preferred yet; mark one trajectory first, or choose another order")
    near = nearest(descriptors, marked)
    order = unlabelled[np.argsort(near.distances[unlabelled], kind="stable")].tolist()
    return [
        QueueItem(t, f"Near trajectory {near.which[t]} that you marked, distance {near.distances[t]:.2f}.")
        for t in order
    ]


def _unlike_marked(unlabelled: np.ndarray, labelled: np.ndarray, descriptors: np.ndarray) -> list[QueueItem]:
    """Farthest first as far as it is planned, then the rest as they come."""
    chosen, apart = farthest_first(descriptors, labelled, N_DIVERSE)
    first = [
        QueueItem(t, f"Unlike all {len(labelled)} labelled and all before it, distance {distance:.2f} to the nearest.")
        for t, distance in zip(chosen.tolist(), apart.tolist(), strict=True)
    ]
    rest = unlabelled[~np.isin(unlabelled, chosen)].tolist()
    return [*first, *(QueueItem(t, "Like others before it.") for t in rest)]
