"""The state map on the Costs page: what it draws, what it subtracts, and what selected cells lead on to."""

import base64
import json

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from safemil_core.assessment.state_axes import Axis
from safemil_core.assessment.state_maps import steps_inside, trajectories_inside

BINS = 40


def drawn(app):
    """What the browser gets to draw, with its numbers as arrays."""
    (data,) = [json.loads(it.proto.json) for it in app.get("bidi_component") if it.proto.id.endswith("costs.map")]
    shape = len(data["y"]["edges"]) - 1, len(data["x"]["edges"]) - 1
    data["counts"] = np.frombuffer(base64.b64decode(data["counts"]), "<u4").reshape(shape)
    for panel in data["panels"]:
        panel["values"] = np.frombuffer(base64.b64decode(panel["values"]), "<f4").reshape(shape)
    return data


def select(app, cells, serial=1):
    """As the browser reports a gesture."""
    app.session_state["costs.map"] = {"selection": {"serial": serial, "grid": drawn(app)["grid"], "cells": cells}}
    return app.run()


def full(app):
    app.toggle(key="costs.full").set_value(True)
    return app


def test_every_step_in_the_full_range_is_in_the_map_beside_the_true_cost(workspace, info, run):
    app = full(open_page("costs", run=run.id)).run()
    assert not app.exception
    data, known = drawn(app), runs.store(workspace).open("walks")
    assert data["counts"].sum() == runs.N * runs.T
    learned, true = data["panels"]
    assert (learned["title"], true["title"]) == ("learned cost, mean", "true cost, mean")
    for panel, values in ((learned, run.costs()["cost"]), (true, known.costs)):
        np.testing.assert_allclose(np.nansum(panel["values"] * data["counts"]), values.sum(), rtol=1e-5)
    assert data["x"]["name"] == info.observation_names[0]


def test_of_one_label_only_and_by_other_statistics(workspace, info, run):
    app = full(open_page("costs", run=run.id))
    app.segmented_control(key="costs.shown").set_value("non_preferred").run()
    assert drawn(app)["counts"].sum() == 4 * runs.T
    app.segmented_control(key="costs.statistic").set_value("maximum").run()
    highest = run.costs()["cost"].to_numpy()[-4 * runs.T :].max()
    assert np.nanmax(drawn(app)["panels"][0]["values"]) == highest
    app.segmented_control(key="costs.statistic").set_value("steps").run()
    (steps,) = drawn(app)["panels"]
    assert np.nansum(steps["values"]) == 4 * runs.T


def test_axes_come_from_the_link_and_can_be_actions_or_principal_components(workspace, info, run):
    app = open_page("costs", run=run.id, x=2, y=3)
    assert [drawn(app)[axis]["name"] for axis in "xy"] == list(info.observation_names[2:])
    app = open_page("costs", run=run.id, map_x=4, map_y=0)
    assert [drawn(app)[axis]["name"] for axis in "xy"] == [info.action_names[0], info.observation_names[0]]
    (button,) = [button for button in app.button if button.label == "Principal components"]
    button.click().run()
    assert [drawn(app)[axis]["name"] for axis in "xy"] == ["principal component 1", "principal component 2"]
    assert any("Component 1 holds" in caption.value for caption in app.caption)


def test_the_difference_between_two_labels(workspace, info, run):
    app = full(open_page("costs", run=run.id))
    app.segmented_control(key="costs.shown").set_value("non_preferred").run()
    ours = drawn(app)
    app.segmented_control(key="costs.shown").set_value("none").run()
    theirs = drawn(app)
    app.segmented_control(key="costs.shown").set_value("non_preferred").run()
    app.selectbox(key=f"costs.minus.{run.id}.non_preferred").set_value("label none").run()
    data = drawn(app)
    assert data["panels"][0]["title"] == "learned cost, mean: non-preferred minus unlabelled"
    for panel, one, other in zip(data["panels"], ours["panels"], theirs["panels"], strict=True):
        np.testing.assert_allclose(panel["values"], one["values"] - other["values"], atol=1e-6)
        assert panel["low"] == -panel["high"]
    app.segmented_control(key="costs.statistic").set_value("steps").run()
    (share,) = drawn(app)["panels"]
    assert share["title"] == "share of steps: non-preferred minus unlabelled"
    assert np.nansum(share["values"]) == pytest.approx(0, abs=1e-3)  # each side's shares come to 100 %


def test_the_difference_between_two_runs(workspace, info, run):
    other = runs.finish(runs.new_run(workspace, info), workspace, is_collapsed=True)
    app = full(open_page("costs", run=run.id)).run()
    ours = drawn(app)["panels"][0]["values"]
    theirs = drawn(full(open_page("costs", run=other.id)).run())["panels"][0]["values"]
    app.selectbox(key=f"costs.minus.{run.id}.all").set_value(f"run {other.id}").run()
    learned, true = drawn(app)["panels"]
    assert learned["title"] == "learned cost, mean: this run minus the other"
    np.testing.assert_allclose(learned["values"], ours - theirs, atol=1e-6)
    assert true["title"] == "true cost, mean"
    app.segmented_control(key="costs.statistic").set_value("steps").run()
    assert app.selectbox(key=f"costs.minus.{run.id}.all").disabled  # every run has the same steps


def test_selected_cells_lead_to_their_trajectories_and_a_row_to_its_costliest_step(workspace, info, run):
    app = full(open_page("costs", run=run.id)).run()
    cells = np.flatnonzero(drawn(app)["counts"] > 2)[:9].tolist()
    select(app, cells)
    assert not app.exception
    known = runs.store(workspace).open("walks")
    axes = [Axis.of(known.observations[:, dimension], is_full=True) for dimension in (0, 1)]
    steps = steps_inside(*axes, BINS, np.array(cells))
    expected = trajectories_inside(steps, known.offsets, run.costs()["cost"].to_numpy(), known.costs)
    assert f"**{len(steps)} steps of {len(expected)} trajectories** in 9 cells" in runs.words(app)
    shown = app.dataframe[0].value
    for column in ("trajectory", "steps", "learned_cost", "true_cost", "costliest"):
        np.testing.assert_allclose(shown[column], expected[column])
    assert [button.label for button in app.button if "Label page" in button.label]


def test_the_selection_stays_with_its_cells_and_goes_with_others(workspace, info, run):
    app = full(open_page("costs", run=run.id)).run()
    cells = np.flatnonzero(drawn(app)["counts"] > 0)[:3].tolist()
    select(app, cells)
    app.segmented_control(key="costs.statistic").set_value("spread").run()
    assert (drawn(app)["selected"], len(app.dataframe)) == (cells, 1)
    app.segmented_control(key="widget.section").set_value("time").run()
    app.segmented_control(key="widget.section").set_value("state").run()
    assert drawn(app)["selected"] == cells
    app.select_slider(key="costs.bins").set_value(20).run()
    assert (drawn(app)["selected"], len(app.dataframe)) == ([], 0)
    app.select_slider(key="costs.bins").set_value(40).run()
    (clear,) = [button for button in app.button if button.label == "Clear"]
    clear.click().run()
    assert (drawn(app)["selected"], drawn(app)["serial"], len(app.dataframe)) == ([], 2, 0)


@pytest.mark.parametrize("said", [None, 7, {"serial": "1"}, {"serial": 9, "grid": "x", "cells": ["a"]}])
def test_what_no_browser_of_ours_would_say_selects_nothing(workspace, info, run, said):
    app = open_page("costs", run=run.id)
    app.session_state["costs.map"] = {"selection": said}
    app.run()
    assert not app.exception
    assert drawn(app)["selected"] == []


def test_cells_that_are_not_there_or_empty_select_no_step(workspace, info, run):
    app = open_page("costs", run=run.id)
    empty = np.flatnonzero(drawn(app)["counts"] == 0)[:2].tolist()
    select(app, [*empty, 10**7])
    assert not app.exception
    assert len(app.dataframe) == 0


def test_without_true_costs_only_the_learned_one_is_shown(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = full(open_page("costs", run=run.id)).run()
    assert [panel["title"] for panel in drawn(app)["panels"]] == ["learned cost, mean"]
    select(app, np.flatnonzero(drawn(app)["counts"] > 0)[:3].tolist())
    assert "true_cost" not in app.dataframe[0].value


def test_the_chosen_trajectories_are_selected_on_the_label_page(workspace, info, run):
    app = select(full(open_page("costs", run=run.id)).run(), list(range(BINS * BINS // 2)))
    chosen = app.dataframe[0].value["trajectory"].tolist()
    (button,) = [button for button in app.button if "Label page" in button.label]
    button.click().run()
    assert not app.exception
    assert f"**{len(chosen)} trajectories selected**" in runs.words(app)


def test_the_chosen_trajectories_are_reviewed_next_without_those_that_have_a_label(workspace, info, run):
    app = select(full(open_page("costs", run=run.id)).run(), list(range(BINS * BINS // 2)))
    chosen = app.dataframe[0].value["trajectory"].tolist()
    unlabelled = [trajectory for trajectory in chosen if trajectory < runs.N - 4]
    (button,) = [button for button in app.button if "Review these next" in button.label]
    assert button.label == f"Review these next ({len(unlabelled)} unlabelled)"
    button.click().run()
    assert not app.exception
    assert app.selectbox(key="review.order").value == "chosen on the Costs page"
    stage = next(it.proto.json for it in app.get("bidi_component") if it.proto.id.endswith("review.stage"))
    assert json.loads(stage)["shown"].split("/")[1] == str(unlabelled[0])
    assert "in the cells that you chose, mean learned cost there" in stage
