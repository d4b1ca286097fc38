"""A sweep as if it had been done, for pages and charts."""

from __future__ import annotations

from pathlib import Path

from safemil_core.running.sweeps.sweep_folder import Sweep, SweepStore
from safemil_core.running.sweeps.trials import Row, wanted_trials
from safemil_core.workspace import Workspace

SPEC = """
name = "bags"
question = "How many trajectories should a bag hold?"
datasets = ["walks"]
seeds = 3
episodes = 0
metrics = ["step_auc"]
[labels]
n_non_preferred = 4
share = 0.5
[base]
cost.hidden_sizes = [8]
cost.updates = 20
[grid]
cost.bag_size = [4, 8]
"""


def done_sweep(workspace: Workspace, spec_file: Path, n_done: int = 6, spec: str = SPEC) -> Sweep:
    """The first trials of SPEC, or of one like it, over `walks`: seed s has AUC 0.5 + s / 10; 8 in a bag, 0.2 more."""
    spec_file.write_text(spec)
    sweep = SweepStore(workspace).take(spec_file)
    for trial in wanted_trials(workspace, sweep.spec)[:n_done]:
        auc = 0.5 + trial.seed / 10 + (0.2 if trial.config.cost.bag_size == 8 else 0.0)
        sweep.keep(Row.about(trial, measured=({"step_auc": auc},), seconds=30.0, code="c0de"))
    return sweep
