"""The training stage of a run: dataset and labels in; networks, costs, weights and outcome in the run's folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from safemil_core.data.datasets import DatasetStore
from safemil_core.data.trajectories import TrajectorySet, times
from safemil_core.errors import Diverged
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.cost_model import StepCosts
from safemil_core.learning.model_files import load_cost, save_cost, save_policy
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training import Networks, Report, longest, train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights
from safemil_core.running.checkpoints import keep_checkpoint, newest_checkpoint
from safemil_core.running.doctor_stage import examine_run
from safemil_core.running.provenance import provenance
from safemil_core.running.run_folder import Run
from safemil_core.running.told_weights import told_weights
from safemil_core.workspace import Workspace, whole_file

OnUpdate = Callable[[int, int, str], None]
"""Told the updates done, how many there will be, and the device."""


def train_run(
    workspace: Workspace,
    run: Run,
    device: str = "auto",
    *,
    on_update: OnUpdate = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train a run from its newest checkpoint, or from the beginning, to its end or until it shall stop.

    What was learned until then is scored and kept, and training can go on from there: to the bit as if it had never
    stopped, on the same device.

    Returns:
        Whether it has come to its end.

    Raises:
        SafeMILError: the dataset is gone or has changed, there is no such device, or training diverged.
    """
    started, chosen, config = time.time(), pick_device(device), run.config
    update, state = newest_checkpoint(run)
    run.go_back_to(update)
    started -= run.seconds_trained()
    run.record(provenance(str(chosen)))
    run.log(f"training on {chosen} from " + (f"the checkpoint after {update} updates" if state else "the beginning"))
    watch = _Watch(run, str(chosen), Report(update, longest(config), {}), on_update, should_stop)
    trajectories, data = load(workspace, run, chosen)
    prepare_process()
    if watch.shall_stop():
        return False
    try:
        networks = train(
            data,
            config,
            on_report=watch.note,
            on_checkpoint=lambda update, state: keep_checkpoint(run, update, state),
            should_stop=watch.shall_stop,
            on_costs=lambda network, costs, weights: _write_costs(run, network, costs, weights, data),
            weights=told_weights(config, trajectories, data.labels),
            warm_start=load_cost(run.warm_file) if run.warm_file else None,
            resume=state,
        )
    except Diverged as problem:
        run.write_divergence(str(problem))
        if config.method == "safemil":
            examine_run(workspace, run)
        raise
    _save_policies(run, networks, data)
    _write_outcome(run, trajectories, time.time() - started)
    if config.method == "safemil":
        examine_run(workspace, run)
    return watch.has_ended


class _Watch:
    """A training as others see it: how far it is, told to who started it and kept with the run; and their wish that it
    stops."""

    def __init__(
        self, run: Run, device: str, latest: Report, on_update: OnUpdate, should_stop: Callable[[], bool]
    ) -> None:
        self._run, self._device, self._on_update, self._should_stop = run, device, on_update, should_stop
        self._is_asked = False
        self._tell(latest)

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end, and was not stopped before."""
        return self._latest.update >= self._latest.total or not self._is_asked

    def shall_stop(self) -> bool:
        """Whether anybody has asked; who did once has done so for good."""
        self._is_asked = self._is_asked or self._should_stop()
        return self._is_asked

    def note(self, latest: Report) -> None:
        """It has come so far."""
        self._run.append_metrics({key: round(value, 6) for key, value in latest.metrics.items()})
        self._tell(latest)

    def _tell(self, latest: Report) -> None:
        self._latest = latest
        self._on_update(latest.update, latest.total, self._device)


def load(workspace: Workspace, run: Run, device: torch.device) -> tuple[TrajectorySet, TrainingData]:
    """The trajectories that the run was made for, and what training sees of them with what was said of them then."""
    datasets, info = DatasetStore.of(workspace), run.info
    dataset = datasets.info(info.dataset)
    run.require_dataset(dataset)
    trajectories, said = datasets.open(info.dataset), datasets.labels(info.dataset).state(info.label_snapshot)
    data = TrainingData.of(trajectories, said.labels, device, segments=said.segments, action_parts=dataset.actions)
    return trajectories, data


def _save_policies(run: Run, networks: Networks, data: TrainingData) -> None:
    config = run.config
    save_policy(run.model_file("safe"), networks.safe, config.policy, data.sizes)
    assert networks.bc is not None
    save_policy(run.model_file("bc"), networks.bc, config.policy, data.sizes)


def _write_costs(run: Run, network: CostNetwork, costs: StepCosts, weights: CloningWeights, data: TrainingData) -> None:
    """Cost network, step costs, trajectory costs and weights: pages can show them while the policies still train."""
    save_cost(run.model_file("cost"), network, run.config.cost, data.sizes)
    lengths = np.diff(data.offsets)
    trajectories = {
        "trajectory": np.arange(len(lengths)),
        "length": lengths,
        "label": data.labels,
        "cost_sum": weights.costs,
        "weight": weights.trajectories,
    }
    numbers = np.repeat(trajectories["trajectory"], lengths)
    steps = {"trajectory": numbers, "step": times(data.offsets), "cost": costs.mean}
    if costs.spread is not None:
        steps["spread"] = costs.spread
    _write_table(run.table_file("trajectories"), trajectories)
    _write_table(run.table_file("costs"), steps)  # last: who sees it may read both


def _write_outcome(run: Run, trajectories: TrajectorySet, seconds: float) -> None:
    """How the run ended, and only now, for comparison, a look at the true costs."""
    # A second, that the costs are not to wait for.
    from safemil_core.assessment.evaluation import rank_correlation, roc_auc

    true_costs = trajectories.true_costs()
    auc = spearman = None
    if run.has_costs and trajectories.costs is not None and true_costs is not None:
        auc = roc_auc(run.step_costs(), np.asarray(trajectories.costs) > 0)
        spearman = rank_correlation(run.trajectories()["cost_sum"].to_numpy(), true_costs)
    run.write_outcome({"step_auc": auc, "trajectory_spearman": spearman, "seconds": round(seconds, 1)})


def _write_table(path: Path, columns: dict[str, np.ndarray]) -> None:
    with whole_file(path) as temporary:
        pd.DataFrame(columns).to_parquet(temporary, index=False)
