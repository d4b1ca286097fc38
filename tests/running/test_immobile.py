"""Safe but immobile, provoked with the bundled data: what the doctor says of weights, rollouts and marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from factories import CAR, CAR_CIRCLE, store_of

from safemil_core.assessment.doctor.immobile import immobile_policy, immobile_weights, overlap_with_return
from safemil_core.config import RunConfig
from safemil_core.learning.weights import cloning_weights
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.doctor_stage import case_of
from safemil_core.running.evaluation_stage import evaluate_run
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run
from safemil_core.workspace import Workspace

SETTINGS = ["cost.updates=150", "policy.updates=300", "weights.scheme=trajectory", "weights.beta=0.6"]


@pytest.fixture(scope="module")
def immobile(tmp_path_factory):
    """A run with so small a beta that the policy copies those that hardly move, rolled out once."""
    workspace = Workspace(tmp_path_factory.mktemp("immobile"))
    datasets = store_of(workspace)
    info = datasets.add(CAR_CIRCLE, name="cars", env_id=CAR)
    costliest = np.argsort(-datasets.open("cars").true_costs(), kind="stable")[:50]
    datasets.labels("cars").mark(costliest.tolist(), "non_preferred", author="ann")
    config = RunConfig().with_values(SETTINGS)
    run = RunStore(workspace).create(info, datasets.labels("cars"), config, author="ann")
    assert train_run(workspace, run, "cpu")
    evaluate_run(workspace, run, n_episodes=1)
    return workspace, run


@pytest.fixture
def case(immobile):
    return case_of(*immobile)


def reweighed(case, *settings):
    """The same costs under other weights."""
    config = case.config.with_values(settings)
    weights = cloning_weights(case.costs, case.offsets, case.labels, config.weights, config.cost.gamma)
    return replace(case, config=config, weights=weights.trajectories)


def test_weights_on_those_that_hardly_move_are_found_and_the_cure_cures(case):
    (finding,) = immobile_weights(case)
    assert finding.cause == "immobile_weights"
    among, share = (series.y[0] for series in finding.figure.series)
    assert among == pytest.approx(21 / 309)
    assert share > 0.4
    assert case.returns[list(finding.trajectories)].max() < 15  # next to no return: they hardly move
    assert immobile_weights(reweighed(case, *finding.settings)) == ()
    assert immobile_weights(reweighed(case, "weights.beta=20")) == ()


def test_a_policy_that_hardly_moves_is_found_by_its_rollouts(immobile, case):
    (finding,) = immobile_policy(case)
    assert finding.settings == ("weights.scheme=step",)
    assert [series.meaning for series in finding.figure.series] == ["none", "non_preferred", "safe", "bc"]
    safe = finding.figure.series[2]
    assert (len(safe.x), safe.x[0] < 0.5, safe.y[0] < 20) == (1, True, True)
    assert {key for of in case.evaluation["policies"].values() for key in of} == {"episodes"}  # no true cost among them
    causes = [found.cause for found in read_findings(immobile[1])]  # rolling it out had it examined
    assert {"immobile_policy", "immobile_weights"} <= set(causes)


def test_where_plain_cloning_does_not_move_either_the_weights_are_not_the_cause(case):
    policies = {name: {"episodes": [{"reach": 0.1, "return": 1.0}]} for name in ("safe", "bc")}
    (finding,) = immobile_policy(replace(case, evaluation={"policies": policies}))
    assert finding.settings == ("policy.updates=10000",)
    assert "plain cloning does not move either" in finding.why


def test_without_returns_the_reach_alone_is_shown(case):
    (finding,) = immobile_policy(replace(case, returns=None))
    assert finding.figure.kind == "bars"
    assert finding.figure.series[0].x == ("data", "safe policy", "plain cloning")
    assert finding.figure.series[0].y[0] == pytest.approx(1)


def test_policies_that_move_or_were_never_rolled_out_are_no_finding(case):
    moving = {"policies": {name: {"episodes": [{"reach": 0.9, "return": 1.0}]} for name in ("safe", "bc")}}
    assert immobile_policy(replace(case, evaluation=moving)) == ()
    assert immobile_policy(replace(case, evaluation={})) == ()


def test_marks_on_the_fastest_overlap_with_return_and_marks_on_the_costliest_do_not(case):
    assert overlap_with_return(case) == ()
    fastest = np.argsort(-case.returns, kind="stable")[:50]
    labels = np.full(len(case.labels), "none", dtype=object)
    labels[fastest] = "non_preferred"
    (finding,) = overlap_with_return(replace(case, labels=labels))
    assert finding.settings == ()  # rewards steer nothing
    assert finding.figure.series[0].y == (0, 0, 0, 1)
    assert finding.trajectories == tuple(fastest)
    assert overlap_with_return(replace(case, labels=labels, returns=None)) == ()
