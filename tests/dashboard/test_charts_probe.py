"""Charts of the cost as a function: where it is moved, where the step is, and where the data lie."""

import numpy as np

from dashboard import charts_probe
from safemil_core.assessment.probe import Density, Line, Plane, density

X = np.linspace(0, 1, 60, dtype=np.float32)
COSTS = np.tile(X, (60, 1))
DATA = np.array([[0.5, 0.5]] * 90 + [[0.1, 0.9]] * 10)
WHERE = density(Plane(X, X, COSTS, None), DATA)


def traces(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_a_plane_shows_the_cost_the_step_and_those_alike():
    alike = np.array([[0.2, 0.3], [7.0, 0.3]])
    figure = charts_probe.plane(Plane(X, X, COSTS, None), ("speed", "<b>limit"), (0.25, 0.75), WHERE, alike)
    heatmap, drawn = figure.data[0], traces(figure)
    np.testing.assert_array_equal(heatmap.z, COSTS)
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)
    assert (drawn["this step"].x, drawn["this step"].y) == ((0.25,), (0.75,))
    assert drawn["steps most alike"].x.tolist() == [0.2]  # the other lies outside
    assert figure.layout.yaxis.title.text == "&lt;b>limit"


def test_outlines_hold_the_shares_of_the_steps_that_they_name():
    held = np.array([[0.0, 0.5], [0.9, 1.0]])
    where = Density(np.array([1.0, 2.0]), np.array([3.0, 4.0]), held)
    figure = charts_probe.plane(Plane(X, X, COSTS, None), ("a", "b"), (0, 0), where, DATA[:1])
    outline = traces(figure)["50, 90 % of steps"]
    np.testing.assert_allclose(outline.z, held)
    assert (list(outline.x), list(outline.y)) == ([1, 2], [3, 4])
    assert (outline.contours.start, outline.contours.start + outline.contours.size) == (0.5, 0.9)


def test_a_curve_over_one_number_with_its_band_and_its_data():
    found = Line(X, 0.5 + 0 * X, np.full(60, 0.1, dtype=np.float32))
    figure = charts_probe.line(found, "speed", 0.25, DATA[:, 0])
    drawn = traces(figure)
    assert drawn["recorded steps"].customdata.sum() == 100
    np.testing.assert_allclose(drawn["learned cost"].y, 0.5)
    upper, lower = np.split(np.array(drawn["how far its networks differ"].y), 2)
    np.testing.assert_allclose([upper, lower], [np.full(60, 0.6), np.full(60, 0.4)], atol=1e-6)
    assert figure.layout.shapes[0].x0 == 0.25


def test_a_bar_for_each_choice_and_the_taken_ones_stand_out():
    gear = Line(np.arange(3, dtype=np.float32), np.array([0.1, 0.2, 0.3], dtype=np.float32), None)
    horn = Line(np.arange(2, dtype=np.float32), np.array([0.4, 0.5], dtype=np.float32), None)
    (bars,) = charts_probe.choices([gear, horn], ["gear", "horn"], [2, 0]).data
    assert list(bars.x) == ["gear 0", "gear 1", "gear 2", "horn 0", "horn 1"]
    np.testing.assert_allclose(bars.y, [0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-6)
    assert list(bars.marker.opacity) == [0.45, 0.45, 1, 1, 0.45]
