"""The signs of a cost that has collapsed, which its causes share: a cost that tells nothing from nothing.

The Bradley-Terry loss stays at log 2, c hardly varies, the gap between the bags' scores lies within its own noise, or
marked trajectories cost no more than others. One is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Self

import numpy as np
import pandas as pd

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Series
from safemil_core.assessment.evaluation import roc_auc

LOG_2 = log(2.0)
RECENT_ROWS = 8
"""Rows of metrics that a finding looks back on."""
FLAT_SPREAD = 0.02
"""A standard deviation of c over the data below this, of a range of 1, tells no step from another."""
MOST_SATURATED = 0.95
"""Share of the steps with c below 0.01 or above 0.99."""
MOST_BY_CHANCE = 0.45
"""Of an AUC above 1/2: by one mark alone chance could reach more than there is."""
_BINS = 20


@dataclass(frozen=True)
class Signs:
    """Of a learned cost, over all steps."""

    spread: float
    """Standard deviation of c."""
    saturated: float
    """Share of the steps with c below 0.01 or above 0.99."""
    auc: float
    """How well the mean cost tells the marked trajectories from the others, on those that it was learned from."""
    auc_noise: float
    """Standard deviation of that AUC where costs mean nothing (Mann and Whitney, 1947)."""
    loss: float | None
    """Mean of the last logged ones; None before there are enough."""
    is_gap_noise: bool

    @classmethod
    def of(cls, case: Case) -> Self | None:
        """None without learned costs, or where all are marked or none."""
        costs, mean_costs = case.costs, case.mean_costs
        if costs is None or mean_costs is None:
            return None
        auc = roc_auc(mean_costs, case.labels == "non_preferred")
        if auc is None:
            return None
        rows = learning_rows(case.metrics)
        n, m = len(case.marked), len(case.others)
        return cls(
            spread=float(costs.std(dtype=np.float64)),
            saturated=float(((costs < 0.01) | (costs > 0.99)).mean()),
            auc=auc,
            auc_noise=sqrt((n + m + 1) / (12 * n * m)),
            loss=None if rows.empty else float(rows["cost_loss"].mean()),
            is_gap_noise=is_gap_noise(rows),
        )

    @property
    def is_flat(self) -> bool:
        """Whether c is the same everywhere."""
        return self.spread < FLAT_SPREAD

    @property
    def is_collapsed(self) -> bool:
        """Whether the cost tells nothing from nothing."""
        by_chance = min(2 * self.auc_noise, MOST_BY_CHANCE)
        return self.is_flat or self.is_gap_noise or self.auc - 0.5 < by_chance

    def title(self, what: str) -> str:
        """Of a finding that names a cause, with the collapse where there is one."""
        return f"The cost has collapsed: {what}" if self.is_collapsed else f"The cost is badly learned: {what}"

    def harm(self, otherwise: float) -> float:
        """Of a finding that explains a collapse, or else is as harmful as this."""
        return 0.95 if self.is_collapsed else otherwise

    def __str__(self) -> str:
        loss = "" if self.loss is None else f"loss {self.loss:.3f} ({LOG_2:.3f} is guessing), "
        return (
            f"{loss}spread of c {self.spread:.4f}, saturated {self.saturated:.0%}, AUC of the marked against the "
            f"others {self.auc:.2f}"
        )


def learning_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The last rows in which the cost learned; none before there are `RECENT_ROWS`."""
    rows = metrics.dropna(subset=["cost_loss"]) if "cost_loss" in metrics else metrics[:0]
    return rows.tail(RECENT_ROWS) if len(rows) >= RECENT_ROWS else rows[:0]


def is_gap_noise(rows: pd.DataFrame) -> bool:
    """Whether bags score alike: a mean gap within two standard errors of 0, and a loss no better than chance."""
    if rows.empty:
        return False
    gap = rows["score_non_preferred"] - rows["score_unlabelled"]
    is_small = gap.mean() <= 2 * gap.std(ddof=1) / len(gap) ** 0.5
    return bool(is_small and rows["cost_loss"].mean() > LOG_2 - 0.01)


def loss_curve(metrics: pd.DataFrame) -> Evidence:
    """The loss over training against guessing."""
    rows = metrics.dropna(subset=["cost_loss"])
    updates = tuple(rows["update"].astype(float))
    series = Series("loss of the cost", updates, tuple(rows["cost_loss"].astype(float)), "learned cost")
    return Evidence("lines", "update", "loss (dashed: guessing)", (series,), threshold=LOG_2)


def cost_histogram(case: Case) -> Evidence:
    """How c lies over the steps of the marked and of the others; of the costs that there are."""
    assert case.costs is not None
    edges = np.linspace(0, 1, _BINS + 1)
    is_marked = np.repeat(case.labels == "non_preferred", case.lengths)
    series = []
    for name, of in (("non_preferred", case.costs[is_marked]), ("none", case.costs[~is_marked])):
        counts = np.histogram(of, edges)[0] / max(1, len(of))
        words = "marked" if name == "non_preferred" else "others"
        series.append(Series(words, tuple((edges[:-1] + 0.5 / _BINS).tolist()), tuple(counts.tolist()), name))
    return Evidence("bars", "learned cost c of a step", "share of the steps", tuple(series))
