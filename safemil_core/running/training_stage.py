"""The training stage of a run: dataset and labels in; networks, costs, weights and outcome in the run's folder."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from safemil_core.assessment.diagnosis import diagnose
from safemil_core.assessment.evaluation import rank_correlation, roc_auc
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.trajectories import TrajectorySet, times
from safemil_core.errors import NotFound
from safemil_core.learning import training
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.model_files import save_cost, save_policy
from safemil_core.learning.weights import cloning_weights, trajectory_costs
from safemil_core.running.runs import OnProgress, Run, State, begin
from safemil_core.workspace import Workspace, whole_file


def train_run(workspace: Workspace, run: Run, device: str = "auto", on_progress: OnProgress = lambda _: None) -> None:
    """Train a run to its end, or to where SIGTERM or Ctrl-C stops it; what was learned by then is scored and kept.

    Raises:
        SafeMILError: the dataset is gone or has changed, there is no such device, or training diverged.
    """
    config = run.config
    with _stop_signal() as is_asked_to_stop:
        chosen = training.pick_device(device)
        progress = begin(training.n_updates(config), str(chosen))
        run.write_progress(progress)
        trajectories, labels = _load(workspace, run)
        data = training.TrainingData.of(trajectories, labels, chosen)

        def report(update: int, row: training.Metrics) -> None:
            nonlocal progress
            run.append_metrics({key: round(value, 6) for key, value in row.items()})
            progress = replace(progress, done=update, updated_at=time.time())
            run.write_progress(progress)
            on_progress(progress)

        def checkpoint(update: int, networks: training.Networks) -> None:
            _save_networks(run, run.folder / "checkpoints" / f"{update:08d}", networks, trajectories)

        networks = training.train(
            data, config, on_metrics=report, on_checkpoint=checkpoint, should_stop=is_asked_to_stop
        )
        _save_networks(run, run.folder, networks, trajectories)
        _write_outcome(run, networks, data, trajectories, time.time() - progress.started_at)
        state: State = "stopped" if progress.done < progress.total else "done"
        progress = replace(progress, state=state, updated_at=time.time())
        run.write_progress(progress)
    on_progress(progress)


def _load(workspace: Workspace, run: Run) -> tuple[TrajectorySet, np.ndarray]:
    """The trajectories that the run was made for, and their labels as they were then."""
    datasets, info = DatasetStore(workspace, Database(workspace.database)), run.info
    if datasets.info(info.dataset).id != info.dataset_id:
        raise NotFound(f"dataset {info.dataset!r} is not the one that run {run.id} was made for; start a new run")
    return datasets.open(info.dataset), datasets.labels(info.dataset).current(info.label_snapshot)


def _save_networks(run: Run, folder: Path, networks: training.Networks, trajectories: TrajectorySet) -> None:
    config, sizes = run.config, (trajectories.observations.shape[1], trajectories.actions.shape[1])
    save_cost(folder / "cost.safetensors", networks.cost, config.cost, *sizes)
    save_policy(folder / "safe.safetensors", networks.safe, config.policy, *sizes)
    save_policy(folder / "bc.safetensors", networks.bc, config.policy, *sizes)


def _write_outcome(
    run: Run, networks: training.Networks, data: training.TrainingData, trajectories: TrajectorySet, seconds: float
) -> None:
    """Score every step, and only then look at the true costs, for comparison."""
    config, offsets = run.config, data.offsets
    costs = score_steps(networks.cost, data.observations, data.actions)
    weights = cloning_weights(costs, offsets, data.labels, config.weights, config.cost.gamma)
    sums = trajectory_costs(costs, offsets, config.cost.gamma, config.weights.per_length)
    lengths = np.diff(offsets)
    _write_table(run, "costs.parquet", {
        "trajectory": np.repeat(np.arange(len(lengths)), lengths),
        "step": times(offsets),
        "cost": costs,
    })  # fmt: skip
    _write_table(run, "trajectories.parquet", {
        "trajectory": np.arange(len(lengths)),
        "length": lengths,
        "label": data.labels,
        "cost_sum": sums,
        "weight": weights.trajectories,
    })  # fmt: skip
    true_costs = trajectories.true_costs()
    known = trajectories.costs is not None
    run.write_json("outcome.json", {
        "step_auc": roc_auc(costs, np.asarray(trajectories.costs) > 0) if known else None,
        "trajectory_spearman": None if true_costs is None else rank_correlation(sums, true_costs),
        "findings": [asdict(finding) for finding in diagnose(run.metrics(), config)],
        "seconds": round(seconds, 1),
    })  # fmt: skip


def _write_table(run: Run, name: str, columns: dict[str, np.ndarray]) -> None:
    with whole_file(run.folder / name) as temporary:
        pd.DataFrame(columns).to_parquet(temporary, index=False)


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    """Turns SIGTERM and Ctrl-C into a question that the training loop asks; the second one kills as usual."""
    asked = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
