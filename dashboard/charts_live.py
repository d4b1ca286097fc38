"""Curves of runs, while they train and after: which there are, and what they are called. Drawing is `curves`' part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.charts_theme import (
    LEARNED_COST,
    NON_PREFERRED,
    POLICY_COLOURS,
    POLICY_WORDS,
    PREFERRED,
    TRUE_COST,
    UNLABELLED,
)
from safemil_core.assessment.doctor.signs import LOG_2

_POLICIES = {"policy_loss": "safe", "bc_loss": "bc"}


@dataclass(frozen=True)
class Curve:
    """One line over the updates."""

    name: str
    x: np.ndarray
    """[P] in ascending order."""
    y: np.ndarray
    """[P]; where it is not a finite number, the line goes on to the next point."""
    colour: str
    dash: tuple[int, ...] = ()
    """Lengths of strokes and gaps in pixels; empty: one stroke."""


@dataclass(frozen=True)
class Panel:
    """Curves that share their axes."""

    title: str
    curves: tuple[Curve, ...]
    x_name: str = "update"


def panels(metrics: pd.DataFrame) -> list[Panel]:
    """What shows whether a run learns: one row per logged update, columns as `learning.training` writes them."""
    loss = _curves(metrics, {"cost_loss": ("loss", LEARNED_COST)})
    scores = {
        "score_non_preferred": ("non-preferred", NON_PREFERRED),
        "score_unlabelled": ("unlabelled", UNLABELLED),
        "score_preferred": ("preferred", PREFERRED),
    }
    costs = {
        "cost_spread": ("spread over the steps", LEARNED_COST),
        "cost_mean": ("mean", UNLABELLED),
        "disagreement": ("disagreement of the networks", TRUE_COST),
    }
    policies = {column: (POLICY_WORDS[name], POLICY_COLOURS[name]) for column, name in _POLICIES.items()}
    of_policies = Panel("Losses of the policies", _curves(metrics, policies))
    if not loss:
        return [of_policies]  # a method without costs
    return [
        Panel("Loss of the cost network", (*loss, *(_guessing(curve) for curve in loss))),
        Panel("Scores of the bags", _curves(metrics, scores)),
        Panel("Learned cost c", _curves(metrics, costs)),
        of_policies,
    ]


def _guessing(loss: Curve) -> Curve:
    """The loss of who cannot tell one bag from the other, as far as the other curve goes."""
    ends = loss.x[np.isfinite(loss.y)][[0, -1]]
    return Curve("guessing (log 2)", ends, np.full(2, LOG_2), UNLABELLED, dash=(4, 4))


def _curves(metrics: pd.DataFrame, names: dict[str, tuple[str, str]]) -> tuple[Curve, ...]:
    """The columns that are logged, each by its name and colour."""
    x = metrics["update"].to_numpy()
    logged = {column: about for column, about in names.items() if column in metrics and metrics[column].notna().any()}
    return tuple(Curve(name, x, metrics[column].to_numpy(), colour) for column, (name, colour) in logged.items())
