"""Curves: those of the run's cost, at the chosen step; offered only where there are any."""

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard import charts_curves
from safemil_core.assessment.cost_curves import Curve
from safemil_core.learning.cost_function import read_cost_function


def open_curves(run):
    app = open_page("costs", run=run.id, section="curves", trajectory=5, step=7)
    assert not app.exception
    assert not app.error
    return app


def sections(app):
    return next(list(each.options) for each in app.get("button_group") if "Over time" in list(each.options))


def test_the_curves_at_the_chosen_step_add_up_to_its_cost(workspace, info):
    run = runs.finish_with_curves(workspace, info)
    app = open_curves(run)
    chart = runs.figure(app, "costs.curves.each")
    crosses = [trace["y"][0] for trace in chart["data"] if trace.get("mode") == "markers"]
    assert len(crosses) == 5  # of six inputs, one has no effect
    assert f"Without any effect: `{info.observation_names[1]}`" in runs.words(app)
    start = float(runs.words(app).partition("**c = ")[2].partition("**")[0])
    one = runs.store(workspace).open("walks")[5]
    step = np.concatenate([one.observations[7], one.actions[7]])[None]
    cost = read_cost_function(run.model("cost"), info.actions).costs(step)[0]
    logit = np.log(start / (1 - start)) + sum(crosses)
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(cost, abs=2e-3)  # the start is said to three digits


def test_of_an_ensemble_each_network_is_drawn(workspace, info):
    app = open_curves(runs.finish_with_curves(workspace, info, "cost.members=3"))
    lines = [trace for trace in runs.figure(app, "costs.curves.each")["data"] if trace.get("mode") == "lines"]
    assert len(lines) == 5 * (3 + 1)


def test_pairs_are_drawn_as_heatmaps(workspace, info):
    app = open_curves(runs.finish_with_curves(workspace, info, "cost.network=pairwise"))
    kinds = [trace["type"] for trace in runs.figure(app, "costs.curves.pairs")["data"]]
    assert kinds.count("heatmap") == 6
    assert "Of 15 pairs with an effect" in runs.words(app)


def test_a_perceptron_has_no_curves_to_show(workspace, info):
    run = runs.finish(runs.new_run(workspace, info, runs.CONFIG.with_values(["cost.network=mlp"])), workspace)
    app = open_page("costs", run=run.id, section="curves")
    assert not app.exception
    assert "Curves" not in sections(app)
    assert "Curves" in sections(open_curves(runs.finish_with_curves(workspace, info)))


def test_a_curve_is_drawn_where_the_data_are_and_as_far_as_the_chosen_step():
    curve = Curve(0, np.array([-10.0, 0.0, 10.0]), np.array([[0.0, 1.0, 3.0]]), 0.5)
    data = np.linspace(-1, 1, 1_001)[:, None]
    figure = charts_curves.curves([curve], ["x"], data, np.array([5.0]))
    (line,) = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines"]
    assert line.x == pytest.approx([-0.99, 0, 5])
    assert line.y == pytest.approx([0.901, 1, 2])
    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    assert bars.customdata.sum() == 996  # of 1,001 steps those from the central 99 % on
