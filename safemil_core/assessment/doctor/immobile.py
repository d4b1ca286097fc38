"""Safe but immobile: weights on trajectories that hardly move, policies that hardly move, and marks on what earns most.

What moves is told without rewards. Returns are shown beside it; one finding is about them alone, and has no cure that
is a setting: rewards must not steer what is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.immobility import IMMOBILE_REACH, Yardstick, is_immobile

ABOUT_RETURNS = frozenset({"overlap_with_return"})
"""Causes that only returns tell of, which some want hidden."""
DRAWN_WITH_RETURNS = frozenset({"immobile_policy"})
"""Causes whose figure shows returns."""
NEED_ROLLOUTS = frozenset({"immobile_policy"})
"""Causes that nobody can tell of before the policies are rolled out."""
MOST_WEIGHT = 0.25
"""Of the whole weight on immobile trajectories; a few among many movers weigh less, whatever the scheme."""
MOST_OVERLAP = 0.75
"""Of as many trajectories of the highest return as are marked: with a larger share, marks name what earns."""
FEWEST_MARKS = 5
"""Of fewer marks an overlap says nothing."""
N_NAMED = 50
"""Trajectories that a finding names at most."""
N_POINTS = 400
"""Trajectories that are drawn beside the rollouts."""


def immobile_weights(case: Case) -> Sequence[Finding]:
    """Whether cloning trusts those that hardly move far more than their number says."""
    if case.weights is None:
        return ()
    still = is_immobile(case.trajectories)
    mass, steps = case.weights * case.lengths, case.lengths * (case.labels != "non_preferred")
    share, among = float(mass[still].sum() / mass.sum()), float(steps[still].sum() / steps.sum())
    if share < max(MOST_WEIGHT, 2 * among):
        return ()
    settings, cure = _cure(case)
    heaviest = np.flatnonzero(still)[np.argsort(-mass[still], kind="stable")][:N_NAMED]
    kinds = ("immobile", "moving")
    return [
        Finding(
            cause="immobile_weights",
            symptom="immobile",
            title="The policy mostly imitates trajectories that hardly move",
            evidence=f"{share:.0%} of the weight lies on {still.sum()} immobile trajectories, which are {among:.0%} "
            "of the steps that are cloned",
            why="who does nothing does nothing unsafe: the weights fall so fast with the cost that little else is left",
            cure=cure,
            harm=min(1.0, 0.4 + 0.6 * share),
            settings=settings,
            trajectories=tuple(int(t) for t in heaviest if mass[t] > 0),
            figure=Evidence(
                kind="bars",
                x_title="",
                y_title="share",
                series=(
                    Series("of the steps that are cloned", kinds, (among, 1 - among), "none"),
                    Series("of the weight", kinds, (share, 1 - share), "safe"),
                ),
                threshold=MOST_WEIGHT,
            ),
        )
    ]


def immobile_policy(case: Case) -> Sequence[Finding]:
    """Whether the safe policy, rolled out, stays about where it starts."""
    reaches = {policy: _of_episodes(case.evaluation, policy, "reach") for policy in ("safe", "bc")}
    if not len(reaches["safe"]) or np.median(reaches["safe"]) >= IMMOBILE_REACH:
        return ()
    far, plain = float(np.median(reaches["safe"])), float(np.median(reaches["bc"]))
    of_data = Yardstick.of(case.trajectories).measure(case.trajectories)
    settings, cure = _cure(case)
    if plain < IMMOBILE_REACH:  # whatever is wrong, it is not the weights
        settings, cure = _learn_longer(case)
    return [
        Finding(
            cause="immobile_policy",
            symptom="immobile",
            title="The safe policy is safe because it hardly moves",
            evidence=f"its episodes reach {far:.2f} times as far as the median trajectory of the data, those of plain "
            f"cloning {plain:.2f} times",
            why="the weights leave it trajectories that hardly move"
            if plain >= IMMOBILE_REACH
            else "plain cloning does not move either: cloning itself fails, whatever the weights",
            cure=cure,
            harm=1.0 - 0.4 * far / IMMOBILE_REACH,
            settings=settings,
            figure=reach_and_return(of_data, case.returns, case.labels, case.evaluation),
        )
    ]


def reach_and_return(
    of_data: np.ndarray, returns: np.ndarray | None, labels: np.ndarray, evaluation: Mapping[str, Any]
) -> Evidence:
    """Rollouts among the trajectories of the data: how far each reaches, and what it earns where that is known.

    Args:
        of_data: [N] reach of each trajectory, that of the median one being 1.
        returns: [N] sums of rewards.
        labels: [N].
        evaluation: of both policies, as `Run.evaluation` or `case.seen_of` has it.
    """
    policies = (("safe policy", "safe"), ("plain cloning", "bc"))
    if returns is None:
        medians = [float(np.median(_of_episodes(evaluation, policy, "reach"))) for _, policy in policies]
        bars = Series("median", ("data", *(name for name, _ in policies)), (float(np.median(of_data)), *medians))
        return Evidence("bars", "", "reach, of the median trajectory's", (bars,), threshold=IMMOBILE_REACH)
    few = np.arange(0, len(of_data), -(-len(of_data) // N_POINTS))
    is_marked = labels[few] == "non_preferred"
    series = [
        Series(name, tuple(of_data[chosen].tolist()), tuple(returns[chosen].tolist()), label)
        for name, label, chosen in (
            ("unlabelled", "none", few[~is_marked]),
            ("non-preferred", "non_preferred", few[is_marked]),
        )
    ]
    for name, policy in policies:
        reach, earned = (_of_episodes(evaluation, policy, key).tolist() for key in ("reach", "return"))
        series.append(Series(name, tuple(reach), tuple(earned), policy))
    return Evidence("points", "reach, of the median trajectory's", "return", tuple(series))


def overlap_with_return(case: Case) -> Sequence[Finding]:
    """Whether the marks name what earns most, so that avoiding it costs the task itself."""
    n = len(case.marked)
    if case.returns is None or n < FEWEST_MARKS:
        return ()
    best = np.argsort(-case.returns, kind="stable")[:n]
    is_marked = case.labels == "non_preferred"
    overlap = float(is_marked[best].mean())
    if overlap <= max(MOST_OVERLAP, 2 * n / len(is_marked)):
        return ()
    quarter = np.searchsorted(np.quantile(case.returns, (0.25, 0.5, 0.75)), case.returns)
    names = ("lowest return", "second quarter", "third quarter", "highest return")
    marked = tuple(float((is_marked & (quarter == q)).sum() / n) for q in range(4))
    series = [Series("of the marked", names, marked, "non_preferred")]
    if case.weights is not None:
        mass = case.weights * case.lengths
        kept = tuple(float(mass[quarter == q].sum() / mass.sum()) for q in range(4))
        series.append(Series("of the weight", names, kept, "safe"))
    return [
        Finding(
            cause="overlap_with_return",
            symptom="immobile",
            title="What is marked non-preferred is what earns most",
            evidence=f"{overlap:.0%} of the {n} trajectories with the highest returns are marked non-preferred",
            why="marks on whole trajectories that are fast and unsafe teach that fast is unsafe",
            cure="Mark where they go wrong as segments, and some that are slow and unsafe; or accept less return.",
            harm=0.3 + 0.3 * overlap,
            trajectories=tuple(int(t) for t in best if is_marked[t])[:N_NAMED],
            figure=Evidence("bars", "trajectories by return", "share", tuple(series)),
        )
    ]


def _cure(case: Case) -> tuple[tuple[str, ...], str]:
    """As settings, and in words."""
    if case.config.weights.scheme != "step":
        return ("weights.scheme=step",), "Weigh every step by its own cost, which needs no scale (Eq. 14)."
    return (), "Leave the immobile ones out: filter them away on the Datasets page, and train on what is left."


def _learn_longer(case: Case) -> tuple[tuple[str, ...], str]:
    updates = max(10_000, 4 * case.config.policy.updates)
    return (f"policy.updates={updates}",), "Let the policies learn for longer."


def _of_episodes(evaluation: Mapping[str, Any], policy: str, key: str) -> np.ndarray:
    """[E] a number of each episode that a policy was rolled out for; empty where there is none."""
    episodes: list[dict[str, Any]] = evaluation.get("policies", {}).get(policy, {}).get("episodes", [])
    return np.array([episode[key] for episode in episodes if key in episode])
