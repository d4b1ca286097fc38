"""The doctor's stage: what is known of a run in, what is wrong with it out. At the end of training, and as a task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from safemil_core.assessment.agreement import conflicts
from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.doctor.case import Case, NetworkFacts, seen_of
from safemil_core.assessment.doctor.examination import examine
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.shortcuts import behaviours
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.errors import InvalidConfig, NotReady
from safemil_core.learning.arithmetic import prepare_process
from safemil_core.learning.dead_units import dead_units
from safemil_core.learning.held_out import held_out_agreement
from safemil_core.learning.model_files import load_cost
from safemil_core.learning.training_data import CPU, TrainingData
from safemil_core.learning.unseen_costs import UnseenCosts
from safemil_core.running.doctor_results import read_unseen, write_findings, write_unseen
from safemil_core.running.progress import Reports
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace

MOST_UPDATES = 1_000
MOST_TRAINED_STEPS = 30_000_000
"""What networks that go without some of the behaviour may learn from, all together: about a minute on two cores."""


def examine_again(workspace: Workspace, run: Run) -> None:
    """Examine a run as a task.

    Raises:
        SafeMILError: as `examine_run`.
    """
    reports = Reports(Task.of_run("doctor", run).progress_file, total=1)
    examine_run(workspace, run, is_thorough=True)
    reports.end()


def examine_run(workspace: Workspace, run: Run, *, is_thorough: bool = False) -> list[Finding]:
    """Find out what is wrong with a run, its labels and its data, and keep it in the run's folder.

    Args:
        workspace: where the run is.
        run: as far as it has come.
        is_thorough: whether to train networks that go without some of the behaviour, which takes seconds to a minute;
            otherwise what such networks have said of the same cost network counts.

    Raises:
        SafeMILError: it has no costs yet, is not SafeMIL's, or the dataset that it was made for is gone.
    """
    if run.config.method != "safemil":
        raise InvalidConfig(
            f"run {run.id} is of method {run.config.method}, and the doctor knows only what goes wrong with safemil"
        )
    if not run.has_costs and not run.has_diverged:
        raise NotReady(f"run {run.id} has learned nothing yet; let its training end, or resume it where it has stopped")
    if is_thorough:
        prepare_process()
    case = case_of(workspace, run, is_thorough=is_thorough)
    if is_thorough and case.unseen is not None:
        write_unseen(run, case.unseen)
    findings = examine(case)
    write_findings(run, findings)
    return findings


def case_of(workspace: Workspace, run: Run, *, is_thorough: bool = False) -> Case:
    """What is known of a run of SafeMIL, without its true costs. Raises SafeMILError where its dataset is gone."""
    datasets, info = DatasetStore.of(workspace), run.info
    run.require_dataset(datasets.info(info.dataset))
    trajectories, table = datasets.open(info.dataset), datasets.table(info.dataset)
    dataset, labels = datasets.info(info.dataset), datasets.labels(info.dataset)  # the table brings the statistics
    said = labels.state(info.label_snapshot)
    network = run.model_file("cost")
    data = TrainingData.of(trajectories, said.labels, CPU, segments=said.segments, action_parts=dataset.actions)
    case = Case(
        trajectories=replace(trajectories, rewards=None, costs=None),
        labels=said.labels,
        config=run.config,
        descriptors=describe(table),
        inputs=_inputs(dataset),
        input_names=dataset.number_names,
        metrics=run.metrics(),
        costs=run.step_costs() if run.has_costs else None,
        spread=run.cost_spread() if run.has_costs else None,
        weights=run.trajectories()["weight"].to_numpy() if run.has_costs else None,
        segments=said.segments,
        tags=said.tags,
        conflicts=tuple(conflicts(labels.judgements(info.label_snapshot))),
        network=NetworkFacts(dead_units(load_cost(network), data)) if network.exists() else None,
        has_diverged=run.has_diverged,
        returns=table["return"].to_numpy() if "return" in table else None,
        evaluation=seen_of(run.evaluation),
    )
    if not run.has_costs:
        return case
    return replace(case, unseen=_unseen(case, data) if is_thorough else read_unseen(run))


def _unseen(case: Case, data: TrainingData) -> UnseenCosts | None:
    """By networks with the run's settings but for what `networks_without` leaves out, trained for as long or a little
    less; None where even that would take long."""
    config, clusters = case.config, behaviours(case.descriptors)
    updates = min(config.cost.updates, MOST_UPDATES)
    a_bag = config.cost.bag_size * (config.cost.window or int(case.lengths.max()))
    is_long = 2 * a_bag * updates * len(np.unique(clusters)) > MOST_TRAINED_STEPS
    if data.images or is_long:
        return None
    cost = config.cost.model_copy(update={"updates": updates})
    return held_out_agreement(data, config.model_copy(update={"cost": cost}), clusters)


def _inputs(dataset: DatasetInfo) -> Dimensions:
    """Of observations and, after them, actions."""
    observations, actions = dataset.statistics["observations"], dataset.statistics["actions"]
    return Dimensions(*(of + to for of, to in zip(vars(observations).values(), vars(actions).values(), strict=True)))
