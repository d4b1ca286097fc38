"""What can be said of a run's policies without a simulator, with networks that really learn."""

from __future__ import annotations

import numpy as np
import pytest
from factories import TINY, add_dataset, new_run

from safemil_core.errors import NotReady
from safemil_core.learning.held_out_cloning import clone_without
from safemil_core.running import offline_stage
from safemil_core.running.offline_checks import checks_file, read_checks
from safemil_core.running.offline_stage import check_offline
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import train_run


@pytest.fixture
def run(workspace):
    add_dataset(workspace)
    return new_run(workspace)


@pytest.fixture
def cloned_by(monkeypatch):
    """[sum T] weights by which each safe policy is cloned."""
    weights = []

    def noted(data, config, of_policies, *others):
        weights.append(of_policies[0])
        return clone_without(data, config, of_policies, *others)

    monkeypatch.setattr(offline_stage, "clone_without", noted)
    return weights


def test_both_policies_are_asked_about_three_kinds_of_steps_and_the_answers_are_kept(workspace, run):
    assert train_run(workspace, run, "cpu")
    assert read_checks(run) is None
    found = check_offline(workspace, run, "cpu")
    assert read_checks(run) == found
    assert [(check.policy, check.steps) for check in found] == [
        (policy, kind)
        for kind in ("held out, the less costly half", "held out, the costliest tenth", "marked non-preferred")
        for policy in ("safe", "bc")
    ]
    for check in found:
        assert check.agreement["low"] <= check.agreement["mean"] <= check.agreement["high"] <= 1
        assert check.n_trajectories <= check.n_steps
    progress = Task.of_run("offline", run).progress
    assert (progress.state, progress.done) == ("done", 2 * run.config.policy.updates)
    run.model("bc").touch()  # cloned anew since
    assert checks_file(run).exists()
    assert read_checks(run) is None


@pytest.mark.parametrize("method", ["bc", "dwbc_nu", "safedice", "osil"])
def test_baselines_are_asked_too_of_all_that_was_held_out_where_they_have_no_costs(workspace, method, cloned_by):
    add_dataset(workspace)
    quick = [f"method={method}", "baseline.updates=20", "baseline.batch_size=8", "policy.updates=20"]
    run = new_run(workspace, config=TINY.with_values(quick))
    assert train_run(workspace, run, "cpu")
    kinds = {check.steps for check in check_offline(workspace, run, "cpu")}
    assert ("held out" in kinds) == (method == "bc")
    assert len(kinds) == (2 if method == "bc" else 3)
    for weights in cloned_by if run.has_costs else []:  # plain cloning keeps none
        means = weights.reshape(40, 16).mean(axis=1)
        np.testing.assert_allclose(means, run.trajectories()["weight"], rtol=1e-5, atol=1e-6)


def test_a_run_that_is_not_finished_has_no_policies_to_ask(workspace, run):
    with pytest.raises(NotReady, match=r"has no bc\.safetensors yet"):
        check_offline(workspace, run, "cpu")
