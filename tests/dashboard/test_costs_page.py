"""Costs: maps over the state, the raster over time, and one trajectory."""

import base64

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page


def numbers(values):
    """An array as Plotly sends it."""
    array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return array.reshape([int(size) for size in values["shape"].split(",")]) if "shape" in values else array


def component_keys(app):
    """The keys of the parts of a page that are drawn in the browser."""
    return {component.proto.id.rsplit("-", 1)[-1] for component in app.get("bidi_component")}


def test_without_a_dataset_the_way_leads_to_datasets(workspace):
    app = open_page("costs")
    assert not app.exception
    assert "Add a dataset" in runs.links(app)


def test_without_a_run_the_way_leads_to_train(workspace, info):
    app = open_page("costs")
    assert "Train a cost and a policy" in runs.links(app)
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("begin, sentence", [(runs.begin, "still learning its costs"), (runs.fail, "failed")])
def test_an_unfinished_run_has_no_costs_yet(workspace, info, begin, sentence):
    run = begin(runs.new_run(workspace, info))
    app = open_page("costs", run=run.id)
    assert not app.exception
    assert sentence in runs.words(app)


def test_every_step_in_the_full_range_is_in_the_maps(workspace, info, run):
    app = open_page("costs", run=run.id)
    app.toggle(key="costs.full").set_value(True).run()
    assert not app.exception
    learned, true = runs.figure(app, "costs.learned"), runs.figure(app, "costs.true")
    assert numbers(learned["data"][0]["customdata"]).sum() == runs.N * runs.T
    assert numbers(true["data"][0]["customdata"]).sum() == runs.N * runs.T
    assert learned["layout"]["xaxis"]["title"]["text"] == info.observation_names[0]


def test_the_maps_can_show_one_label_only(workspace, info, run):
    app = open_page("costs", run=run.id)
    app.toggle(key="costs.full").set_value(True)
    app.segmented_control(key="costs.shown").set_value("non_preferred").run()
    counts = numbers(runs.figure(app, "costs.learned")["data"][0]["customdata"])
    assert counts.sum() == 4 * runs.T
    assert counts.shape == (40, 40)


def test_the_dimensions_come_from_the_link(workspace, info, run):
    app = open_page("costs", run=run.id, x=2, y=3)
    layout = runs.figure(app, "costs.learned")["layout"]
    assert [layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")] == list(info.observation_names[2:])


def test_only_the_chosen_section_is_built_and_the_link_chooses_it(workspace, info, run):
    app = open_page("costs", run=run.id)
    assert app.segmented_control(key="widget.section").value == "state"
    assert "costs.raster" not in component_keys(app)
    app.segmented_control(key="widget.section").set_value("time").run()
    assert "costs.raster" in component_keys(app)


def test_one_trajectorys_costs_step_by_step(workspace, info, run):
    app = open_page("costs", run=run.id, trajectory=21)
    true, learned = runs.figure(app, "costs.steps")["data"]
    costs = run.costs()
    np.testing.assert_allclose(numbers(learned["y"]), costs[costs["trajectory"] == 21]["cost"])
    np.testing.assert_array_equal(numbers(true["y"]), runs.store(workspace).open("walks")[21].costs)
    assert "Watch and label trajectory 21" in runs.links(app)


def test_where_an_ensemble_learned_the_cost_a_band_says_how_sure_it_is(workspace, info, run):
    costs = run.costs()
    costs.assign(spread=0.125).to_parquet(run.folder / "costs.parquet", index=False)
    _, band, learned = runs.figure(open_page("costs", run=run.id, trajectory=21), "costs.steps")["data"]
    upper, lower = np.split(numbers(band["y"]), 2)
    np.testing.assert_allclose(upper, np.minimum(numbers(learned["y"]) + 0.125, 1))
    np.testing.assert_allclose(lower[::-1], np.maximum(numbers(learned["y"]) - 0.125, 0))


def test_without_true_costs_only_the_learned_one_is_shown(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("costs", run=run.id)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 2
    assert len(runs.figure(app, "costs.steps")["data"]) == 1
    app = open_page("costs", run=run.id, section="time")


def test_a_run_that_ended_before_it_had_costs_says_so(workspace, info, run):
    (run.folder / "costs.parquet").unlink()
    app = open_page("costs", run=run.id)
    assert not app.exception
    assert "This run is done and has no results." in runs.words(app)


def test_a_run_that_lost_a_file_says_so_in_a_sentence(workspace, info, run):
    (run.folder / "trajectories.parquet").unlink()
    app = open_page("costs", run=run.id)
    assert not app.exception
    assert "has no trajectories.parquet yet" in app.error[0].value
