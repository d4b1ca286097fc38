"""Charts of what-ifs, bags and the worth of more marks: exact values."""

import numpy as np
import pandas as pd
import pytest

from dashboard.charts_theme import NON_PREFERRED, PREFERRED, UNLABELLED
from dashboard.charts_weights import (
    bag_curves,
    changes_over_noise,
    foretold_marks,
    moved_by_marks,
    preview_over_cost,
)
from safemil_core.assessment.label_curve import CurvePoint

LABELS = np.array(["non_preferred", "none", "none"])
POINTS = (
    CurvePoint(10, 10, None, None, None, 0.01, 0.75),
    CurvePoint(20, 10, 0.02, 0.01, 0.04, 0.005, None),
)


def test_changes_lie_over_their_noise_and_the_wedge_is_two_deviations():
    table = pd.DataFrame({"trajectory": [0, 1, 2], "cost_change": [1.0, -3.0, 0.5], "cost_noise": [0.2, 0.4, 1.0]})
    chart = changes_over_noise(table, LABELS)
    wedge, marked, rest = chart.data
    assert chart.layout.yaxis.range == pytest.approx((-3.3, 3.3))
    assert chart.layout.xaxis.range == pytest.approx((0, 1.3 * 0.988))  # the 99th percentile of the noise, and room
    assert list(wedge.y) == pytest.approx([0, 2.1, -2.1, 0])
    assert list(wedge.x) == pytest.approx([0, 1.05, 1.05, 0])
    assert (list(marked.x), list(marked.y), list(marked.customdata)) == ([0.2], [1.0], [0])
    assert (list(rest.x), list(rest.y), list(rest.customdata)) == ([0.4, 1.0], [-3.0, 0.5], [1, 2])
    assert marked.marker.color == NON_PREFERRED
    assert rest.marker.color == UNLABELLED


def test_the_preview_lies_over_the_cost_of_the_run():
    table = pd.DataFrame({"trajectory": [0, 1, 2], "cost": [9.0, 1, 2], "strength": [-1.0, 0, 0.5], "label": LABELS})
    chart = preview_over_cost(table)
    assert [list(trace.y) for trace in chart.data] == [[-1.0], [0, 0.5]]
    assert chart.layout.yaxis.range == (-1.08, 1.08)


def test_lemma_1_with_the_audit_s_band_and_both_ks():
    sizes = np.array([1, 2, 4])
    chart = bag_curves({"as found": 0.5}, sizes, used=4, recommended=2, band=(0.0, 1.0))
    band, curve = chart.data
    assert list(band.x) == [1, 2, 4, 4, 2, 1]
    assert list(band.y) == pytest.approx([1, 1, 1, 0, 0, 0])
    assert list(curve.y) == pytest.approx([0.5, 0.75, 0.9375])
    assert curve.line.color == PREFERRED
    lines = [shape.x0 for shape in chart.layout.shapes]
    assert lines[1:] == [4, 2]
    assert chart.layout.shapes[0].y0 == 0.95
    assert [note.text for note in chart.layout.annotations] == ["the run: K = 4", "asked for: K = 2"]
    assert [note.x for note in chart.layout.annotations] == pytest.approx([np.log10(4), np.log10(2)])
    assert chart.layout.xaxis.range == pytest.approx((0, np.log10(4)))


def test_without_an_audit_there_is_a_curve_for_each_share_and_no_band():
    chart = bag_curves({"a few": 0.05, "half": 0.5}, np.array([1, 8]), used=8, recommended=8)
    assert [trace.name for trace in chart.data] == ["a few", "half"]
    assert [trace.line.dash for trace in chart.data] == ["solid", "dash"]
    assert [note.text for note in chart.layout.annotations] == ["the run: K = 8"]


def test_what_marks_moved_stands_beside_what_a_seed_moves():
    seed, marks = moved_by_marks(POINTS).data
    assert (list(seed.x), list(seed.y)) == ([10, 20], [0.01, 0.005])
    assert (list(marks.x), list(marks.y)) == ([20], [0.02])
    assert list(marks.error_y.array) == pytest.approx([0.02])
    assert list(marks.error_y.arrayminus) == pytest.approx([0.01])


def test_marks_to_come_are_foretold_where_there_are_any():
    (trace,) = foretold_marks(POINTS).data
    assert (list(trace.x), list(trace.y)) == ([10], [0.75])
