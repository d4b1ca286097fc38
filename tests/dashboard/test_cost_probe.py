"""The function: maps around the chosen step, which other steps, axes and sliders change."""

import base64

import numpy as np
import pytest
import run_fixtures as runs
from factories import save_untrained
from run_fixtures import open_page

from safemil_core.config import CostConfig
from safemil_core.learning.cost_function import read_cost_function
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes


def numbers(values):
    array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return array.reshape([int(size) for size in values["shape"].split(",")]) if "shape" in values else array


@pytest.fixture
def run(workspace, info):
    """A finished run with a network, which is untrained."""
    run = runs.finish(runs.new_run(workspace, info), workspace)
    save_untrained(run.folder, Sizes(4, 2), ("cost",))
    return run


def open_probe(run, **choices):
    app = open_page("costs", run=run.id, section="probe", **{"trajectory": 5, "step": 7, **choices})
    assert not app.exception
    assert not app.error
    return app


def marker(app, key="costs.probe.map"):
    (trace,) = [t for t in runs.figure(app, key)["data"] if t.get("name") == "this step"]
    return trace["x"][0], trace["y"][0]


def choose_axes(app, run, x, y):
    app.selectbox(key=f"costs.probe.{run.id}.Across").set_value(x)
    return app.selectbox(key=f"costs.probe.{run.id}.Up").set_value(y).run()


def test_the_map_is_the_network_around_the_chosen_step(workspace, info, run):
    app = choose_axes(open_probe(run), run, 0, 2)
    one = runs.store(workspace).open("walks")[5]
    assert marker(app) == pytest.approx((one.observations[7, 0], one.observations[7, 2]))
    heatmap = runs.figure(app, "costs.probe.map")["data"][0]
    xs, ys, costs = (numbers(heatmap[key]) for key in "xyz")
    step = np.concatenate([one.observations[7], one.actions[7]])
    step[[0, 2]] = xs[11], ys[40]
    function = read_cost_function(run.model("cost"), info.actions)
    assert costs[40, 11] == pytest.approx(function.costs(step[None])[0], abs=1e-6)
    assert f"c = {function.costs(np.concatenate([one.observations, one.actions], axis=1)[7:8])[0]:.3f}" in runs.words(
        app
    )


def test_another_step_moves_the_marker_and_the_link(workspace, info, run):
    app = choose_axes(open_probe(run), run, 0, 1)
    app.number_input(key="costs.probe.step").set_value(20).run()
    one = runs.store(workspace).open("walks")[5]
    assert marker(app) == pytest.approx(tuple(one.observations[20, :2]))
    assert app.query_params["step"] == "20"
    assert marker(app, "costs.probe.action") == pytest.approx(tuple(one.actions[20]))


def test_without_a_choice_it_is_the_costliest_step_of_the_costliest_trajectory(workspace, info, run):
    app = open_page("costs", run=run.id, section="probe")
    costliest = int(run.trajectories()["cost_sum"].argmax())
    costs = run.costs()
    step = int(costs[costs["trajectory"] == costliest]["cost"].to_numpy().argmax())
    assert f"step {step} of trajectory {costliest}" in runs.words(app)


def test_a_slider_moves_a_number_that_the_map_keeps_fixed(workspace, info, run):
    app = choose_axes(open_probe(run), run, 0, 1)
    before = numbers(runs.figure(app, "costs.probe.map")["data"][0]["z"])
    slider = next(each for each in app.slider if each.key.startswith("costs.probe.fixed"))
    slider.set_value(slider.max).run()
    assert not app.exception
    assert np.abs(numbers(runs.figure(app, "costs.probe.map")["data"][0]["z"]) - before).max() > 1e-4
    assert "with 1 number as the sliders have it" in runs.words(app)


def test_the_range_can_reach_beyond_the_data(workspace, info, run):
    app = choose_axes(open_probe(run), run, 0, 1)
    app.segmented_control(key="costs.probe.range").set_value("wide").run()
    x = runs.store(workspace).open("walks").observations[:, 0]
    shown = numbers(runs.figure(app, "costs.probe.map")["data"][0]["x"])
    assert shown[0] == pytest.approx(x.min() - 0.5 * np.ptp(x), abs=1e-4)


def test_a_run_that_lost_its_network_says_so_in_a_sentence(workspace, info, run):
    run.model("cost").unlink()
    app = open_page("costs", run=run.id, section="probe")
    assert not app.exception
    assert "has no cost.safetensors yet" in app.error[0].value


def test_of_an_ensemble_the_map_can_show_how_far_its_networks_differ(workspace, info, run):
    config, sizes = CostConfig(hidden_sizes=(4,), members=3), Sizes(4, 2)
    save_cost(run.folder / "cost.safetensors", CostNetwork(config, sizes), config, sizes)
    app = open_probe(run)
    costs = numbers(runs.figure(app, "costs.probe.map")["data"][0]["z"])
    app.toggle(key="costs.probe.differs").set_value(True).run()
    heatmap = runs.figure(app, "costs.probe.map")["data"][0]
    deviations = numbers(heatmap["z"])
    assert heatmap["zmax"] == pytest.approx(deviations.max())
    assert (deviations < costs).all()
    assert heatmap["colorbar"]["title"]["text"] == "its deviation"


def test_a_cost_that_sees_no_actions_says_so_instead_of_a_map_of_one_colour(workspace, info, run):
    config, sizes = CostConfig(network="mlp", inputs="observations", hidden_sizes=(4,)), Sizes(4, 2)
    save_cost(run.folder / "cost.safetensors", CostNetwork(config, sizes), config, sizes)
    app = open_probe(run)
    assert "looks at observations alone" in runs.words(app)
    assert len(app.get("plotly_chart")) == 1
