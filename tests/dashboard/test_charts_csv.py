"""Charts as CSV: the numbers that they show, and nothing that a spreadsheet would run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts_csv import chart_table, csv_text


def test_a_line_by_the_titles_of_its_axes():
    figure = go.Figure(go.Scatter(x=np.array([0, 1]), y=np.array([0.5, 0.25], dtype=np.float32), name="learned"))
    figure.update_layout(xaxis_title="step", yaxis_title="cost")
    assert csv_text(chart_table(figure)) == "step,cost\n0,0.5\n1,0.25\n"


def test_several_series_have_their_names_in_front():
    figure = go.Figure(
        [go.Bar(x=[1.0], y=[3], name="unlabelled"), go.Bar(x=[1.0, 2.0], y=[4, 5], name="non-preferred")]
    )
    assert csv_text(chart_table(figure)) == "series,x,y\nunlabelled,1.0,3\nnon-preferred,1.0,4\nnon-preferred,2.0,5\n"


def test_a_heatmap_is_one_row_a_cell_and_an_empty_cell_has_no_value():
    figure = go.Figure(
        go.Heatmap(x=[0.5, 1.5], y=[10.0], z=np.array([[0.25, np.nan]]), colorbar={"title": {"text": "learned cost"}})
    )
    figure.update_layout(xaxis_title="x", yaxis_title="y")
    assert csv_text(chart_table(figure)) == "x,y,learned cost\n0.5,10.0,0.25\n1.5,10.0,\n"


def test_rows_of_a_heatmap_without_axes_are_counted():
    assert csv_text(chart_table(go.Figure(go.Heatmap(z=[[1], [2]])))) == "x,y,value\n0,0,1\n0,1,2\n"


def test_series_with_axes_of_their_own_do_not_share_a_heading():
    figure = go.Figure([go.Scatter(x=[0], y=[1], name="a"), go.Scatter(x=[0], y=[2], name="b", yaxis="y2")])
    figure.update_layout(xaxis_title="step", yaxis_title="learned cost")
    assert list(chart_table(figure).columns) == ["series", "x", "y"]


def test_points_that_only_take_clicks_are_left_out():
    figure = go.Figure([go.Scattergl(x=[1], y=[2], mode="markers", marker={"opacity": 0}), go.Scatter(x=[3], y=[4])])
    assert csv_text(chart_table(figure)) == "x,y\n3,4\n"


def test_intervals_come_along():
    error = {"type": "data", "symmetric": False, "array": [2.0], "arrayminus": [1.0]}
    figure = go.Figure(go.Scatter(x=[5.0], y=[6.0], error_y=error))
    assert csv_text(chart_table(figure)) == "x,y,y error below,y error above\n5.0,6.0,1.0,2.0\n"


def test_an_empty_chart_has_headings_only():
    assert csv_text(chart_table(go.Figure())) == "x,y\n"


def test_the_escapes_of_a_title_are_undone():
    figure = go.Figure(go.Scatter(x=[1], y=[2]))
    figure.update_xaxes(title="a &lt; b &amp; c")
    assert list(chart_table(figure).columns) == ["a < b & c", "y"]


def test_names_from_files_are_harmless_in_headings_and_in_cells_and_numbers_stay_numbers():
    table = pd.DataFrame({"=cmd()": ["@name", "fine", None], "y": [-1.0, 2.0, 3.0]})
    assert csv_text(table) == "'=cmd(),y\n'@name,-1.0\nfine,2.0\n,3.0\n"
