"""Costs that look at the wrong thing: length, time, source, slowness, or which trajectory it is, not the step.

Neither the loss nor held-out trajectories show it. What does is how well these alone predict the labels, and how much
of the cost they explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.data.trajectories import TrajectorySet, owners, times
from safemil_core.learning.failure_modes import failure_modes

AS_GOOD_AS = 0.05
"""Of AUC: a shortcut that predicts the labels at most so much worse than the network may be all that it has learned."""
TELLS = 0.8
"""AUC from which on something tells the labels by itself."""
TELLS_SLOW = 0.9
"""The same of slowness: many that are marked rightly are a little slower, or faster."""
EXPLAINS_TIME, EXPLAINS_SOURCE, EXPLAINS_TRAJECTORY = 0.4, 0.7, 0.8
"""Share of the variance of c from which on it goes by time, by source or by trajectory rather than by the step."""
N_SOURCES = 10
N_TIMES = 30
MOST_STEPS = 200_000


@dataclass(frozen=True)
class Predictors:
    """ROC AUC of what may predict the labels by itself."""

    network: float
    length: float
    time: float
    source: float
    slowness: float
    returns: float | None
    """Shown, never found by."""

    @property
    def figure(self) -> Evidence:
        """All of them as bars against the network."""
        bars = {"length": self.length, "time index": self.time, "source": self.source, "slowness": self.slowness}
        if self.returns is not None:
            bars["return"] = self.returns
        alone = Series("alone", tuple(bars), tuple(bars.values()))
        network = Series("the network", ("the network",), (self.network,), "learned cost")
        return Evidence("bars", "", "AUC of predicting the labels", (network, alone), threshold=self.network)


def shortcuts(case: Case) -> list[Finding]:
    """What the cost goes by instead of the step: the first of these that fits, for they come together."""
    if case.costs is None or not len(case.others) or np.ptp(case.costs) == 0:
        return []
    sources = sources_of(case)
    told = _predictors(case, sources)
    found = (
        _length(case, told),
        _time(case, told),
        _source(case, told, sources),
        _slow(case, told),
        _trajectory(case, told),
    )
    return [finding for finding in found if finding is not None][:1]


def sources_of(case: Case) -> np.ndarray:
    """[N] the number of the source that each trajectory comes from: tags that name it, else clusters of behaviour."""
    n = len(case.labels)
    by_tag = np.full(n, -1)
    n_tagged = 0
    for number, members in enumerate(case.tags.values()):
        by_tag[list(members)] = number
        n_tagged += len(members)
    if len(case.tags) > 1 and n_tagged == n and (by_tag >= 0).all():  # each trajectory has exactly one of the tags
        return by_tag
    k = min(N_SOURCES, max(2, n // 20))
    return failure_modes(case.descriptors, k, seed=0)


def behaviours(descriptors: np.ndarray) -> np.ndarray:
    """[N] the number of the kind of behaviour of each trajectory [N, F], for networks that go without one of them."""
    return failure_modes(descriptors, N_SOURCES, seed=0)


def explained(costs: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance of costs [n] that lies between groups [n], numbers from 0; 0 where costs never vary."""
    n = np.bincount(groups)
    means = np.bincount(groups, costs) / np.maximum(n, 1)
    total = float(costs.var())
    return float((n * (means - costs.mean()) ** 2).sum() / len(costs) / total) if total > 0 else 0.0


def _length(case: Case, told: Predictors) -> Finding | None:
    if not _is_as_good(told.length, told):
        return None
    is_summed = case.config.cost.window == 0
    return Finding(
        cause="length_shortcut",
        symptom="shortcut",
        title="The length of a trajectory alone gives its label away",
        evidence=f"AUC {told.length:.2f} by length alone, {told.network:.2f} by the network",
        why="the marked are longer or shorter than the others, so that the cost may have learned what goes with length"
        + (", and sums over whole trajectories grow with it" if is_summed else ""),
        cure="Mark some of usual length, or compare windows instead of whole trajectories."
        if is_summed
        else "Mark some of usual length, or cut all to the same length.",
        harm=0.96 if is_summed else 0.8,
        settings=("cost.window=1",) if is_summed else (),
        trajectories=tuple(case.marked.tolist()),
        figure=told.figure,
    )


def _time(case: Case, told: Predictors) -> Finding | None:
    costs, steps = _some_costs(case)
    share = explained(costs, _time_bins(case)[steps])
    if not _is_as_good(told.time, told, of_steps=True) or share < EXPLAINS_TIME:
        return None
    return Finding(
        cause="time_shortcut",
        symptom="shortcut",
        title="The cost goes by the time, not by what happens",
        evidence=f"AUC {told.time:.2f} by the time index alone; time explains {share:.0%} of the variance of c",
        why="marked steps lie at other times than the rest, and something in the observations tells the time",
        cure="Mark segments at other times too, or leave what tells the time out of the observations.",
        harm=0.8,
        figure=_by_time(case),
    )


def _source(case: Case, told: Predictors, sources: np.ndarray) -> Finding | None:
    costs, steps = _some_costs(case)
    share = explained(costs, np.repeat(sources, case.lengths)[steps])
    if not _is_as_good(told.source, told) or share < EXPLAINS_SOURCE:
        return None
    return Finding(
        cause="source_shortcut",
        symptom="shortcut",
        title="The cost goes by where a trajectory comes from",
        evidence=f"AUC {told.source:.2f} by the source alone, {told.network:.2f} by the network; the source explains "
        f"{share:.0%} of the variance of c",
        why="the marked come from few sources, and the network knows these by something else than the unsafe step",
        cure="Mark trajectories of other sources too, or leave out of the observations what names the source.",
        harm=0.75,
        figure=told.figure,
    )


def _slow(case: Case, told: Predictors) -> Finding | None:
    """One way only: that the marked are the fastest is as often the danger itself."""
    if told.slowness < TELLS_SLOW or not _is_as_good(told.slowness, told):
        return None
    return Finding(
        cause="slow_shortcut",
        symptom="shortcut",
        title="What is marked is what moves slowest",
        evidence=f"AUC {told.slowness:.2f} by slowness alone, {told.network:.2f} by the network",
        why="who is slow stays longer in danger, and is slow everywhere else too: the cost may have learned slowness",
        cure="Mark fast ones that go wrong as well, and slow ones that do not as preferred.",
        harm=0.75,
        trajectories=tuple(case.marked.tolist()),
        figure=told.figure,
    )


def paces(trajectories: TrajectorySet) -> np.ndarray:
    """[N] by how much the numbers of a step change until the next, each in its deviations, on average."""
    numbers, offsets, n = trajectories.coordinates, trajectories.offsets, len(trajectories)
    is_last = np.zeros(len(numbers), dtype=bool)
    is_last[offsets[1:] - 1] = True
    steps = np.flatnonzero(~is_last)
    if not len(steps):
        return np.zeros(n)
    steps = steps[:: max(1, len(steps) // MOST_STEPS)]
    here, of = numbers[steps], owners(offsets, steps)
    deviations = here.std(axis=0)
    changes = np.abs(numbers[steps + 1] - here)[:, deviations > 0] / deviations[deviations > 0]
    summed = np.bincount(of, changes.sum(axis=1), n)
    return summed / np.maximum(1, np.bincount(of, minlength=n))


def _trajectory(case: Case, told: Predictors) -> Finding | None:
    costs, steps = _some_costs(case)
    of = np.repeat(np.arange(len(case.lengths)), case.lengths)[steps]
    share = explained(costs, of)
    if share < EXPLAINS_TRAJECTORY or float(costs.std()) < 0.05:
        return None
    evidence = f"{share:.0%} of the variance of c lies between trajectories, {1 - share:.0%} within them"
    if case.unseen is not None:  # evidence alone: where only one behaviour fails in a way, nobody learns it from others
        auc = case.unseen.label_auc
        evidence += f"; without a trajectory's kind of behaviour, costs correlate by {case.unseen.agreement:.2f}"
        evidence += "" if auc is None else f" and tell its label with AUC {auc:.2f} (with it: {told.network:.2f})"
    return Finding(
        cause="follows_trajectory",
        symptom="shortcut",
        title="The cost follows the trajectory instead of the step",
        evidence=evidence,
        why="the network recognises which trajectory, or whose, a step belongs to, instead of what is unsafe in it",
        cure="Train for fewer updates, mark segments, or leave out what is constant in a trajectory.",
        harm=0.7,
        settings=(f"cost.updates={max(1, case.config.cost.updates // 4)}",),
        figure=_spreads(case, costs, of) if case.unseen is None else _seen_and_unseen(case),
    )


def _spreads(case: Case, costs: np.ndarray, of: np.ndarray) -> Evidence:
    """Of each trajectory, the mean of c and its deviation; `of`: whose the costs are."""
    assert case.mean_costs is not None
    order = np.argsort(case.mean_costs)
    within = np.sqrt(
        np.maximum(
            np.bincount(of, costs**2, len(order)) / np.bincount(of, minlength=len(order)) - case.mean_costs**2, 0
        )
    )
    points = Series(
        "trajectories", tuple(case.mean_costs[order].tolist()), tuple(within[order].tolist()), "learned cost"
    )
    return Evidence("points", "mean c of a trajectory", "deviation of c within it", (points,))


def _seen_and_unseen(case: Case) -> Evidence:
    """Of each trajectory, the mean of c against what networks say of it that have not seen its behaviour."""
    assert case.mean_costs is not None
    assert case.unseen is not None
    is_marked, is_known = case.labels == "non_preferred", ~np.isnan(case.unseen.means)
    of = (("marked", "non_preferred", is_known & is_marked), ("others", "none", is_known & ~is_marked))
    series = tuple(
        Series(words, tuple(case.mean_costs[which].tolist()), tuple(case.unseen.means[which].tolist()), label)
        for words, label, which in of
    )
    return Evidence("points", "mean c of a trajectory", "without its kind of behaviour", series)


def _predictors(case: Case, sources: np.ndarray) -> Predictors:
    is_marked = case.labels == "non_preferred"
    assert case.mean_costs is not None
    return Predictors(
        network=_auc(case.mean_costs, is_marked),
        length=_either_way(_auc(case.lengths, is_marked)),
        time=_either_way(_time_auc(case)),
        source=_auc(_marked_of_source(sources, is_marked), is_marked),
        slowness=_auc(-paces(case.trajectories), is_marked),
        returns=None if case.returns is None else _either_way(_auc(case.returns, is_marked)),
    )


def _is_as_good(auc: float, told: Predictors, *, of_steps: bool = False) -> bool:
    return auc >= TELLS and (of_steps or auc >= told.network - AS_GOOD_AS)


def _auc(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """1/2 where one kind is missing."""
    found = roc_auc(scores, is_positive)
    return 0.5 if found is None else found


def _either_way(auc: float) -> float:
    return max(auc, 1 - auc)


def _marked_of_source(sources: np.ndarray, is_marked: np.ndarray) -> np.ndarray:
    """[N] share of the marked among the others of a trajectory's source; of all where it is the only one."""
    n = np.bincount(sources)[sources] - 1
    marked = np.bincount(sources, is_marked)[sources] - is_marked
    shares: np.ndarray = np.where(n > 0, marked / np.maximum(n, 1), is_marked.mean())
    return shares


def _time_auc(case: Case) -> float:
    """Of the time of the steps that non-preferred bags draw, against those of the others."""
    time, is_step_marked, is_step_other = _drawn(case)
    drawn = is_step_marked | is_step_other
    every = max(1, int(drawn.sum()) // MOST_STEPS)
    chosen = np.flatnonzero(drawn)[::every]
    return _auc(time[chosen], is_step_marked[chosen])


def _drawn(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[T] time, and whether a step may be drawn for non-preferred and for unlabelled bags."""
    is_marked = np.repeat(case.labels == "non_preferred", case.lengths)
    drawn = is_marked.copy()
    for trajectory, spans in case.segments.items():
        if spans and case.labels[trajectory] == "non_preferred":
            start = case.offsets[trajectory]
            drawn[start : case.offsets[trajectory + 1]] = False
            for first, last in spans:
                drawn[start + first : start + last + 1] = True
    return times(case.offsets), drawn, ~is_marked


def _some_costs(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Costs of evenly spaced steps, and which these are."""
    assert case.costs is not None
    steps = np.arange(0, len(case.costs), max(1, len(case.costs) // MOST_STEPS))
    return case.costs[steps].astype(np.float64), steps


def _time_bins(case: Case) -> np.ndarray:
    """[T] which of `N_TIMES` equal stretches of the longest trajectory a step lies in."""
    time = times(case.offsets)
    bins: np.ndarray = time * N_TIMES // (int(time.max()) + 1)
    return bins


def _by_time(case: Case) -> Evidence:
    costs, steps = _some_costs(case)
    bins = _time_bins(case)[steps]
    n = np.maximum(np.bincount(bins, minlength=N_TIMES), 1)
    _, drawn, _ = _drawn(case)
    middles = tuple(((np.arange(N_TIMES) + 0.5) * int(case.lengths.max()) / N_TIMES).tolist())
    cost = Series("mean c", middles, tuple((np.bincount(bins, costs, N_TIMES) / n).tolist()), "learned cost")
    marked = np.bincount(bins, drawn[steps], N_TIMES) / max(1, int(drawn[steps].sum()))
    share = Series("share of the marked steps", middles, tuple(marked.tolist()), "non_preferred")
    return Evidence("lines", "time index", "", (cost, share))
