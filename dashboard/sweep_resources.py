"""Experiments: those of the workspace and those that are ready to begin, and what came of them, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dashboard.caches import copied
from dashboard.resources import datasets, shows_truth, workspace
from safemil_core.running.sweeps.spec import SweepSpec, read_spec
from safemil_core.running.sweeps.summary import observations, summary
from safemil_core.running.sweeps.sweep_folder import Sweep, SweepStore
from safemil_core.running.sweeps.trials import Row, rows_by_trial, wanted_trials

READY = Path(__file__).parents[1] / "assets" / "experiments"


@dataclass(frozen=True)
class Experiment:
    """One to look at or to begin."""

    spec_file: Path
    spec: SweepSpec
    sweep: Sweep | None
    """Its folder, once it was begun."""
    missing: tuple[str, ...]
    """Those of its datasets that are not there."""

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True)
class Results:
    """What has come of an experiment until now."""

    n_trials: int
    rows: list[Row]
    table: pd.DataFrame
    """See `summary`."""


def experiments() -> list[Experiment]:
    """Those of the workspace by name, then the ready ones that have not begun, first those that lack no dataset."""
    known = {info.name for info in datasets().list()}

    def experiment(spec_file: Path, spec: SweepSpec, sweep: Sweep | None = None) -> Experiment:
        return Experiment(spec_file, spec, sweep, tuple(name for name in spec.datasets if name not in known))

    begun = [experiment(sweep.spec_file, sweep.spec, sweep) for sweep in SweepStore(workspace()).list()]
    ready = [experiment(path, read_spec(path)) for path in sorted(READY.glob("*.toml"))]
    new = [one for one in ready if one.name not in {other.name for other in begun}]
    return [*begun, *sorted(new, key=lambda one: bool(one.missing))]


@copied(max_entries=20)
def results(sweep: Sweep) -> Results:
    """Of the trials that its specification asks for now. Raises NotFound where a dataset is not there."""
    spec = sweep.spec
    trials = wanted_trials(workspace(), spec)
    rows = list(rows_by_trial(trials, sweep.rows()).values())
    return Results(len(trials), rows, summary(observations(rows, spec), spec))


def hidden_datasets(spec: SweepSpec) -> list[str]:
    """Those of its datasets whose truth is hidden, which its results would tell."""
    known = {info.name: info for info in datasets().list()}
    return [name for name in spec.datasets if name in known and not shows_truth(known[name])]
