"""The task that measures which inputs a run's cost goes by: its file, its process, and when it is out of date."""

import os

import numpy as np
import pandas as pd
import pytest
from factories import add_dataset, new_run, save_untrained

from safemil_core.errors import NotReady
from safemil_core.learning.networks import Sizes
from safemil_core.running.importances import importance_file, read_importance
from safemil_core.running.inputs_stage import weigh_inputs
from safemil_core.running.tasks import Task


@pytest.fixture
def run(workspace):
    """A run that counts as trained; its network is untrained."""
    info = add_dataset(workspace)
    run = new_run(workspace)
    save_untrained(run.folder, Sizes(2, 1), ("cost",))
    labels = np.array(["none"] * info.n_trajectories, dtype="U13")
    labels[[1, 3]] = "non_preferred"
    pd.DataFrame({"label": labels}).to_parquet(run.folder / "trajectories.parquet")
    pd.DataFrame({"cost": [0.5]}).to_parquet(run.folder / "costs.parquet")
    return run


def test_a_row_for_each_input_by_its_name_until_the_cost_is_learned_anew(workspace, run):
    assert read_importance(run) is None
    weigh_inputs(workspace, run)
    table = read_importance(run)
    assert table["input"].tolist() == ["obs 0", "obs 1", "action 0"]
    assert (table["cost_change"] > 0).all()
    progress = Task.of_run("inputs", run).progress
    assert (progress.state, progress.done) == ("done", progress.total)
    later = importance_file(run).stat().st_mtime + 5
    os.utime(run.model("cost"), (later, later))
    assert read_importance(run) is None


def test_before_the_cost_is_learned_it_says_what_to_do(workspace):
    add_dataset(workspace)
    with pytest.raises(NotReady, match="let its training end"):
        weigh_inputs(workspace, new_run(workspace))
