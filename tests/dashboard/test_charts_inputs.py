"""Charts of which inputs a cost goes by: sorted, with both measures, and sums that are right."""

import numpy as np
import pandas as pd
import pytest

from dashboard import charts_inputs
from dashboard.charts_inputs import N_INPUTS, at_step, over_time, overall


def table(**columns):
    shape = {"auc_drop": [0.1, 0.3], "auc_drop_spread": [0.01, 0.02], "cost_change": [0.2, 0.4], "gradient": [0.1, 0.5]}
    return pd.DataFrame({"input": ["speed", "<i>limit"], **shape, **columns})


def test_both_measures_have_a_bar_for_each_input_the_weightiest_first():
    figure = overall(table())
    gradient, drop = figure.data
    assert gradient.x.tolist() == [0.5, 0.1]
    assert drop.x.tolist() == [0.3, 0.1]
    assert list(drop.error_x.array) == [0.02, 0.01]
    assert list(figure.layout.yaxis.ticktext) == ["&lt;i>limit", "speed"]


def test_an_image_has_no_gradient_and_is_placed_by_what_shuffling_it_changes():
    assert list(overall(table(gradient=[np.nan, 0.3])).layout.yaxis.ticktext) == ["&lt;i>limit", "speed"]
    assert list(overall(table(gradient=[np.nan, 0.1])).layout.yaxis.ticktext) == ["speed", "&lt;i>limit"]


def test_along_a_trajectory_a_row_an_input_and_the_same_scale_to_both_sides():
    added = np.array([[0.1, -0.4], [0.2, 0.0]], dtype=np.float32)
    costs = np.array([0.5, 0.6, 0.7, 0.8])
    figure = over_time(np.array([0, 2]), added, costs, ["speed", "limit"], step=3)
    curve, heatmap = figure.data
    assert len(curve.x) == 4
    assert list(heatmap.x) == [0, 2]
    np.testing.assert_allclose(heatmap.z, [[-0.4, 0.0], [0.1, 0.2]], atol=1e-6)
    assert (heatmap.zmin, heatmap.zmax) == pytest.approx((-0.39, 0.39))  # 95 % of the way from 0.2 to 0.4
    assert figure.layout.shapes[0].x0 == 3


def test_at_a_step_the_parts_lead_from_the_mean_step_to_its_cost():
    added = np.array([0.05, -0.2, 0.4])
    (bars,) = at_step(added, np.array([1.0, 2.0, 3.5]), ["a", "b", "c"], start=0.3).data
    assert list(bars.x[:-1]) == pytest.approx([0.3, 0.4, -0.2, 0.05])
    assert list(bars.customdata) == ["the mean step", "c = 3.5", "b = 2", "a = 1", "this step"]
    assert list(bars.measure) == ["absolute", "relative", "relative", "relative", "total"]
    assert sum(bars.x[:-1]) == pytest.approx(0.3 + added.sum())


def test_what_many_small_inputs_add_is_one_part():
    added = np.concatenate([np.full(N_INPUTS, 0.1), np.full(5, 0.01)])
    (bars,) = at_step(added, added, [f"obs {i}" for i in range(len(added))], start=0.0).data
    assert bars.customdata[-2] == "5 others"
    assert bars.x[-2] == pytest.approx(0.05)
    assert len(charts_inputs.most(added[None])) == N_INPUTS
