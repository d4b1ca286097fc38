"""Maps of cells as panels: the scale of each kind, from where to where."""

import numpy as np
import pytest

from dashboard.charts_maps import Grid, panel
from dashboard.charts_theme import DIFFERENCE_SCALES, LEARNED_COST_SCALE, STEPS_SCALE, TRUE_COST_SCALE
from safemil_core.assessment.state_maps import StateMap

FOUND = StateMap(np.array([[np.nan, 0.25], [-0.5, 0.125]]), np.array([[0, 3], [1, 2]]))
NOTHING = StateMap(np.full((1, 2), np.nan), np.zeros((1, 2), dtype=int))


@pytest.mark.parametrize(
    "kind, scale, low, high",
    [
        ("learned", LEARNED_COST_SCALE, 0, 0.5),
        ("true", TRUE_COST_SCALE, 0, 0.5),
        ("difference", DIFFERENCE_SCALES, -0.5, 0.5),
        ("share", DIFFERENCE_SCALES, -50, 50),
    ],
)
def test_each_kind_has_its_scale_and_a_difference_the_same_way_to_either_side(kind, scale, low, high):
    found = panel(FOUND, "title", kind)
    assert (found.scale, found.low, found.high, found.is_log) == (scale, low, high, False)
    np.testing.assert_array_equal(found.values, FOUND.values * (100 if kind == "share" else 1))
    assert found.unit == (" %" if kind == "share" else "")


def test_steps_go_by_their_logarithm_from_one():
    counts = np.array([[7.0, np.nan, 300.0]])
    found = panel(StateMap(counts, np.nan_to_num(counts).astype(int)), "steps", "steps")
    assert (found.scale, found.low, found.high, found.is_log) == (STEPS_SCALE, 1, 300, True)


@pytest.mark.parametrize("kind", ["learned", "difference", "share", "steps"])
def test_a_map_without_steps_still_has_a_scale(kind):
    found = panel(NOTHING, "title", kind)
    assert found.low < found.high


@pytest.mark.parametrize("scale", [LEARNED_COST_SCALE, TRUE_COST_SCALE, STEPS_SCALE, DIFFERENCE_SCALES["dark"][4:]])
def test_a_scale_goes_in_even_steps_of_lightness(scale):
    """OKLab's lightness (Ottosson 2020) of its colours, which people see as even."""
    steps = np.diff([_lightness(colour) for colour in scale])
    np.testing.assert_allclose(steps, steps.mean(), atol=0.016)


@pytest.mark.parametrize("theme", DIFFERENCE_SCALES)
def test_a_difference_is_as_light_to_either_side(theme):
    lightness = [_lightness(colour) for colour in DIFFERENCE_SCALES[theme]]
    np.testing.assert_allclose(lightness, lightness[::-1], atol=0.01)


def _lightness(colour):
    encoded = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = [[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]] @ linear
    return np.cbrt(cones) @ [0.21045, 0.79362, -0.00407]


def test_the_cells_of_a_grid_are_those_between_its_edges():
    with pytest.raises(AssertionError):
        Grid("id", "x", "y", np.arange(3), np.arange(3), np.zeros((2, 3), dtype=int))
