"""The training stage of a run: dataset and labels in; networks, costs, weights and outcome in the run's folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from safemil_core.assessment.diagnosis import diagnose
from safemil_core.assessment.evaluation import rank_correlation, roc_auc
from safemil_core.config import RunConfig
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.trajectories import TrajectorySet, times
from safemil_core.errors import NotFound, SafeMILError
from safemil_core.learning import training
from safemil_core.learning.model_files import save_cost, save_policy
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import cloning_weights, trajectory_costs
from safemil_core.running.progress import OnProgress, State, begin
from safemil_core.running.runs import Run
from safemil_core.workspace import Workspace, whole_file

SMALL_BAG = 2_048
"""Steps: on two cores, bags of 128 are a fifth faster on one thread, bags of 38,400 half as fast again on two."""


def train_run(workspace: Workspace, run: Run, device: str = "auto", on_progress: OnProgress = lambda _: None) -> None:
    """Train a run to its end, or to where SIGTERM or Ctrl-C stops it; what was learned by then is scored and kept.

    Raises:
        SafeMILError: the dataset is gone or has changed, there is no such device, or training diverged.
    """
    with _stop_signal() as is_asked_to_stop:
        try:
            _train(workspace, run, training.pick_device(device), on_progress, is_asked_to_stop)
        except SafeMILError as problem:
            run.write_progress(replace(run.progress, state="failed", message=str(problem), updated_at=time.time()))
            raise


def _train(
    workspace: Workspace, run: Run, device: torch.device, on_progress: OnProgress, should_stop: Callable[[], bool]
) -> None:
    config = run.config
    progress = begin(training.n_updates(config), str(device))
    run.write_progress(progress)
    trajectories, data = _load(workspace, run, device)
    torch.set_num_threads(_n_threads(config, trajectories))
    on_progress(progress)

    def report(update: int, row: training.Metrics) -> None:
        nonlocal progress
        run.append_metrics({key: round(value, 6) for key, value in row.items()})
        progress = replace(progress, done=update, updated_at=time.time())
        run.write_progress(progress)
        on_progress(progress)

    networks = training.train(
        data,
        config,
        on_metrics=report,
        on_checkpoint=lambda update, networks: _save_networks(
            run, run.folder / "checkpoints" / f"{update:08d}", networks, data.sizes
        ),
        should_stop=should_stop,
        on_costs=lambda costs: _write_costs(run, costs, data),
    )
    _save_networks(run, run.folder, networks, data.sizes)
    _write_outcome(run, trajectories, time.time() - progress.started_at)
    state: State = "stopped" if progress.done < progress.total else "done"
    progress = replace(progress, state=state, updated_at=time.time())
    run.write_progress(progress)
    on_progress(progress)


def _n_threads(config: RunConfig, trajectories: TrajectorySet) -> int:
    """One for small bags, which are faster so (and the same to the bit on any number of cores); else one a core."""
    steps_of_a_bag = config.cost.bag_size * (config.cost.window or int(trajectories.lengths.max()))
    return 1 if steps_of_a_bag <= SMALL_BAG else os.cpu_count() or 1


def _load(workspace: Workspace, run: Run, device: torch.device) -> tuple[TrajectorySet, TrainingData]:
    """The trajectories that the run was made for, and what training sees of them with what was said of them then."""
    datasets, info = DatasetStore(workspace, Database(workspace.database)), run.info
    dataset = datasets.info(info.dataset)
    if dataset.id != info.dataset_id:
        raise NotFound(f"dataset {info.dataset!r} is not the one that run {run.id} was made for; start a new run")
    trajectories, said = datasets.open(info.dataset), datasets.labels(info.dataset).state(info.label_snapshot)
    data = TrainingData.of(trajectories, said.labels, device, segments=said.segments, action_parts=dataset.actions)
    return trajectories, data


def _save_networks(run: Run, folder: Path, networks: training.Networks, sizes: tuple[int, int]) -> None:
    config = run.config
    save_cost(folder / "cost.safetensors", networks.cost, config.cost, *sizes)
    save_policy(folder / "safe.safetensors", networks.safe, config.policy, *sizes)
    save_policy(folder / "bc.safetensors", networks.bc, config.policy, *sizes)


def _write_costs(run: Run, costs: np.ndarray, data: TrainingData) -> None:
    """Step costs, trajectory costs and weights: pages can show them while the policies still train."""
    config, lengths = run.config, np.diff(data.offsets)
    weights = cloning_weights(costs, data.offsets, data.labels, config.weights, config.cost.gamma)
    trajectories = {
        "trajectory": np.arange(len(lengths)),
        "length": lengths,
        "label": data.labels,
        "cost_sum": trajectory_costs(costs, data.offsets, config.cost.gamma, config.weights.per_length),
        "weight": weights.trajectories,
    }
    steps = {"trajectory": np.repeat(trajectories["trajectory"], lengths), "step": times(data.offsets), "cost": costs}
    _write_table(run, "trajectories.parquet", trajectories)
    _write_table(run, "costs.parquet", steps)  # last: who sees it may read both


def _write_outcome(run: Run, trajectories: TrajectorySet, seconds: float) -> None:
    """How the run ended, and only now, for comparison, a look at the true costs."""
    learned, true_costs = run.costs()["cost"].to_numpy(), trajectories.true_costs()
    auc = spearman = None
    if trajectories.costs is not None and true_costs is not None:
        auc = roc_auc(learned, np.asarray(trajectories.costs) > 0)
        spearman = rank_correlation(run.trajectories()["cost_sum"].to_numpy(), true_costs)
    outcome = {
        "step_auc": auc,
        "trajectory_spearman": spearman,
        "findings": [asdict(finding) for finding in diagnose(run.metrics(), run.config)],
        "seconds": round(seconds, 1),
    }
    run.write_json("outcome.json", outcome)


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
