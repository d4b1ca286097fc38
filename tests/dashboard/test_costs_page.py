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


def test_only_the_chosen_section_is_built_and_the_link_chooses_it(workspace, info, run):
    app = open_page("costs", run=run.id)
    assert app.segmented_control(key="widget.section").value == "state"
    assert "costs.raster" not in component_keys(app)
    app.segmented_control(key="widget.section").set_value("time").run()
    assert "costs.raster" in component_keys(app)


def test_one_trajectorys_costs_step_by_step(workspace, info, run):
    app = open_page("costs", run=run.id, trajectory=21)
    shown, costs = runs.staged(app)["lines"], run.costs()
    np.testing.assert_array_equal(shown["learned cost"], costs[costs["trajectory"] == 21]["cost"].astype(np.float32))
    np.testing.assert_array_equal(shown["true cost"], runs.store(workspace).open("walks")[21].costs)
    assert "Label trajectory 21 and others like it" in runs.links(app)


def test_the_cursor_is_put_where_a_link_says(workspace, info, run):
    assert runs.staged(open_page("costs", run=run.id, trajectory=21, step=7))["cursor"] == [21, 7]
    assert runs.staged(open_page("costs", run=run.id, trajectory=21))["cursor"] is None


def test_where_an_ensemble_learned_the_cost_a_band_says_how_sure_it_is(workspace, info, run):
    costs = run.costs()
    costs.assign(spread=0.125).to_parquet(run.folder / "costs.parquet", index=False)
    assert set(runs.staged(open_page("costs", run=run.id, trajectory=21))["spread"]["learned cost"]) == {0.125}


def test_without_true_costs_only_the_learned_one_is_shown(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("costs", run=run.id)
    assert not app.exception
    assert not app.get("plotly_chart")
    assert list(runs.staged(app)["lines"]) == ["learned cost", "action 0", "action 1"]
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
