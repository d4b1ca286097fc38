"""The rows of a sweep as one table: medians over seeds with bootstrap intervals, and over the datasets together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from safemil_core.assessment.intervals import N_RESAMPLES, Interval, interval
from safemil_core.running.sweeps.spec import Metric, SweepSpec
from safemil_core.running.sweeps.trials import Row, alike, tried

ALL_DATASETS = "all datasets"
ENDINGS = {"": "mean", " low": "low", " high": "high"}
"""Of a metric's columns, and what of its interval they hold."""
METRIC_WORDS: dict[Metric, str] = {
    "step_auc": "step AUC",
    "rank_correlation": "rank correlation",
    "step_auc_unmarked": "step AUC, unmarked",
    "rank_correlation_unmarked": "rank correlation, unmarked",
    "return": "return",
    "cost": "cost",
    "cvar_cost": "CVaR@20% cost",
    "length": "length",
    "satisfaction": "satisfaction",
    "return_normalised": "normalised return",
    "cost_normalised": "normalised cost",
    "unseen_agreement": "agreement on unseen behaviour",
    "unseen_label_auc": "AUC of the labels, unseen",
}
DIGITS: dict[Metric, int] = {"return": 1, "length": 1, "cost": 2, "cvar_cost": 2}
"""After the point, where that is not 3."""
UNKNOWN: Interval = dict.fromkeys(ENDINGS.values(), float("nan"))

Statistic = Callable[[pd.DataFrame, str], Interval]
"""Of a metric over the trials of a group."""


def observations(rows: Iterable[Row], spec: SweepSpec) -> pd.DataFrame:
    """One line for each look at each trial: dataset, seed, what varied, `updates` where there are several, metrics.

    A trial that failed has none; one that several settings come to has one of each of them.
    """
    has_updates = len(spec.updates) > 1
    groups = ([_cells(settings) for settings in same] for same in alike(spec))
    sharing = {frozenset(cells.items()): same for same in groups for cells in same}
    lines = []
    for row in rows:
        own = _cells(row.settings)
        for look in row.measured if has_updates else row.measured[-1:]:
            metrics = {name: value for name, value in look.items() if has_updates or name != "updates"}
            for cells in sharing.get(frozenset(own.items()), [own]):
                lines.append({"dataset": row.dataset, "seed": row.seed, **cells, **metrics})
    return pd.DataFrame(lines)


def summary(seen: pd.DataFrame, spec: SweepSpec) -> pd.DataFrame:
    """Medians over the seeds of each dataset and setting; where there are several datasets, last their medians.

    Args:
        seen: from `observations`.
        spec: of the sweep.

    Returns:
        Columns: dataset, what varied, updates where there are several, `n` (trials), and of each metric its name,
        `NAME low` and `NAME high`, the 95 % bootstrap interval. NaN where no trial has that metric, or an interval has
        one seed alone to go by.
    """
    keys, wanted = group_keys(spec), spec.shown
    parts: list[tuple[str, pd.DataFrame, Statistic]] = []
    if not seen.empty:
        parts = [(name, seen[seen["dataset"] == name], _over_seeds) for name in spec.datasets]
    if len(parts) > 1:
        parts.append((ALL_DATASETS, seen, partial(_over_datasets, n_datasets=len(spec.datasets))))
    lines = [
        {"dataset": name, **place, "n": len(group)} | _columns({metric: over(group, metric) for metric in wanted})
        for name, part, over in parts
        for place, group in _groups(part, keys, spec)
    ]
    metric_columns = [f"{metric}{ending}" for metric in wanted for ending in ENDINGS]
    return pd.DataFrame(lines, columns=["dataset", *keys, "n", *metric_columns])


def group_keys(spec: SweepSpec) -> list[str]:
    """What tells the lines of a summary apart, beside the dataset."""
    return [*spec.varied, *(["updates"] if len(spec.updates) > 1 else [])]


def readable(table: pd.DataFrame, spec: SweepSpec) -> pd.DataFrame:
    """A summary for people: each metric as `median [low, high]`, without brackets or a dash where it is not known."""
    shown = table[["dataset", *group_keys(spec), "n"]].copy()
    for metric in spec.shown:
        columns = (table[f"{metric}{ending}"] for ending in ENDINGS)
        shown[METRIC_WORDS[metric]] = [
            _words(DIGITS.get(metric, 3), *numbers) for numbers in zip(*columns, strict=True)
        ]
    return shown


def markdown(table: pd.DataFrame, spec: SweepSpec) -> str:
    """A summary as a table in Markdown, aligned so that it can be read as it is."""
    shown = readable(table, spec).astype(str)
    cells = [list(shown.columns), *shown.to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _words(digits: int, middle: float, low: float, high: float) -> str:
    if middle != middle:  # NaN
        return "—"
    bounds = f" [{low:.{digits}f}, {high:.{digits}f}]" if low == low else ""
    return f"{middle:.{digits}f}{bounds}"


def _groups(seen: pd.DataFrame, keys: list[str], spec: SweepSpec) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """By what varied, in the order of the specification."""
    if not keys:
        yield {}, seen
        return
    groups = dict(iter(seen.groupby(keys, sort=False, dropna=False)))
    looks: list[dict[str, Any]] = [{"updates": n} for n in spec.updates] if "updates" in keys else [{}]
    for settings, look in itertools.product(tried(spec), looks):
        place = {**_cells(settings), **look}
        if (group := groups.get(tuple(place.values()))) is not None:
            yield place, group


def _columns(found: Mapping[str, Interval]) -> dict[str, float]:
    return {f"{metric}{ending}": of[key] for metric, of in found.items() for ending, key in ENDINGS.items()}


def _over_seeds(group: pd.DataFrame, metric: str) -> Interval:
    """The median over the seeds of one dataset; of one seed alone nobody knows what another would say."""
    values = _values(group, metric)
    if len(values) > 1:
        return interval(values, np.median)
    return UNKNOWN | {"mean": float(values[0])} if len(values) else UNKNOWN


def _over_datasets(group: pd.DataFrame, metric: str, n_datasets: int) -> Interval:
    """The median over datasets of their medians; the interval by other draws of each dataset's seeds: the datasets are
    what they are. Unknown where one of them has no value: without a dataset that failed a line would look better."""
    per_task = [values for _, of in group.groupby("dataset", sort=False) if len(values := _values(of, metric))]
    if len(per_task) < n_datasets:
        return UNKNOWN
    middle = UNKNOWN | {"mean": float(np.median([np.median(values) for values in per_task]))}
    if min(map(len, per_task)) < 2:
        return middle
    rng = np.random.default_rng(0)
    drawn = [np.median(rng.choice(values, (N_RESAMPLES, len(values))), axis=1) for values in per_task]
    low, high = np.percentile(np.median(drawn, axis=0), (2.5, 97.5)).tolist()
    return middle | {"low": low, "high": high}


def _values(group: pd.DataFrame, metric: str) -> np.ndarray:
    """[n] of the trials that have it."""
    if metric not in group:
        return np.empty(0)
    values: np.ndarray = group[metric].dropna().to_numpy(dtype=np.float64)
    return values


def _cells(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as cells of a table: a list as text."""
    return {key: str(value) if isinstance(value, list | tuple) else value for key, value in settings.items()}
