"""Causes of a collapsed cost that lie in what is compared: labels, copies, and bags that are mostly noise."""

from __future__ import annotations

from math import ceil, log2

import numpy as np

from safemil_core.assessment.doctor.bag_noise import WindowScores, window_scores
from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.doctor.separability import Separability, separability
from safemil_core.assessment.doctor.signs import Signs, cost_histogram
from safemil_core.assessment.doctor.twins import distance_histogram, twins
from safemil_core.assessment.histograms import middles
from safemil_core.assessment.preferred_share import recommended_bag_size
from safemil_core.config import CostConfig, usual_learning_rate

FEW_LABELS, HARDLY_ENOUGH = 5, 15
"""So few marked trajectories never say what they have in common; so many do, if chance can be ruled out."""
BY_CHANCE = 0.05
"""P-value of the permutation test from which on the labels may as well be shuffled."""
MANY_TWINS = 0.5
CERTAIN = 0.9
"""How often a non-preferred bag must outscore an unlabelled one, with the cost as it is."""
_BAG_SIZES = tuple(2**i for i in range(9))
_LONGER_WINDOWS = (10, 50, 0)


def few_labels(case: Case, signs: Signs) -> Finding | None:
    """So few marked trajectories that what they have in common may be anything."""
    n = len(case.marked)
    if n >= HARDLY_ENOUGH or (n >= FEW_LABELS and not _is_by_chance(_told_apart(case))):
        return None
    others = Series("others", ("others",), (float(len(case.others)),), "none")
    marked = Series("marked", ("marked",), (float(n),), "non_preferred")
    return Finding(
        cause="few_labels",
        symptom="collapse",
        title=signs.title(f"only {n} {'trajectory is' if n == 1 else 'trajectories are'} marked"),
        evidence=f"{n} marked against {len(case.others)} others; {signs}",
        why="what so few have in common may be anything that sets them apart, not what makes them unsafe",
        cure=f"Mark more: {HARDLY_ENOUGH} usually tell. The Label page's queue finds those that tell most.",
        harm=signs.harm(0.85),
        trajectories=tuple(case.marked.tolist()),
        figure=Evidence("bars", "", "trajectories", (marked, others), threshold=float(HARDLY_ENOUGH)),
    )


def duplicates(case: Case, signs: Signs) -> Finding | None:
    """Most of the marked are among the unlabelled, too."""
    found = twins(case.descriptors, case.marked, np.flatnonzero(case.labels == "none"))
    share = float(found.is_twin.mean())
    if share < MANY_TWINS:
        return None
    return Finding(
        cause="duplicates",
        symptom="collapse",
        title=signs.title("the marked trajectories are among the unlabelled, too"),
        evidence=f"{found.is_twin.sum()} of {len(found.of)} marked trajectories have an unmarked twin; {signs}",
        why="the same steps are to cost much in one bag and little in the other",
        cure="Mark the twins, too, or make a version of the dataset without them.",
        harm=signs.harm(0.85),
        trajectories=tuple(found.which[found.is_twin].tolist()),
        figure=distance_histogram(found, "unlabelled trajectory"),
    )


def indistinguishable(case: Case, signs: Signs) -> Finding | None:
    """Labels that shuffled ones could replace."""
    told = _told_apart(case)
    if not _is_by_chance(told):
        return None
    return Finding(
        cause="indistinguishable",
        symptom="collapse",
        title=signs.title("the marked trajectories cannot be told from the others"),
        evidence=f"what tells them apart best does so with an AUC of {told.auc:.2f}; shuffled labels reach as much "
        f"with a probability of {told.p_value:.2f}; {signs}",
        why="the marks are scattered as if by chance, or many of the unlabelled are as bad as the marked",
        cure="Look whether the marks are right (the Audit page lists those that look wrong), and mark what is alike.",
        harm=signs.harm(0.85),
        figure=_shuffles(told),
    )


def noisy_bags(case: Case, signs: Signs) -> Finding | None:
    """Bags whose comparison goes the wrong way too often: more trajectories in them would help, or longer windows."""
    cost = case.config.cost
    if not _goes_by_sums(cost):
        return None
    now = window_scores(case, cost.window)
    if not 0.5 < now.certainty(cost.bag_size) < CERTAIN:  # below, the wrong bag wins, however large it is
        return None
    alpha = _preferred_share(case)
    wanted = recommended_bag_size(alpha)
    longer = {
        window: window_scores(case, window)
        for window in _LONGER_WINDOWS
        if cost.window and (window > cost.window or window == 0)
    }
    enough = [window for window, scores in longer.items() if scores.certainty(cost.bag_size) >= CERTAIN]
    is_window = wanted is not None and cost.bag_size >= wanted and bool(enough)
    size = max(64, 2 ** ceil(log2(wanted or 128)), 4 * cost.bag_size)
    settings: tuple[str, ...] = (f"cost.bag_size={min(size, 4096)}",)
    if is_window:
        rate = usual_learning_rate(cost.network, enough[0])
        slower = (f"cost.learning_rate={rate:g}",) if cost.learning_rate > rate else ()
        settings = (f"cost.window={enough[0]}", *slower, *settings)
    evidence = (
        f"a non-preferred bag of {cost.bag_size} outscores an unlabelled one {now.certainty(cost.bag_size):.0%} of the "
        f"time; about {alpha:.0%} of the others look preferred, which asks for K = {wanted or 'more than any'}; {signs}"
    )
    return Finding(
        cause="short_window" if is_window else "bag_size",
        symptom="collapse",
        title=signs.title("its windows are too short" if is_window else "its bags are too small"),
        evidence=evidence,
        why=f"a window of {cost.window} hardly ever holds the steps that matter, and {cost.bag_size} of them do not "
        "make up for it"
        if is_window
        else "an unlabelled bag often holds no preferred trajectory, and the wrong bag wins by chance",
        cure=f"Train again with {' and '.join(settings)}.",
        harm=signs.harm(0.75),
        settings=settings,
        figure=_certainties(now, cost.window, longer),
    )


def unexplained(case: Case, signs: Signs) -> Finding | None:
    """A collapse without any of the other causes."""
    if not signs.is_collapsed:
        return None
    return Finding(
        cause="indistinguishable",
        symptom="collapse",
        title=signs.title("to it, the others are as bad as the marked"),
        evidence=str(signs),
        why="many of the unlabelled are as bad as the marked, so that no cost can be high for these and low for those",
        cure="Mark more of the bad ones: what is not marked counts as mostly good.",
        harm=0.9,
        figure=cost_histogram(case),
    )


def _goes_by_sums(cost: CostConfig) -> bool:
    """Whether bags rank as the sums of their costs do; so they nearly do by a maximum as smooth as the default."""
    return cost.aggregator == "sum" or (cost.aggregator == "log_sum_exp" and cost.sharpness <= 1)


def _told_apart(case: Case) -> Separability:
    return separability(case.descriptors, case.labels == "non_preferred")


def _is_by_chance(told: Separability) -> bool:
    return told.p_value > BY_CHANCE


def _preferred_share(case: Case) -> float:
    """A rough alpha: the share of the others that cost less than nine in ten of the marked do."""
    assert case.mean_costs is not None
    bar = np.quantile(case.mean_costs[case.marked], 0.1)
    return float((case.mean_costs[case.others] < bar).mean())


def _shuffles(told: Separability) -> Evidence:
    edges = np.linspace(0, 1, 41)
    aucs = tuple(middles(edges).tolist())
    counts = tuple(np.histogram(told.shuffled, edges)[0].astype(float).tolist())
    shuffled = Series("shuffled labels", aucs, counts)
    real = Series("these labels", (told.auc,), (max(counts),), "non_preferred")
    return Evidence("bars", "AUC of telling the marked from the others", "shuffles", (shuffled, real))


def _certainties(now: WindowScores, window: int, longer: dict[int, WindowScores]) -> Evidence:
    def line(name: str, scores: WindowScores, meaning: str = "") -> Series:
        return Series(name, tuple(map(float, _BAG_SIZES)), tuple(scores.certainty(k) for k in _BAG_SIZES), meaning)

    lines = [line(_window_words(window), now, "learned cost")]
    lines += [line(_window_words(window), scores) for window, scores in longer.items()]
    return Evidence("lines", "bag size K", "non-preferred bag outscores", tuple(lines), threshold=CERTAIN)


def _window_words(window: int) -> str:
    return f"windows of {window}" if window else "whole trajectories"
