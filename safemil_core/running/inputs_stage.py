"""The inputs stage of a run: its cost network and dataset in; which inputs the cost goes by out."""

from __future__ import annotations

from safemil_core.assessment.input_importance import input_importance
from safemil_core.data.datasets import DatasetStore
from safemil_core.learning.arithmetic import prepare_process
from safemil_core.learning.model_files import load_cost
from safemil_core.learning.training_data import CPU, TrainingData
from safemil_core.running.importances import write_importance
from safemil_core.running.progress import Reports
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace


def weigh_inputs(workspace: Workspace, run: Run) -> None:
    """Measure how much each input matters to a run's cost, and keep it.

    Raises:
        SafeMILError: the cost is not learned yet, or the run's dataset is gone.
    """
    network = load_cost(run.model("cost"))
    datasets = DatasetStore.of(workspace)
    dataset = datasets.info(run.info.dataset)
    run.require_dataset(dataset)
    labels = run.trajectories()["label"].to_numpy(str)
    reports = Reports(Task.of_run("inputs", run).progress_file)
    prepare_process()
    data = TrainingData.of(datasets.open(dataset.name), labels, CPU, action_parts=dataset.actions)
    table = input_importance(network, data, dataset.actions, on_progress=reports.done)
    names = [*dataset.number_names, *(part.name for part in dataset.images)]
    table.insert(0, "input", names)
    write_importance(run, table)
    reports.end()
