"""Weights: what other settings would make of the same cost, without training."""

import json

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from safemil_core.learning.weights import effective_sample_size, trajectory_costs


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_without_a_run_the_way_leads_to_train(workspace, info):
    app = open_page("weights")
    assert not app.exception
    assert "Train a cost and a policy" in runs.links(app)


def test_at_first_the_weights_are_the_runs_own(workspace, info, run):
    app = open_page("weights", run=run.id)
    assert not app.exception
    weights = run.trajectories()["weight"].to_numpy()
    assert metrics(app)["Effective trajectories"] == f"{effective_sample_size(weights):.1f}"
    assert "Nobody yet" in runs.words(app)
    scatter = runs.figure(app, "weights.scatter")
    assert sum(len(trace["customdata"]) for trace in scatter["data"]) == runs.N


def test_a_chart_whose_points_lead_on_has_no_tools_over_its_legend(workspace, info, run):
    (scatter,) = [each for each in open_page("weights", run=run.id).get("plotly_chart") if "scatter" in each.proto.id]
    assert json.loads(scatter.proto.config)["displayModeBar"] is False


def test_bags_that_lean_to_what_costs_less_are_told_from_those_of_lemma_1(workspace, info, run):
    rate = run.config.cost.costly_rate
    assert f"seemed costlier at {rate:g} of the rate" in runs.words(open_page("weights", section="bags", run=run.id))
    uniform = runs.finish(runs.new_run(workspace, info, runs.CONFIG.with_values(["cost.costly_rate=1"])), workspace)
    assert "seemed costlier" not in runs.words(open_page("weights", section="bags", run=uniform.id))


def test_a_smaller_beta_trusts_fewer(workspace, info, run):
    app = open_page("weights", run=run.id)
    before = float(metrics(app)["Effective trajectories"])
    app.select_slider(key=f"weights.{run.id}.beta").set_value(0.1).run()
    assert not app.exception
    assert float(metrics(app)["Effective trajectories"]) < before
    changes = app.dataframe[0].value
    assert changes["change"].is_monotonic_decreasing
    assert changes["change"].iloc[0] > 0 > changes["change"].iloc[-1]


@pytest.mark.parametrize("scheme", ["step", "threshold"])
def test_the_other_schemes(workspace, info, run, scheme):
    app = open_page("weights", run=run.id)
    app.segmented_control(key=f"weights.{run.id}.scheme").set_value(scheme).run()
    assert not app.exception
    assert len(app.slider) == (scheme == "threshold")
    assert len(app.dataframe) == 1


def test_a_threshold_is_as_fine_as_the_costs_and_begins_where_half_are_kept(workspace, info, run):
    app = open_page("weights", run=run.id)
    app.segmented_control(key=f"weights.{run.id}.scheme").set_value("threshold").run()
    (threshold,) = app.slider
    assert threshold.step == pytest.approx(threshold.max / 200)
    assert threshold.value == pytest.approx(np.median(run.trajectories()["cost_sum"]))


def test_the_threshold_of_a_run_that_has_one_is_its_own(workspace, info):
    config = runs.CONFIG.with_values(["weights.scheme=threshold", "weights.threshold=0.25"])
    run = runs.finish(runs.new_run(workspace, info, config), workspace)
    (threshold,) = open_page("weights", run=run.id).slider
    assert threshold.value == 0.25


def test_a_threshold_reaches_as_far_as_the_costs_per_length(workspace):
    info = runs.add_dataset(workspace, ends=[runs.N * runs.T - 10])  # the costliest walk in two
    runs.store(workspace).labels("walks").mark([0], "non_preferred", author="ann")
    config = runs.CONFIG.with_values(["weights.scheme=threshold", "weights.per_length=false"])
    run = runs.finish(runs.new_run(workspace, info, config), workspace)
    app = open_page("weights", run=run.id)
    table = run.trajectories()
    assert app.slider[0].max == table["cost_sum"].max()
    app.toggle(key=f"weights.{run.id}.per_length").set_value(True).run()
    assert not app.exception
    steps, offsets = run.costs()["cost"].to_numpy(), np.concatenate([[0], np.cumsum(table["length"])])
    costs = trajectory_costs(steps, offsets, run.config.cost.gamma, per_length=True)
    assert app.slider[0].max == costs.max() > table["cost_sum"].max()
    assert app.slider[0].value == np.median(costs)


def test_where_nothing_costs_anything_there_is_no_threshold_to_choose(workspace, info):
    run = runs.finish(runs.new_run(workspace, info, runs.CONFIG.with_values(["weights.scheme=threshold"])), workspace)
    run.costs().assign(cost=np.float32(0)).to_parquet(run.folder / "costs.parquet")
    app = open_page("weights", run=run.id)
    assert not app.exception
    assert not app.slider
    assert metrics(app)["Effective trajectories"] == f"{runs.N - 4}.0"


def test_without_true_costs_nothing_is_said_of_them(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("weights", run=run.id)
    assert not app.exception
    assert metrics(app)["Weight on costly trajectories"] == "unknown"


def test_the_settings_go_to_the_train_page(workspace, info, run):
    app = open_page("weights", run=run.id)
    app.select_slider(key=f"weights.{run.id}.beta").set_value(0.3).run()
    (train,) = [button for button in app.button if button.label == "Train with these settings"]
    train.click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert "`weights.beta=0.3`" in runs.words(app)
    assert app.number_input(key="settings.cost.bag_size").value == run.config.cost.bag_size


def test_a_run_that_ended_before_it_had_costs_says_so(workspace, info, run):
    (run.folder / "costs.parquet").unlink()
    app = open_page("weights", run=run.id)
    assert not app.exception
    assert "This run is done and has no results." in runs.words(app)
