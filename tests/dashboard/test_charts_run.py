"""The figures of a run hold exactly the numbers that they were given."""

import numpy as np
import pandas as pd

from dashboard import charts_run
from dashboard.charts_theme import LEARNED_COST, TRUE_COST
from safemil_core.assessment.maps import StateMap

LABELS = np.array(["none", "non_preferred", "none"])


def test_a_state_map_shows_the_value_and_the_count_of_each_cell():
    cells = StateMap(np.array([0.0, 1, 2]), np.array([0.0, 4]), np.array([[0.5, np.nan]]), np.array([[3, 0]]))
    (trace,) = charts_run.state_map(cells, "x", "speed", "learned").data
    assert trace.x.tolist() == [0.5, 1.5]
    assert trace.y.tolist() == [2.0]
    np.testing.assert_array_equal(trace.z, [[0.5, np.nan]])
    assert trace.customdata.tolist() == [[3, 0]]
    assert "%{customdata} steps" in trace.hovertemplate


def test_a_dimension_named_by_a_stranger_is_no_markup():
    cells = StateMap(np.arange(2.0), np.arange(2.0), np.ones((1, 1)), np.ones((1, 1)))
    figure = charts_run.state_map(cells, "<b>x</b>", "%{z}", "true")
    assert figure.layout.xaxis.title.text == "&lt;b>x&lt;/b>"
    assert "%{z}" not in figure.data[0].hovertemplate.replace("%{z:.3f}", "")


def test_true_costs_lie_behind_the_learned_ones_on_their_own_axis():
    true, learned = charts_run.step_costs(np.array([0.5, 0.25]), np.array([0.0, 4.0])).data
    assert true.y.tolist() == [0.0, 4.0]
    assert (true.line.color, true.yaxis) == (TRUE_COST, "y2")
    assert learned.y.tolist() == [0.5, 0.25]
    assert learned.line.color == LEARNED_COST


def test_without_true_costs_there_is_one_line():
    figure = charts_run.step_costs(np.array([0.5, 0.25]), None)
    assert [trace.name for trace in figure.data] == ["learned cost"]
    assert not figure.layout.yaxis2.visible


def test_an_ensembles_band_stays_within_0_and_1():
    band, _ = charts_run.step_costs(np.array([0.5, 0.95]), None, np.array([0.25, 0.1])).data
    np.testing.assert_allclose(band.y, [0.75, 1.0, 0.85, 0.25])
    assert band.x.tolist() == [0, 1, 1, 0]


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


def test_episodes_are_points_and_means_have_whiskers():
    interval = {"mean": 2.0, "low": 1.0, "high": 4.0}
    result = {"return": interval, "cost": interval, "episodes": [{"seed": 7, "return": 9.0, "cost": 3.0}]}
    points, mean, *_ = charts_run.episodes({"policies": {"safe": result, "bc": result}}).data
    assert (points.x.tolist(), points.y.tolist(), points.customdata) == ([3.0], [9.0], (7,))
    assert (mean.error_x.array, mean.error_x.arrayminus) == ((2.0,), (1.0,))
