"""Figures of costs and weights hold exactly the numbers that they were given."""

import numpy as np
import pandas as pd

from dashboard import charts_run

LABELS = np.array(["none", "non_preferred", "none"])


def test_histogram_bars_by_label():
    figure = charts_run.histogram(
        np.array([0.0, 1, 2]), {"none": np.array([3, 1]), "non_preferred": np.array([0, 2])}, "C"
    )
    assert {trace.name: trace.y.tolist() for trace in figure.data} == {"unlabelled": [3, 1], "non-preferred": [0, 2]}
    assert figure.data[0].x.tolist() == [0.5, 1.5]
    assert figure.layout.legend.traceorder == "normal"


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
