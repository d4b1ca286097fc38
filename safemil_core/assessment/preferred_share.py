"""Alpha, the share of preferred trajectories among the unlabelled, from a random audit; and the K that it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, expm1, log, log1p

import numpy as np
from scipy import stats

from safemil_core.assessment.review_queue import random_order

N_AUDIT = 30
CONFIDENCE = 0.95
SURE = 0.95
"""How probable a preferred trajectory is to be in an unlabelled bag, where nobody says otherwise."""


@dataclass(frozen=True)
class PreferredShare:
    """What an audit says of alpha."""

    n_preferred: int
    n_judged: int
    n_sample: int
    """Drawn; those not judged yet count for nothing."""
    n_unlabelled: int
    """From which they were drawn."""
    low: float
    high: float
    """Exact 95 % interval (Clopper and Pearson, 1934); 0 to 1 before the first judgement."""

    @property
    def bag_size(self) -> int | None:
        """K by the interval's lower end: what an unlucky sample may hide costs only a larger bag."""
        return recommended_bag_size(self.low)

    def __str__(self) -> str:
        """One sentence with the width of the interval, and what would make it narrower."""
        if self.n_judged == 0:
            return (
                f"None of the {self.n_sample} drawn is judged yet, so nothing is known of the share of preferred ones."
            )
        width = 100 * (self.high - self.low)
        return (
            f"{self.n_preferred} of {self.n_judged} judged are preferred, so {self.low:.1%} to {self.high:.1%} of the "
            f"{self.n_unlabelled} unlabelled are (95 %, exact): an interval {width:.0f} points wide; it takes about "
            f"{4 * self.n_judged} judgements to halve it."
        )


def audit_sample(labels: np.ndarray, n: int = N_AUDIT, seed: int = 0) -> np.ndarray:
    """[at most n] trajectories drawn at random from all that have no label, in the queue's order "random audit".

    Args:
        labels: [N] as they were when the audit began. Nothing else is left out: what looks dull is part of the share.
    """
    order = random_order(len(labels), seed)
    sample: np.ndarray = order[labels[order] == "none"][:n]
    return sample


def preferred_share(labels_then: np.ndarray, labels_now: np.ndarray) -> PreferredShare:
    """Alpha from the audit that began with `labels_then` and has got as far as `labels_now`.

    An unsure one counts as judged and not preferred: too small an alpha costs a larger bag, too large a one costs the
    promise of Lemma 1. The sample is drawn without replacement, which makes the truth a little surer than the
    interval says, most where the sample is a good part of all. Marking what the audit found non-preferred takes it
    out of the unlabelled, so that alpha only rises.
    """
    sample = audit_sample(labels_then)
    judged = labels_now[sample]
    n_judged, n_preferred = int((judged != "none").sum()), int((judged == "preferred").sum())
    low, high = exact_interval(n_preferred, n_judged)
    return PreferredShare(n_preferred, n_judged, len(sample), int((labels_then == "none").sum()), low, high)


def exact_interval(k: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share of which `k` of `n` were seen: never too narrow."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")
    tail = (1 - CONFIDENCE) / 2
    low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high


def preferred_in_bag(alpha: float | np.ndarray, bag_size: int | np.ndarray) -> np.ndarray:
    """Probability that an unlabelled bag of K trajectories holds a preferred one, 1 - (1 - alpha)^K (Lemma 1)."""
    return np.asarray(-np.expm1(bag_size * np.log1p(-np.minimum(alpha, 1 - 1e-12))))


def least_share(bag_size: int, probability: float = SURE) -> float:
    """The smallest alpha with which a bag of K holds a preferred trajectory with this probability (Lemma 1)."""
    return float(-expm1(log1p(-probability) / bag_size))


def recommended_bag_size(alpha: float, probability: float = SURE) -> int | None:
    """The smallest K with which an unlabelled bag holds a preferred trajectory with this probability (Lemma 1).

    1 - (1 - alpha)^K >= p, so K >= ln(1 - p) / ln(1 - alpha). None where alpha is 0: then no bag is large enough.
    """
    if not 0 <= alpha <= 1 or not 0 < probability < 1:
        raise ValueError(f"alpha {alpha} and probability {probability} must be shares")
    if alpha == 0:
        return None
    if alpha == 1:
        return 1
    return max(1, ceil(log(1 - probability) / log1p(-alpha) - 1e-9))
