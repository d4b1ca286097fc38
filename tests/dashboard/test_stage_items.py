import base64

import numpy as np

from dashboard.components import stage_items
from dashboard.components.stage_items import N_EXACT, N_POINTS, Lane, Line, Scene, detail, item, scene
from safemil_core.assessment.evidence import evidence
from safemil_core.assessment.summaries import Paths


def floats(text):
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def steps(text):
    return np.frombuffer(base64.b64decode(text), dtype="<u4")


def walk(n_steps, dimensions=2):
    return np.random.default_rng(0).normal(size=(n_steps, dimensions)).cumsum(axis=0)


def test_an_item_carries_every_value_as_float32_and_a_scale_that_all_fit_into():
    found = item(3, np.array([[0.0, 0], [1, 0], [2, 0]]), [Lane((Line("cost", np.array([0.0, 2.5, 0.0])),), 0.0, 1.0)])
    assert (found["trajectory"], found["steps"], found["exact"]) == (3, 3, True)
    assert floats(found["path"]["x"]).tolist() == [0, 1, 2]
    (lane,) = found["lanes"]
    assert (lane["low"], lane["high"]) == (0.0, 2.5)
    assert (lane["lines"][0]["steps"], floats(lane["lines"][0]["values"]).tolist()) == (None, [0.0, 2.5, 0.0])


def test_the_band_of_an_ensemble_comes_along_and_leaves_the_scale_to_the_values():
    values, spread = np.array([0.5, 1.0]), np.array([0.1, 0.25])
    (lane,) = item(0, walk(2), [Lane((Line("cost", values, spread=spread),), 0.0, 1.0)])["lanes"]
    assert (lane["low"], lane["high"]) == (0.0, 1.0)
    assert floats(lane["lines"][0]["spread"]).tolist() == [np.float32(0.1), 0.25]


def test_a_long_trajectory_keeps_its_ends_and_peaks_and_stays_small():
    values = np.random.default_rng(0).uniform(size=3 * N_EXACT)
    values[[12_345, 40_000]] = -7.0, 9.0
    found = item(0, walk(len(values)), [Lane((Line("cost", values),), 0.0, 1.0)])
    assert not found["exact"]
    for kept in (found["path"]["steps"], found["lanes"][0]["lines"][0]["steps"]):
        assert (steps(kept)[0], steps(kept)[-1]) == (0, len(values) - 1)
        assert len(steps(kept)) <= N_POINTS
    assert {12_345, 40_000} <= set(steps(found["lanes"][0]["lines"][0]["steps"]).tolist())


def test_a_part_of_a_long_trajectory_is_exact():
    values = np.arange(3.0 * N_EXACT)
    found = detail(100, 103, [Lane((Line("cost", values),), 0.0, 1.0)])
    line = found["lanes"][0]["lines"][0]
    assert (found["first"], found["last"], found["exact"]) == (100, 103, True)
    assert steps(line["steps"]).tolist() == floats(line["values"]).tolist() == [100, 101, 102, 103]
    assert not detail(0, 2 * N_EXACT, [])["exact"]


def test_a_path_in_space_has_a_third_axis_in_its_scene_too():
    assert floats(item(0, walk(5, 3), [])["path"]["z"]).shape == (5,)
    nan = np.float32("nan")
    drawn = scene(Scene(("x", "y", "height"), Paths(np.float32([0, 1]), np.float32([2, nan])), np.float32([4, 7])))
    assert (drawn["zName"], drawn["zRange"], drawn["yRange"]) == ("height", [4.0, 7.0], [2.0, 2.0])
    assert scene(Scene(("x", "y"), Paths(np.float32([0]), np.float32([2]))))["z"] is None


def words(costs):
    return stage_items.item(0, walk(len(costs)), [], evidence(np.array(costs)))["evidence"]["words"]


def test_the_evidence_is_a_sentence():
    assert words([0.0] * 5 + [2.0, 2.0]) == "these 2 steps carry 100 % of the cost"
    assert words([0.0, 0.0, 5.0]) == "this step carries 100 % of the cost"
    assert words([0.5] * 10) == "the cost is spread: 80 % of it takes 8 of 10 steps"
    assert words([0.0, 0.0]) == "no step carries any cost"
