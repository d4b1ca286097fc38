"""How a run is, in a few words: what the doctor found, or while it trains what its metrics tell. Without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.immobile import ABOUT_RETURNS, DRAWN_WITH_RETURNS
from safemil_core.assessment.doctor.signs import learning_rows
from safemil_core.assessment.doctor.while_training import diagnose
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.run_folder import Run

State = Literal["healthy", "ill", "unknown"]


@dataclass(frozen=True)
class Health:
    """What is to be said of a run on one line."""

    state: State
    titles: tuple[str, ...] = ()
    """Of what was found, the most harmful first."""
    is_early: bool = False
    """Whether it still trains, so that this may change."""


def health_of(run: Run, metrics: pd.DataFrame, *, is_live: bool, shows_truth: bool) -> Health:
    """How a run is.

    Args:
        run: which.
        metrics: what it has logged so far.
        is_live: whether it still trains.
        shows_truth: whether what is about returns may be told.
    """
    found = findings_of(run, metrics, is_live=is_live, shows_truth=shows_truth)
    if found is None:
        return Health("unknown", is_early=is_live)
    return Health("ill" if found else "healthy", tuple(finding.title for finding in found), is_early=is_live)


def findings_of(run: Run, metrics: pd.DataFrame, *, is_live: bool, shows_truth: bool) -> list[Finding] | None:
    """What is wrong with a run, the most harmful first; None where that is not known (yet). Arguments as `health_of`.

    While it trains this is what its metrics tell: what was found before it was resumed does not count.
    """
    if is_live:
        config = run.known_config
        if config is None or config.method != "safemil" or learning_rows(metrics).empty:
            return None
        return diagnose(metrics, config)
    found = read_findings(run)
    return None if found is None else told(found, shows_truth=shows_truth)


def told(findings: Iterable[Finding], *, shows_truth: bool) -> list[Finding]:
    """Those that may be told: while the truth is hidden, nothing that shows returns."""
    if shows_truth:
        return list(findings)
    return [
        replace(finding, figure=None) if finding.cause in DRAWN_WITH_RETURNS else finding
        for finding in findings
        if finding.cause not in ABOUT_RETURNS
    ]
