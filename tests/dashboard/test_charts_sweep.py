"""A sweep's figure from its table."""

import pandas as pd

from dashboard.charts_sweep import sweep_figure
from safemil_core.running.sweeps.spec import SweepSpec
from safemil_core.running.sweeps.summary import ALL_DATASETS


def spec_of(**changes):
    return SweepSpec(**{"name": "one", "datasets": ["walks"], "seeds": 1, "episodes": 0, **changes})


def table_of(lines, metrics=("step_auc",)):
    cells = {f"{metric}{end}": 0.5 + by for metric in metrics for end, by in (("", 0), (" low", -0.1), (" high", 0.3))}
    return pd.DataFrame([{**line, "n": 1, **cells} for line in lines])


def test_medians_lie_along_the_axis_in_the_order_of_the_file_with_their_intervals():
    spec = spec_of(grid={"cost.window": [10, 1, 0]}, metrics=["step_auc"])
    figure = sweep_figure(table_of({"dataset": "walks", "cost.window": h} for h in (10, 1, 0)), spec)
    (trace,) = figure.data
    assert trace.x == ("10", "1", "full")
    assert figure.layout.xaxis.categoryarray == ("10", "1", "full")
    assert (round(trace.error_y.array[0], 3), round(trace.error_y.arrayminus[0], 3)) == (0.3, 0.1)
    assert (trace.mode, trace.showlegend) == ("lines+markers", False)


def test_there_is_a_panel_for_each_dataset_and_metric_and_a_colour_for_what_else_varies():
    spec = spec_of(
        datasets=["walks", "cars"], updates=[10, 20], variants={"plain": {}, "sparse": {}}, x="updates",
        metrics=["step_auc", "rank_correlation"],
    )  # fmt: skip
    lines = [
        {"dataset": name, "variant": variant, "updates": n}
        for name in ("walks", "cars", ALL_DATASETS)
        for variant in ("plain", "sparse")
        for n in (10, 20)
    ]
    figure = sweep_figure(table_of(lines, spec.metrics), spec)
    assert len(figure.data) == 2 * 2 * 2
    assert [trace.name for trace in figure.data if trace.showlegend] == ["plain", "sparse"]
    assert len({trace.line.color for trace in figure.data}) == 2
    assert {note.text for note in figure.layout.annotations} == {"walks", "cars", "step AUC", "rank correlation"}


def test_variants_have_no_order_so_their_points_are_not_joined():
    spec = spec_of(variants={"plain": {}, "<b>": {}}, x="variant", metrics=["step_auc"])
    (trace,) = sweep_figure(table_of({"dataset": "walks", "variant": v} for v in ("plain", "<b>")), spec).data
    assert trace.mode == "markers"
    assert trace.x == ("plain", "&lt;b>")


def test_what_was_drawn_at_random_lies_along_its_scale():
    spec = spec_of(
        random={"n": 2, "settings": {"cost.learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"}}},
        metrics=["step_auc"],
    )
    rates = (0.001, 0.0002)
    figure = sweep_figure(table_of({"dataset": "walks", "cost.learning_rate": rate} for rate in rates), spec)
    assert (figure.layout.xaxis.type, tuple(figure.data[0].x)) == ("log", rates)


def test_over_the_datasets_there_is_one_row():
    spec = spec_of(datasets=["walks", "cars"], x="dataset", metrics=["step_auc"])
    (trace,) = sweep_figure(table_of({"dataset": name} for name in ("walks", "cars", ALL_DATASETS)), spec).data
    assert trace.x == ("walks", "cars")
