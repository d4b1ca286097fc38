"""Whether more marks would change anything: how the weights moved as the marks came in, beside what a seed moves.

NumPy only; the refits are made by `running.label_curve_stage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safemil_core.assessment.what_if import moved_share, seed_share

STEP = 10
"""Marks between two states."""
MOST_STATES = 12
"""With more marks than that takes, the states lie further apart."""
MARKS = ("non_preferred", "preferred")


@dataclass(frozen=True)
class CurvePoint:
    """The state after some of the marks, against the state before."""

    n_marks: int
    n_new: int
    """Marks since the state before."""
    moved: float | None
    """Share of the weight that they moved, among trajectories whose label they left alone: the mean over the seeds;
    None at the first state."""
    low: float | None
    high: float | None
    """The least and the most over the seeds."""
    noise: float
    """Share of the weight that another seed moves, with the same marks."""
    held_out: float | None
    """How well the cost tells the non-preferred marks still to come from the rest (AUC); None where none come."""


@dataclass(frozen=True)
class LabelCurve:
    """The points in the order of the marks."""

    points: tuple[CurvePoint, ...]
    n_seeds: int
    has_arbitrary_order: bool
    """Whether many marks came in one action, so that their order within it had to be drawn."""
    label_snapshot: int
    """The label action up to which the marks count."""
    author: str = ""
    made_at: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether the last marks moved less than another seed does."""
        last = self.points[-1]
        return last.moved is not None and last.moved <= last.noise

    def __str__(self) -> str:
        """One sentence: what the last marks changed, and what follows."""
        last = self.points[-1]
        if last.moved is None or last.low is None or last.high is None:
            return f"There are {last.n_marks} marks, too few for a curve; mark at least {2 * STEP}."
        found = (
            f"The last {last.n_new} marks changed the weights by {last.moved:.1%} ({last.low:.1%} to {last.high:.1%} "
            f"over {self.n_seeds} seeds)"
        )
        if self.is_settled:
            return f"{found}, no more than the {last.noise:.1%} that a seed changes: more of this kind change little."
        return f"{found}, more than the {last.noise:.1%} that a seed changes: more marks still matter."


def mark_order(labels: np.ndarray, marked_at: np.ndarray) -> tuple[np.ndarray, bool]:
    """The marked trajectories in the order in which their marks were made, and whether some of it had to be drawn.

    Args:
        labels: [N] as they stand.
        marked_at: [N] the action that set each label, see `LabelState`.
    """
    # Marks that came in one action have no order of their own.
    marked = np.random.default_rng(0).permutation(np.flatnonzero(np.isin(labels, MARKS)))
    order = marked[np.argsort(marked_at[marked], kind="stable")]
    return order, len(np.unique(marked_at[order])) < len(order)


def state_sizes(n_marks: int) -> list[int]:
    """After how many marks the curve has a state: every ten, or fewer states where there are many; the last has all."""
    step = STEP * max(1, -(-n_marks // (STEP * MOST_STATES)))
    return list(range(n_marks, 0, -step))[::-1]


def labels_after(labels: np.ndarray, order: np.ndarray, n: int) -> np.ndarray:
    """[N] the labels when only the first `n` marks of the order had been made."""
    early = np.where(np.isin(labels, MARKS), "none", labels).astype(labels.dtype)
    early[order[:n]] = labels[order[:n]]
    return early


def yet_to_come(labels: np.ndarray, final: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] bool, the trajectories without a mark, and [M] bool, which of these M will be marked non-preferred."""
    is_open = ~np.isin(labels, MARKS)
    return is_open, final[is_open] == "non_preferred"


def curve_points(
    sizes: Sequence[int],
    labels: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    held_out: Sequence[float | None],
    lengths: np.ndarray,
) -> tuple[CurvePoint, ...]:
    """The curve from refits of every state.

    Args:
        sizes: marks of each state.
        labels: [N] of each state.
        weights: [R, N] of each state, under R seeds.
        held_out: of each state, see `CurvePoint`.
        lengths: [N] steps of each trajectory.
    """
    points = []
    for place, size in enumerate(sizes):
        is_alike = (labels[place] == labels[max(0, place - 1)]) & (labels[place] != "non_preferred")
        moved = [
            moved_share(now, before, lengths, is_alike)
            for now, before in zip(weights[place], weights[place - 1], strict=True)
            if place > 0
        ]
        points.append(
            CurvePoint(
                n_marks=size,
                n_new=size - (sizes[place - 1] if place else 0),
                moved=float(np.mean(moved)) if moved else None,
                low=min(moved, default=None),
                high=max(moved, default=None),
                noise=seed_share(weights[place], lengths, is_alike),
                held_out=held_out[place],
            )
        )
    return tuple(points)
