"""What the curves of a run are made of, and what the browser gets of them."""

import base64

import numpy as np
import pandas as pd

from dashboard.charts_live import Curve, Panel, panels
from dashboard.charts_theme import RUN_COLOURS, run_style
from dashboard.components.curves import N_POINTS, drawing

METRICS = pd.DataFrame(
    {
        "update": [25.0, 50, 75],
        "cost_loss": [0.75, 0.5, np.nan],  # the cost is learned, the policies go on
        "score_non_preferred": [0.5, 0.75, np.nan],
        "score_unlabelled": [0.5, 0.25, np.nan],
        "policy_loss": [np.nan, np.nan, 2.0],
        "bc_loss": [np.nan, np.nan, 3.0],
    }
)


def points(curve):
    """Both coordinates of what the browser draws of a curve."""
    kinds = {"x": "<f8", "y": "<f4"}
    return [np.frombuffer(base64.b64decode(curve[axis]), dtype=kinds[axis]).tolist() for axis in kinds]


def test_panels_show_what_is_logged_and_no_more():
    names = {panel.title: [curve.name for curve in panel.curves] for panel in panels(METRICS)}
    assert names == {
        "Loss of the cost network": ["loss", "guessing (log 2)"],
        "Scores of the bags": ["non-preferred", "unlabelled"],
        "Learned cost c": [],
        "Losses of the policies": ["safe policy", "plain cloning"],
    }


def test_guessing_goes_as_far_as_the_loss():
    _, guessing = panels(METRICS)[0].curves
    assert guessing.x.tolist() == [25, 50]
    np.testing.assert_allclose(guessing.y, 0.693147, rtol=1e-6)


def test_an_ensemble_and_preferred_labels_have_curves_of_their_own():
    more = METRICS.assign(disagreement=0.1, score_preferred=0.2)
    names = [curve.name for panel in panels(more) for curve in panel.curves]
    assert {"disagreement of the networks", "preferred"} <= set(names)


def test_points_that_are_no_numbers_are_left_out():
    y = np.array([1.0, np.nan, np.inf, 4.0])
    (panel,) = drawing([Panel("loss", (Curve("a", np.arange(4.0), y, "#000000", dash=(4, 4)),), "seconds")])
    (curve,) = panel["curves"]
    assert (panel["title"], panel["xName"]) == ("loss", "seconds")
    assert (curve["name"], curve["colour"], curve["dash"]) == ("a", "#000000", (4, 4))
    assert points(curve) == [[0, 3], [1, 4]]


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_its_only_peak():
    y = np.zeros(1_000_000)
    y[123_456] = 7.0
    (panel,) = drawing([Panel("loss", (Curve("a", np.arange(1e6), y, "#000000"),))])
    x, y = points(panel["curves"][0])
    assert len(x) == len(y) <= N_POINTS
    assert (x[0], x[-1]) == (0, 999_999)
    assert dict(zip(x, y, strict=True))[123_456] == 7.0


def test_twenty_one_runs_are_drawn_each_in_another_style():
    styles = [run_style(number) for number in range(21)]
    assert len({(style.colour, style.dash) for style in styles}) == 21
    assert len({(style.colour, style.stroke) for style in styles}) == 21
    assert run_style(0).dash == ()
    assert [style.colour for style in styles[:7]] == list(RUN_COLOURS)
