"""Costs over time: what the browser is sent to draw, and which choices there are."""

import base64
import json

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard.components.cost_raster import LABELS
from safemil_core.assessment.rasters import levels, peaks


def open_raster(run, **choices):
    return open_page("costs", run=run.id, section="time", **choices)


def sent(app):
    """What the raster was sent."""
    (component,) = [c for c in app.get("bidi_component") if c.proto.id.endswith("costs.raster")]
    return json.loads(component.proto.json)


def array(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def image(drawn):
    edges = array(drawn["picture"]["edges"], "<i4")
    return array(drawn["picture"]["levels"], "u1").reshape(len(edges) - 1, -1)


def step_costs(run):
    return run.costs()["cost"].to_numpy().reshape(runs.N, runs.T)


def test_a_row_for_each_trajectory_under_its_label_and_the_costliest_first(workspace, info, run):
    drawn, table, costs = sent(open_raster(run)), run.trajectories(), step_costs(run)
    order = array(drawn["order"], "<i4")
    labels = table["label"].map(LABELS.index).to_numpy()
    np.testing.assert_array_equal(order, np.lexsort((-table["cost_sum"], labels)))
    assert drawn["groups"] == [{"name": "non-preferred", "n": 4}, {"name": "unlabelled", "n": runs.N - 4}]
    np.testing.assert_array_equal(array(drawn["labels"], "u1"), labels[order])
    np.testing.assert_array_equal(image(drawn), levels(costs[order].ravel(), costs.max()).reshape(costs.shape))
    assert drawn["high"] == costs.max()
    assert drawn["picture"]["rows_within"] is None  # each cell is one step
    assert drawn["times"] == [0, runs.T]


def test_rows_by_number_upwards_without_groups(workspace, info, run):
    app = open_raster(run)
    app.selectbox(key="costs.raster.sort").set_value("trajectory")
    app.segmented_control(key="costs.raster.direction").set_value("Lowest first")
    app.toggle(key="costs.raster.grouped").set_value(False).run()
    drawn = sent(app)
    assert array(drawn["order"], "<i4").tolist() == list(range(runs.N))
    assert drawn["groups"] == []


@pytest.mark.parametrize("column", ["weight", "length", "return", "true_cost", "highest", "first_spike", "mean 0"])
def test_rows_by_any_column_of_the_table(workspace, info, run, column):
    app = open_raster(run)
    app.toggle(key="costs.raster.grouped").set_value(False)
    app.selectbox(key="costs.raster.sort").set_value(column).run()
    assert not app.exception
    found = peaks(step_costs(run).ravel(), np.arange(runs.N + 1) * runs.T)
    table = (
        runs.store(workspace)
        .table("walks")
        .assign(weight=run.trajectories()["weight"], highest=found.highest, first_spike=found.first_spikes)
    )
    keys = table[column].to_numpy()[array(sent(app)["order"], "<i4")]
    assert (np.diff(keys) <= 0).all()


def test_rows_aligned_at_the_first_spike(workspace, info, run):
    app = open_raster(run)
    app.segmented_control(key="costs.raster.align").set_value("first spike").run()
    drawn, costs = sent(app), step_costs(run)
    spikes = (costs >= costs.max(axis=1, keepdims=True) / 2).argmax(axis=1)
    np.testing.assert_array_equal(array(drawn["origins"], "<i4"), spikes[array(drawn["order"], "<i4")])
    assert drawn["times"] == [-spikes.max(), runs.T - spikes.min()]
    assert drawn["time_name"] == "steps from the first spike"


def test_the_true_cost_can_be_shown_where_it_is_known(workspace, info, run):
    app = open_raster(run)
    app.segmented_control(key="costs.raster.value").set_value("true").run()
    drawn, true = sent(app), np.asarray(runs.store(workspace).open("walks").costs).reshape(runs.N, runs.T)
    assert drawn["name"] == "true cost"
    np.testing.assert_array_equal(image(drawn), np.where(true[array(drawn["order"], "<i4")] > 0, 255, 1))


def test_without_true_costs_nothing_is_shown_or_sorted_by_them(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    app = open_raster(runs.finish(runs.new_run(workspace, info), workspace))
    assert not app.exception
    assert not {"return", "true cost"} & set(app.selectbox(key="costs.raster.sort").options)
    assert sent(app)["name"] == "learned cost"
    assert "costs.raster.value" not in [control.key for control in app.segmented_control]


def test_the_window_that_the_browser_asks_for_comes_exactly(workspace, info, run):
    app = open_raster(run)
    whole = sent(app)
    app.session_state["costs.raster"] = {
        "view": {"key": whole["key"], "rows": [3, 9], "times": [10, 25]},
        "chosen": None,
    }
    drawn = sent(app.run())
    assert array(drawn["picture"]["edges"], "<i4").tolist() == list(range(3, 10))
    assert drawn["picture"]["times"] == [10, 25]
    np.testing.assert_array_equal(image(drawn), image(whole)[3:9, 10:25])


@pytest.mark.parametrize(
    "view",
    [
        {"key": "another arrangement", "rows": [3, 9], "times": [10, 25]},
        {"rows": [900, 909], "times": [10, 25]},
        {"rows": ["3", None], "times": 7},
        "nonsense",
    ],
)
def test_a_window_that_makes_no_sense_is_all(workspace, info, run, view):
    app = open_raster(run)
    whole = sent(app)
    if isinstance(view, dict):
        view = {"key": whole["key"], **view}
    app.session_state["costs.raster"] = {"view": view, "chosen": None}
    app.run()
    assert not app.exception
    assert sent(app)["picture"] == whole["picture"]


def test_rows_of_a_run_that_has_learned_anew_are_other_rows(workspace, info, run):
    app = open_raster(run)
    first = sent(app)
    assert sent(app.run())["key"] == first["key"]
    table = run.trajectories()
    table.assign(cost_sum=-table["cost_sum"]).to_parquet(run.folder / "trajectories.parquet")
    again = sent(app.run())
    assert again["key"] != first["key"]  # the browser keeps the rows of a key
    assert again["order"] != first["order"]
