"""The stop-labelling stage of a run: its cost network refitted as the marks of now came in, a few at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safemil_core.assessment.evaluation import roc_auc
from safemil_core.assessment.label_curve import (
    LabelCurve,
    curve_points,
    labels_after,
    mark_order,
    state_sizes,
    yet_to_come,
)
from safemil_core.clock import now
from safemil_core.data.datasets import DatasetStore
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.refit import UnderSeeds, refit_under_seeds
from safemil_core.running.label_curves import write_curve
from safemil_core.running.progress import Reports
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import load
from safemil_core.workspace import Workspace

N_SEEDS = 3


def draw_label_curve(workspace: Workspace, run: Run, author: str, device: str = "auto") -> None:
    """Make the curve with the labels of now and the run's settings, and keep it.

    States in which nothing is marked non-preferred yet are left out: nothing can be learned from them.

    Raises:
        SafeMILError: the dataset is gone or has changed, nothing can be learned from its labels, or training diverged.
    """
    chosen = pick_device(device)
    datasets, config = DatasetStore.of(workspace), run.config
    store = datasets.labels(run.info.dataset)
    snapshot = store.latest()
    said = store.state(snapshot)
    require_learnable(datasets.info(run.info.dataset), said.labels)
    _, data = load(workspace, run, chosen)
    data = replace(data, segments=said.segments)
    order, is_drawn = mark_order(said.labels, said.marked_at)
    states = {n: labels_after(said.labels, order, n) for n in state_sizes(len(order))}
    states = {n: labels for n, labels in states.items() if (labels == "non_preferred").any()}
    reports = Reports(Task.of_run("label_curve", run).progress_file, len(states) * N_SEEDS, str(chosen))
    prepare_process()

    def refits(labels: np.ndarray) -> UnderSeeds:
        before, seen = reports.latest.done, replace(data, labels=labels)
        return refit_under_seeds(
            seen, config, N_SEEDS, on_update=lambda done: reports.done(before + done // config.cost.updates)
        )

    held_out, weights = [], []
    for labels in states.values():
        found = refits(labels)
        is_open, comes = yet_to_come(labels, said.labels)
        held_out.append(roc_auc(found.costs.mean(axis=0)[is_open], comes))
        weights.append(found.weights)
    points = curve_points(list(states), list(states.values()), weights, held_out, np.diff(data.offsets))
    made_at = now()
    write_curve(run, LabelCurve(points, N_SEEDS, is_drawn, snapshot, author, made_at))
    reports.end()
