"""The doctor at the end of a training, and as a task: what is kept, and what it is kept from."""

import numpy as np
import pytest
from factories import TINY, add_dataset, crossing_arrays, document, new_run

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.errors import Diverged, NotReady
from safemil_core.running import pipeline
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.doctor_stage import case_of, examine_run
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import train_run

PERCEPTRON = ("cost.network=mlp", "cost.inputs=all", "cost.sparsity=0")
"""Which has learned something after so few updates."""


def causes(run):
    return [finding.cause for finding in read_findings(run)]


@pytest.fixture
def ill(workspace):
    """A run with one mark, trained."""
    add_dataset(workspace)
    run = new_run(workspace, marked=(1,), config=TINY.with_values(PERCEPTRON))
    assert read_findings(run) is None
    train_run(workspace, run, "cpu")
    return run


def test_a_training_ends_with_an_examination(ill):
    assert causes(ill)[0] == "few_labels"
    first = read_findings(ill)[0]
    assert first.trajectories == (1,)
    assert Finding.from_json(document(ill.findings_file)[0]) == first


def test_true_costs_and_rewards_are_no_part_of_the_case(workspace, ill):
    case = case_of(workspace, ill)
    assert case.trajectories.rewards is None
    assert case.trajectories.costs is None
    assert case.costs.tolist() == ill.costs()["cost"].tolist()
    assert case.input_names == ("obs 0", "obs 1", "action 0")
    assert len(case.inputs.mean) == 3


def test_other_true_costs_and_rewards_change_no_finding(workspace, ill):
    arrays = crossing_arrays()
    arrays["costs"] = 1 - arrays["costs"]
    add_dataset(workspace, "others", arrays)
    other = new_run(workspace, "others", marked=(1,), config=TINY.with_values(PERCEPTRON))
    train_run(workspace, other, "cpu")
    assert other.info.dataset_id != ill.info.dataset_id
    assert read_findings(other) == read_findings(ill)


def test_the_task_examines_again(workspace, ill):
    ill.findings_file.unlink()
    assert pipeline.main(["--workspace", str(workspace.root), "doctor", ill.id]) == 0
    assert causes(ill)[0] == "few_labels"
    assert Task.of_run("doctor", ill).progress.state == "done"


def test_only_a_thorough_examination_asks_networks_about_behaviour_that_they_have_not_seen(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    train_run(workspace, run, "cpu")
    assert case_of(workspace, run).unseen is None
    unseen = case_of(workspace, run, is_thorough=True).unseen
    assert unseen.means.shape == (40,)
    assert np.isfinite(unseen.means).all()
    thorough = examine_run(workspace, run, is_thorough=True)
    assert thorough == read_findings(run)
    assert examine_run(workspace, run) == thorough  # as after rollouts: what those networks said still counts
    run.model("cost").touch()  # trained on since
    assert case_of(workspace, run).unseen is None


def test_networks_that_would_take_long_are_not_asked(workspace, monkeypatch):
    add_dataset(workspace)
    run = new_run(workspace)
    train_run(workspace, run, "cpu")
    monkeypatch.setattr("safemil_core.running.doctor_stage.MOST_TRAINED_STEPS", 100)
    assert case_of(workspace, run, is_thorough=True).unseen is None


def test_a_run_that_has_learned_nothing_is_not_examined(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    with pytest.raises(NotReady, match="has learned nothing yet"):
        examine_run(workspace, run)
    Task.of_run("doctor", run).folder.mkdir()
    assert pipeline.main(["--workspace", str(workspace.root), "doctor", run.id]) == 1
    assert "has learned nothing yet" in Task.of_run("doctor", run).progress.message
    assert read_findings(run) is None


def test_a_training_that_diverges_says_which_input_is_to_blame(workspace):
    arrays = crossing_arrays()
    arrays["observations"][:, 1] = np.finfo(np.float32).min
    arrays["observations"][::7, 1] = np.finfo(np.float32).max
    add_dataset(workspace, arrays=arrays)
    run = new_run(workspace)
    with pytest.raises(Diverged):
        train_run(workspace, run, "cpu")
    first = read_findings(run)[0]
    assert first.cause == "not_a_number"
    assert "obs 1" in first.why
    assert examine_run(workspace, run)[0] == first


def test_a_run_that_goes_on_forgets_what_was_found(workspace, ill):
    ill.go_back_to(20)
    assert read_findings(ill) is None
