"""Trials on a real Ray cluster of two nodes, one of which is killed."""

import shutil
import subprocess
import sys

import pytest
from factories import add_dataset

from safemil_core.errors import NotFound
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.sweep_folder import SweepStore
from safemil_core.running.sweeps.sweep_stage import run_sweep
from safemil_core.running.sweeps.trial_stage import row_of
from safemil_core.running.sweeps.trials import wanted_trials

SPEC = """
name = "far"
datasets = ["walks"]
seeds = 6
episodes = 0
[labels]
n_non_preferred = 4
share = 0.5
[base]
cost.hidden_sizes = [8]
cost.updates = 20
"""


@pytest.fixture
def cluster():
    """Two nodes with a core each."""
    from ray.cluster_utils import Cluster  # seconds

    node = {"num_cpus": 1, "object_store_memory": 2**27, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(**node)
    yield made
    made.shutdown()


def test_a_killed_node_costs_no_finished_trial_and_the_others_are_done_elsewhere(workspace, tmp_path, cluster):
    add_dataset(workspace)
    (tmp_path / "far.toml").write_text(SPEC)
    sweep, told = SweepStore(workspace).take(tmp_path / "far.toml"), []
    trial, *_ = wanted_trials(workspace, sweep.spec)
    here = row_of(trial, Subject.of(workspace, "walks", has_policies=False))

    def kill_a_node_once(progress):
        told.append(progress.done)
        if progress.done == 1:
            shutil.rmtree(workspace.datasets)  # which other machines do not see
            (other,) = cluster.worker_nodes
            cluster.remove_node(other, allow_graceful=False)

    rows = run_sweep(workspace, sweep, address=cluster.address, on_progress=kill_a_node_once)
    assert [(row.seed, row.failure) for row in rows] == [(seed, "") for seed in range(6)]
    assert told == [0, 1, 2, 3, 4, 5, 6, 6]
    assert sweep.progress.state == "done"
    assert rows[0].measured == here.measured


def test_where_no_cluster_answers(workspace, tmp_path):
    add_dataset(workspace)
    (tmp_path / "far.toml").write_text(SPEC)
    sweep = SweepStore(workspace).take(tmp_path / "far.toml")
    with pytest.raises(NotFound, match="no Ray cluster answers at 'auto'"):
        run_sweep(workspace, sweep, address="auto")


def test_the_dashboards_sweeps_go_to_the_cluster_of_the_variable_that_ray_itself_reads(
    workspace, tmp_path, monkeypatch
):
    add_dataset(workspace)
    (tmp_path / "far.toml").write_text(SPEC)
    sweep = SweepStore(workspace).take(tmp_path / "far.toml")
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    command = [sys.executable, "-m", "safemil_core.running.pipeline", "--workspace", workspace.root, "sweep", "far"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    assert sweep.progress.state == "failed"
    assert "no Ray cluster answers at 'auto'" in sweep.progress.message
