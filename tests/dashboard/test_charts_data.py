import numpy as np
import pandas as pd

from dashboard.charts_data import axis_words, length_histogram, region_figure, trajectory_scatter
from dashboard.charts_theme import NON_PREFERRED, UNLABELLED
from safemil_core.assessment.summaries import Paths

TABLE = pd.DataFrame(
    {"trajectory": [0, 1, 2], "length": [4, 5, 6], "return": [7.0, 8.0, 9.0], "true_cost": [0.0, 3.0, 1.0]}
)


def test_points_carry_their_trajectory_and_their_labels_colour():
    figure = trajectory_scatter(TABLE, np.array(["none", "non_preferred", "none"]))
    unlabelled, marked = figure.data
    assert (unlabelled.name, unlabelled.marker.color) == ("unlabelled (2)", UNLABELLED)
    assert (marked.name, marked.marker.color) == ("non-preferred (1)", NON_PREFERRED)
    assert figure.layout.legend.traceorder == "reversed"  # the marked ones are drawn last and named first
    assert list(unlabelled.customdata) == [0, 2]
    assert (list(marked.customdata), list(marked.x), list(marked.y)) == ([1], [3.0], [8.0])


def test_without_the_truth_the_mean_position_is_drawn():
    table = pd.DataFrame({"trajectory": [0, 1], "length": [4, 5], "mean 0": [0.5, 1.5], "mean 1": [2.0, 3.0]})
    figure = trajectory_scatter(table, np.array(["none", "none"]), ("x", "y"))
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([0.5, 1.5], [2.0, 3.0])
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("mean x", "mean y")


def test_one_dimension_is_drawn_over_the_length():
    table = pd.DataFrame({"trajectory": [0, 1], "length": [4, 5], "mean 0": [0.5, 1.5]})
    figure = trajectory_scatter(table, np.array(["none", "none"]), ("x",))
    assert list(figure.data[0].y) == [4.0, 5.0]


def test_the_axes_can_be_chosen():
    figure = trajectory_scatter(TABLE, np.array(["none", "unsure", "none"]), axes=("length", "return"))
    assert [trace.name for trace in figure.data] == ["unlabelled (2)", "unsure (1)"]
    assert (list(figure.data[1].x), list(figure.data[1].y)) == ([5.0], [8.0])
    assert figure.layout.xaxis.title.text == "length (steps)"


def test_columns_have_words():
    assert axis_words("mean 1", ("x", "speed")) == "mean speed"
    assert axis_words("mean 7", ()) == "mean 7"
    assert axis_words("learned_cost", ()) == "learned cost"
    assert axis_words("embedding 2", ("x",)) == "embedding 2"


def test_a_region_is_drawn_on_lines_that_carry_no_points_to_select():
    paths = Paths(x=np.array([0, 1, np.nan], dtype=np.float32), y=np.array([2, 3, np.nan], dtype=np.float32))
    figure = region_figure(paths, "x", "y")
    (trace,) = figure.data
    assert (trace.mode, figure.layout.dragmode) == ("lines", "lasso")


def test_names_from_files_are_text():
    table = pd.DataFrame({"trajectory": [0], "length": [4], "mean 0": [0.5], "mean 1": [2.0]})
    figure = trajectory_scatter(table, np.array(["none"]), ("<b>x", "%{z}"))
    layout = figure.layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("mean &lt;b>x", "mean % {z}")
    assert "mean &lt;b>x %{x:.4g}<br>mean % {z} %{y:.4g}" in figure.data[0].hovertemplate
    layout = region_figure(Paths(x=np.zeros(1), y=np.zeros(1)), "<b>x", "y").layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("&lt;b>x", "y")


def test_every_trajectory_is_in_one_bar():
    figure = length_histogram(np.array([10, 10, 12]))
    assert list(figure.data[0].y) == [2, 0, 1]
