"""The evidence of findings as figures."""

from __future__ import annotations

import pytest

from dashboard.charts_doctor import evidence_figure
from dashboard.charts_theme import LEARNED_COST, NON_PREFERRED, POLICY_COLOURS, UNLABELLED
from safemil_core.assessment.doctor.findings import Evidence, EvidenceKind, Series


def evidence(kind: EvidenceKind, *series: Series, threshold: float | None = None) -> Evidence:
    return Evidence(kind, "update", "loss", series, threshold)


def test_bars_stand_side_by_side_in_the_colours_of_what_they_mean():
    figure = evidence_figure(
        evidence(
            "bars",
            Series("marked", ("a", "b"), (1.0, 2.0), "non-preferred"),
            Series("others", ("a", "b"), (3.0, 4.0), "none"),
        )
    )
    marked, others = figure.data
    assert (marked.type, list(marked.x), list(marked.y)) == ("bar", ["a", "b"], [1.0, 2.0])
    assert (marked.marker.color, others.marker.color) == (NON_PREFERRED, UNLABELLED)
    assert figure.layout.barmode == "group"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("update", "loss")


@pytest.mark.parametrize(("kind", "mode"), [("lines", "lines"), ("points", "markers")])
def test_lines_and_points(kind, mode):
    (trace,) = evidence_figure(evidence(kind, Series("c", (0.0, 1.0), (0.5, 0.7), "learned cost"))).data
    assert (trace.type, trace.mode, list(trace.x), list(trace.y)) == ("scatter", mode, [0.0, 1.0], [0.5, 0.7])
    assert LEARNED_COST in (trace.line.color, trace.marker.color)


def test_the_threshold_is_a_line_across_and_a_single_series_needs_no_legend():
    figure = evidence_figure(evidence("lines", Series("loss", (1.0,), (0.7,)), threshold=0.69))
    (line,) = figure.layout.shapes
    assert (line.y0, line.y1, line.xref) == (0.69, 0.69, "x domain")
    assert figure.layout.showlegend is False
    assert not evidence_figure(evidence("lines", Series("loss", (1.0,), (0.7,)))).layout.shapes


def test_series_that_mean_nothing_fixed_differ_and_borrow_no_colour_that_means_something():
    one, other = evidence_figure(evidence("points", Series("a", (), ()), Series("b", (), ()))).data
    colours = {one.marker.color, other.marker.color}
    assert len(colours) == 2
    assert not colours & {LEARNED_COST, NON_PREFERRED, UNLABELLED, *POLICY_COLOURS.values()}


def test_a_few_points_stand_out_among_many():
    many = Series("data", tuple(range(100)), (0.0,) * 100)
    cloud, few = evidence_figure(evidence("points", many, Series("rollouts", (1.0,), (2.0,)))).data
    assert few.marker.size > cloud.marker.size


def test_names_from_files_are_text():
    (trace,) = evidence_figure(evidence("bars", Series("<b>x</b>", ("<i>",), (1.0,)))).data
    assert trace.name == "&lt;b>x&lt;/b>"
    assert list(trace.x) == ["&lt;i>"]
