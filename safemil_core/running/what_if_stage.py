"""The what-if stage of a run: its cost network once more, under edited labels and under other seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safemil_core.assessment.what_if import edited
from safemil_core.clock import now
from safemil_core.config import RunConfig
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.influence import influence_features
from safemil_core.learning.model_files import load_cost
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.optimiser import State
from safemil_core.learning.refit import refit_cost, refit_under_seeds
from safemil_core.learning.training_data import TrainingData
from safemil_core.running.progress import Reports
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import load
from safemil_core.running.what_ifs import N_SEEDS, Refits, Request, Start, WhatIfs
from safemil_core.workspace import Workspace, whole_file

WARM_SHARE = 0.25
"""Of the run's updates, where a refit begins with the run's own network: it has most of the way behind it."""
N_LOOKS = 5
"""States of training that the preview is made from."""


def ask_what_if(workspace: Workspace, run: Run, device: str = "auto") -> None:
    """Do what `WhatIfs.request_file` asks for: refits of the unchanged labels, the preview, refits of the edited ones.

    What is there from an earlier time is not made again.

    Raises:
        SafeMILError: the dataset is gone or has changed, the edits make no sense, or training diverged.
    """
    kept, chosen = WhatIfs(run), pick_device(device)
    request = Request.read(kept.request_file)
    _, data = load(workspace, run, chosen)
    prepare_process()
    config = refit_config(run.config, request.start)
    has_unchanged = kept.unchanged(request.start) is not None
    n_fits = (0 if has_unchanged else N_SEEDS) + (0 if kept.has_preview else 1)
    n_fits += request.n_seeds if request.edits else 0
    reports = Reports(Task.of_run("what_if", run).progress_file, n_fits * config.cost.updates, str(chosen))

    def refits(labels: np.ndarray, n_seeds: int) -> Refits:
        before = reports.latest.done
        found = refit_under_seeds(
            replace(data, labels=labels),
            config,
            n_seeds,
            warm_start=_beginning(run, request.start),
            on_update=lambda done: reports.done(before + done),
        )
        return Refits(labels, found.seeds, found.costs, found.weights, request.start, request.author, now())

    if not has_unchanged:
        refits(data.labels, N_SEEDS).write(kept.unchanged_file(request.start))
    if not kept.has_preview:
        _prepare_preview(run, data, kept)
        reports.done(reports.latest.done + config.cost.updates)
    if request.edits:
        kept.keep(refits(edited(data.labels, request.edits), request.n_seeds))
    reports.end()


def refit_config(config: RunConfig, start: Start) -> RunConfig:
    """The settings of a refit: the run's own; with fewer updates where it begins with the run's network."""
    if start == "seed":
        return config
    updates = max(1, round(WARM_SHARE * config.cost.updates))
    return config.model_copy(update={"cost": config.cost.model_copy(update={"updates": updates})})


def _prepare_preview(run: Run, data: TrainingData, kept: WhatIfs) -> None:
    """Train as the run did once more, and make influence features of the states on the way."""
    config = run.config.model_copy(update={"checkpoint_every": max(1, run.config.cost.updates // N_LOOKS)})
    states: list[State] = []
    network = refit_cost(data, config, warm_start=_beginning(run, "seed"), on_state=states.append)
    features = influence_features(network, data, states[:N_LOOKS], config)
    with whole_file(kept.features_file) as temporary, temporary.open("wb") as file:
        np.save(file, features)


def _beginning(run: Run, start: Start) -> CostNetwork | None:
    """The network that a refit begins with; None: random first weights."""
    if start == "network":
        return load_cost(run.model("cost"))
    return load_cost(run.warm_file) if run.warm_file else None
