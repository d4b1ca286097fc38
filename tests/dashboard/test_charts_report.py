"""The figures of a report hold exactly the numbers that they were given."""

import numpy as np

from dashboard import charts_report
from dashboard.charts_live import Curve, Panel
from safemil_core.assessment.rasters import Picture, Window
from safemil_core.assessment.state_maps import StateMap


def test_a_state_map_shows_the_value_and_the_count_of_each_cell():
    cells, edges = StateMap(np.array([[0.5, np.nan]]), np.array([[3, 0]])), (np.array([0.0, 1, 2]), np.array([0.0, 4]))
    (trace,) = charts_report.state_map(cells, edges, ("x", "speed"), "learned").data
    assert trace.x.tolist() == [0.5, 1.5]
    assert trace.y.tolist() == [2.0]
    np.testing.assert_array_equal(trace.z, [[0.5, np.nan]])
    assert trace.customdata.tolist() == [[3, 0]]
    assert "%{customdata} steps" in trace.hovertemplate


def test_a_dimension_named_by_a_stranger_is_no_markup():
    cells, edges = StateMap(np.ones((1, 1)), np.ones((1, 1))), (np.arange(2.0), np.arange(2.0))
    figure = charts_report.state_map(cells, edges, ("<b>x</b>", "%{z}"), "true")
    assert figure.layout.xaxis.title.text == "&lt;b>x&lt;/b>"
    assert "%{z}" not in figure.data[0].hovertemplate.replace("%{z:.3f}", "")


def test_a_panel_of_curves_leaves_out_what_is_no_number():
    x, y = np.arange(3.0), np.array([1.0, np.nan, 3.0])
    (line,) = charts_report.curve_panel(Panel("loss", (Curve("a", x, y, "#000000", dash=(4, 2)),))).data
    assert (list(line.x), list(line.y), line.line.dash) == ([0.0, 2.0], [1.0, 3.0], "4px,2px")


def test_costs_over_time_are_those_of_the_levels_and_labels_are_a_strip_beside():
    levels = np.array([[1, 255], [0, 128]], dtype=np.uint8)
    picture = Picture(Window((0, 4), (0, 10)), np.array([0, 2, 4]), 5, levels, levels * 0, levels * 0)
    figure = charts_report.cost_over_time(picture, np.array(["non_preferred", "none", "none", "none"]), highest=0.5)
    cells, marked, others = figure.data
    np.testing.assert_array_equal(cells.z, np.array([[0.0, 0.5], [np.nan, 0.25]], dtype=np.float32))
    assert (list(cells.x), list(cells.y)) == ([0, 5], [0.5, 2.5])
    assert (marked.name, list(marked.y)) == ("non-preferred", [-0.5, 0.5])
    assert (others.name, list(others.y)) == ("unlabelled", [0.5, 3.5])
