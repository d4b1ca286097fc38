"""Agreement: how far several people, and one person twice, judge the same trajectories alike; where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from safemil_core.data.labels.store import Judgement, Label, LabelState, Retest

DECIDED: tuple[Label, ...] = ("non_preferred", "preferred")
"""What counts as a judgement: who is unsure agrees with everybody and nobody."""

Z_95 = 1.959964
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa: agreement beyond what two judges with these shares of labels would reach by chance."""

    n: int
    """Trajectories that both judged."""

    agreement: float | None
    """Share on which both said the same; None where there is no trajectory."""

    kappa: float | None
    """1: always the same, 0: as by chance, below: less than that; None where it is not defined."""

    low: float | None = None
    high: float | None = None
    """95 % interval from the large-sample variance of Fleiss, Cohen and Everitt (1969), cut off at -1 and 1."""

    why_not: str = ""
    """A sentence, where kappa or its interval is not defined."""


@dataclass(frozen=True)
class PairAgreement:
    """Of two people."""

    first: str
    second: str
    kappa: Kappa


@dataclass(frozen=True)
class Conflict:
    """A trajectory on which people differ and that nobody has settled since."""

    trajectory: int
    judgements: tuple[Judgement, ...]
    """One of each of them, oldest first."""


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> Kappa:
    """Agreement of two equally long rows of judgements.

    Args:
        first: [n] labels.
        second: [n] labels of the same trajectories.
    """
    if len(first) != len(second):
        raise ValueError(f"expected as many judgements of both, got {len(first)} and {len(second)}")
    n = len(first)
    if not n:
        return Kappa(0, None, None, why_not="there is no trajectory that both judged")
    words, codes = np.unique([*first, *second], return_inverse=True)
    shares = np.zeros((len(words), len(words)))  # [i, j]: the first said i and the second j
    np.add.at(shares, (codes[:n], codes[n:]), 1 / n)
    agreement = float(sum(a == b for a, b in zip(first, second, strict=True)) / n)
    if len(words) == 1:
        return Kappa(n, agreement, None, why_not=f"both gave all {n} the same label, so chance alone would agree")
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    kappa = (agreement - chance) / (1 - chance)
    deviation = np.sqrt(_variance(shares, kappa, chance) / n)
    if deviation < 1e-9:
        return Kappa(n, agreement, float(kappa), why_not=f"{n} judgements of one kind give no interval; judge more")
    low, high = max(-1.0, kappa - Z_95 * deviation), min(1.0, kappa + Z_95 * deviation)
    return Kappa(n, agreement, float(kappa), float(low), float(high))


def pair_agreements(judgements: Iterable[Judgement]) -> list[PairAgreement]:
    """Kappa of every two people over the trajectories that both decided on by themselves, settlements left out."""
    own: dict[str, dict[int, str]] = {}
    for judgement in judgements:
        if judgement.label in DECIDED and not judgement.is_settlement:
            own.setdefault(judgement.author, {})[judgement.trajectory] = judgement.label
    pairs = []
    for first, second in combinations(sorted(own), 2):
        both = sorted(own[first].keys() & own[second].keys())
        kappa = cohen_kappa([own[first][t] for t in both], [own[second][t] for t in both])
        pairs.append(PairAgreement(first, second, kappa))
    return pairs


def conflicts(judgements: Iterable[Judgement]) -> list[Conflict]:
    """Trajectories on which somebody says non-preferred and somebody else preferred, by number.

    A settlement ends the conflict of all judgements before it.
    """
    by_trajectory: dict[int, list[Judgement]] = {}
    for judgement in sorted(judgements, key=lambda one: one.action):
        kept = by_trajectory.setdefault(judgement.trajectory, [])
        if judgement.is_settlement:
            kept.clear()
        kept[:] = [other for other in kept if other.author != judgement.author] + [judgement]
    found = []
    for trajectory, kept in sorted(by_trajectory.items()):
        decided = tuple(judgement for judgement in kept if judgement.label in DECIDED)
        if len({judgement.label for judgement in decided}) > 1:
            found.append(Conflict(trajectory, decided))
    return found


def self_agreement(retests: Iterable[Retest]) -> dict[str, Kappa]:
    """Kappa of each author's first and second judgements, where both were decided."""
    twice: dict[str, list[tuple[str, str]]] = {}
    for retest in retests:
        if retest.before in DECIDED and retest.again in DECIDED:
            twice.setdefault(retest.author, []).append((retest.before, retest.again))
    return {
        author: cohen_kappa([before for before, _ in pairs], [again for _, again in pairs])
        for author, pairs in sorted(twice.items())
    }


def pick_retests(judgements: Iterable[Judgement], author: str, n: int, seed: int) -> list[int]:
    """Trajectories for an author to judge again blindly, in random order.

    Args:
        judgements: of everybody, from `LabelStore.judgements`.
        author: whose are drawn from. The newest half of hers are left out while they are fresh in her memory, at most
            the newest 20.
        n: at most so many.
        seed: of the draw.
    """
    own = [j for j in judgements if j.author == author and j.label in DECIDED and not j.is_settlement]
    own.sort(key=lambda judgement: (judgement.action, judgement.trajectory))
    old = own[: len(own) - min(20, len(own) // 2)]
    rng = np.random.default_rng(seed)
    return [int(t) for t in rng.permutation([judgement.trajectory for judgement in old])[:n]]


def settled(judgements: Iterable[Judgement], said: LabelState) -> set[int]:
    """Trajectories whose label, as it stands, somebody gave knowing what others or the audit say."""
    return {j.trajectory for j in judgements if j.is_settlement and said.marked_at[j.trajectory] == j.action}


def _variance(shares: np.ndarray, kappa: float, chance: float) -> float:
    """Of sqrt(n) times kappa; Fleiss, Cohen and Everitt (1969), equation 13.

    Args:
        shares: [L, L] how often the first judge said one label and the second another.
        kappa: what is estimated.
        chance: agreement by chance.
    """
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    same = shares.diagonal()
    within = (same * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    between = (shares * (columns[:, None] + rows[None, :]) ** 2).sum() - (same * (rows + columns) ** 2).sum()
    rest = kappa - chance * (1 - kappa)
    return float(max(0.0, within + (1 - kappa) ** 2 * between - rest**2) / (1 - chance) ** 2)
