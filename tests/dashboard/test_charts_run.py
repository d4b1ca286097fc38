"""The figures of a run hold exactly the numbers that they were given."""

import numpy as np
import pandas as pd

from dashboard import charts_run
from safemil_core.assessment.state_maps import StateMap

LABELS = np.array(["none", "non_preferred", "none"])


def test_a_state_map_shows_the_value_and_the_count_of_each_cell():
    cells, edges = StateMap(np.array([[0.5, np.nan]]), np.array([[3, 0]])), (np.array([0.0, 1, 2]), np.array([0.0, 4]))
    (trace,) = charts_run.state_map(cells, edges, ("x", "speed"), "learned").data
    assert trace.x.tolist() == [0.5, 1.5]
    assert trace.y.tolist() == [2.0]
    np.testing.assert_array_equal(trace.z, [[0.5, np.nan]])
    assert trace.customdata.tolist() == [[3, 0]]
    assert "%{customdata} steps" in trace.hovertemplate


def test_a_dimension_named_by_a_stranger_is_no_markup():
    cells, edges = StateMap(np.ones((1, 1)), np.ones((1, 1))), (np.arange(2.0), np.arange(2.0))
    figure = charts_run.state_map(cells, edges, ("<b>x</b>", "%{z}"), "true")
    assert figure.layout.xaxis.title.text == "&lt;b>x&lt;/b>"
    assert "%{z}" not in figure.data[0].hovertemplate.replace("%{z:.3f}", "")


def test_histogram_bars_by_label():
    figure = charts_run.histogram(
        np.array([0.0, 1, 2]), {"none": np.array([3, 1]), "non_preferred": np.array([0, 2])}, "C"
    )
    assert {trace.name: trace.y.tolist() for trace in figure.data} == {"unlabelled": [3, 1], "non-preferred": [0, 2]}
    assert figure.data[0].x.tolist() == [0.5, 1.5]


def test_the_weight_scatter_names_what_is_known():
    table = pd.DataFrame(
        {"trajectory": [0, 1, 2], "cost": [1.0, 2.0, 3.0], "weight": [2.0, 1.0, 0.0], "label": LABELS[[0, 2, 1]]}
    )
    non_preferred, unlabelled = charts_run.weight_scatter(table).data
    assert unlabelled.x.tolist() == [1.0, 2.0]
    assert non_preferred.customdata == ([2],)
    assert "true cost" not in unlabelled.hovertemplate
    (trace,) = charts_run.weight_scatter(table.assign(label="none", true_cost=[0.0, 5.0, 6.0])).data
    assert trace.customdata == ([0.0, 0.0], [1.0, 5.0], [2.0, 6.0])
    assert "true cost %{customdata[1]:.1f}" in trace.hovertemplate


def test_of_very_many_trajectories_the_weight_scatter_draws_some_evenly_by_cost_and_says_so():
    n = 2 * charts_run.MOST_POINTS + 1
    costs = np.random.default_rng(0).permutation(n).astype(float)
    table = pd.DataFrame({"trajectory": np.arange(n), "cost": costs, "weight": 1.0, "label": "none"})
    (trace,) = charts_run.weight_scatter(table).data
    assert trace.x.tolist() == list(range(0, n, 3))
    assert trace.name == f"unlabelled ({len(trace.x):,} of {n:,} drawn)"


def test_episodes_are_points_and_means_have_whiskers():
    interval = {"mean": 2.0, "low": 1.0, "high": 4.0}
    result = {"return": interval, "cost": interval, "episodes": [{"seed": 7, "return": 9.0, "cost": 3.0}]}
    points, mean, *_ = charts_run.episodes({"policies": {"safe": result, "bc": result}}).data
    assert (points.x.tolist(), points.y.tolist(), points.customdata) == ([3.0], [9.0], (7,))
    assert (mean.error_x.array, mean.error_x.arrayminus) == ((2.0,), (1.0,))
