"""Inputs: measured by a task on request, shown with their names; what they add at the chosen step at once."""

import numpy as np
import pandas as pd
import pytest
import run_fixtures as runs
from factories import save_untrained
from run_fixtures import open_page

from safemil_core.learning.cost_function import read_cost_function
from safemil_core.learning.networks import Sizes
from safemil_core.running import tasks
from safemil_core.running.importances import write_importance
from safemil_core.running.progress import Progress, write_progress
from safemil_core.running.tasks import Task


@pytest.fixture
def run(workspace, info):
    """A finished run with a network, which is untrained."""
    run = runs.finish(runs.new_run(workspace, info), workspace)
    save_untrained(run.folder, Sizes(4, 2), ("cost",))
    return run


def open_inputs(run):
    app = open_page("costs", run=run.id, section="inputs", trajectory=5, step=7)
    assert not app.exception
    return app


def test_the_button_starts_the_task(workspace, info, run, monkeypatch):
    started = []
    app = open_inputs(run)
    monkeypatch.setattr(tasks, "start", lambda of, task: started.append(task))
    (button,) = [each for each in app.button if each.label == "Measure which inputs matter"]
    button.click().run()
    assert Task.of_run("inputs", run) in started


def test_what_was_measured_is_shown_by_name(workspace, info, run):
    Task.of_run("inputs", run).folder.mkdir()
    numbers = dict.fromkeys(("auc_drop", "auc_drop_spread", "cost_change", "gradient"), np.arange(6) / 10)
    write_importance(run, pd.DataFrame({"input": [*info.observation_names, *info.action_names], **numbers}))
    app = open_inputs(run)
    ticks = runs.figure(app, "costs.inputs.overall")["layout"]["yaxis"]["ticktext"]
    assert ticks == [*info.observation_names, *info.action_names][::-1]
    assert "Measure which inputs matter" not in [button.label for button in app.button]


def test_a_task_that_failed_says_why_and_can_be_started_again(workspace, info, run):
    task = Task.of_run("inputs", run)
    task.folder.mkdir()
    write_progress(task.progress_file, Progress("failed", message="there was no memory left"))
    app = open_inputs(run)
    assert app.error[0].value == "there was no memory left"
    assert "Measure which inputs matter" in [button.label for button in app.button]


def test_what_the_inputs_add_leads_from_the_mean_step_to_the_cost_of_the_chosen_one(workspace, info, run):
    (waterfall,) = runs.figure(open_inputs(run), "costs.inputs.step")["data"]
    trajectories = runs.store(workspace).open("walks")
    function = read_cost_function(run.model("cost"), info.actions)
    numbers = np.concatenate([trajectories.observations, trajectories.actions], axis=1)
    step = numbers[int(trajectories.offsets[5]) + 7]
    assert sum(waterfall["x"][:-1]) == pytest.approx(function.costs(step[None])[0], abs=1e-4)
    assert waterfall["x"][0] == pytest.approx(function.costs(numbers.mean(axis=0)[None])[0], abs=1e-5)
