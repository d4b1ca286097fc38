"""The probe: exact costs of numbers that nobody recorded, and which recorded steps are like one."""

import numpy as np
import pytest

from safemil_core.assessment.probe import (
    N_ALIKE,
    N_CELLS,
    N_DENSITY,
    Plane,
    Ranges,
    alike,
    by_reach,
    density,
    line,
    plane,
    reach,
    sampled,
    widened,
)
from safemil_core.data.recording import Part
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.cost_function import CostFunction
from safemil_core.learning.layers import Linear

NUMBER = (Part(shape=(1,)),)


def by_weights(*members, n_observations=2, parts=NUMBER):
    """c = sigmoid(w . inputs), for the weights of each member of an ensemble."""
    weights = np.array(members, dtype=np.float32)[:, :, None]
    size = weights.shape[1]
    ones = np.ones(size, dtype=np.float32)
    layer = Linear(weights, np.zeros((len(members), 1, 1), np.float32))
    return CostFunction(0 * ones, ones, (layer,), parts, n_observations)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


STEP = np.array([1.0, 2.0, 3.0], dtype=np.float32)


def test_a_plane_moves_two_numbers_and_keeps_the_others():
    found = plane(by_weights([1, 0.5, -1]), STEP, 0, 2, (-1, 1), (0, 4))
    assert found.costs.shape == (N_CELLS, N_CELLS)
    assert found.spread is None
    xs, ys = np.linspace(-1, 1, N_CELLS), np.linspace(0, 4, N_CELLS)
    np.testing.assert_allclose(found.costs, sigmoid(xs[None] + 0.5 * 2 - ys[:, None]), atol=1e-6)


def test_of_an_ensemble_the_mean_and_how_far_it_differs():
    found = line(by_weights([1, 0, 0], [-1, 0, 0]), STEP, 0, np.array([0.0, 2.0]))
    np.testing.assert_allclose(found.costs, [0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(found.spread, [0, sigmoid(2) - 0.5], atol=1e-6)


def test_a_line_goes_over_the_choices_of_a_discrete_action():
    gear = (Part("gear", dtype="int64", n_choices=3),)
    function = by_weights([0, 0, -1, 0, 1], parts=gear)
    found = line(function, np.array([1, 2, 0], dtype=np.float32), 2, np.arange(3, dtype=np.float32))
    np.testing.assert_allclose(found.costs, sigmoid(np.array([-1, 0, 1])), atol=1e-6)


def test_how_far_each_number_reaches():
    ranges = np.array([[0, 1], [-2, 2], [5, 5]])
    steps = np.zeros((3, 3), dtype=np.float32)
    found = reach(by_weights([1, 1, 1]), steps, ranges, [0, 1, 2])
    assert found == pytest.approx([sigmoid(1) - 0.5, sigmoid(2) - sigmoid(-2), 0], abs=1e-6)
    assert by_reach(by_weights([1, 1, 1]), steps, ranges, [2, 0, 1]) == [1, 0, 2]
    assert by_reach(by_weights([1, 1, 1]), steps, ranges, []) == []


def over(across, up):
    """A plane of which only the place matters."""
    return Plane(np.array(across, np.float32), np.array(up, np.float32), np.zeros((2, 2), np.float32), None)


def test_a_plane_holds_the_points_from_its_first_values_to_its_last():
    points = np.array([[0, 5], [1, 7], [1.1, 6], [0.5, 4.9]])
    assert over([0, 1], [5, 7]).holds(points).tolist() == [True, True, False, False]


def test_the_densest_cells_that_hold_a_share_of_the_steps_lie_within_its_outline():
    # Of 9 steps in one cell and 1 in another, each cell spreads over 5 x 5, as 1 4 6 4 1 over 16 along either axis.
    far = [0.5 + 1 / (2 * N_DENSITY), 0.25 + 1 / (2 * N_DENSITY)]
    points = np.array([far] * 9 + [[0.9 + 1 / (2 * N_DENSITY)] * 2, [7.0, 7.0]])  # the last one lies outside
    found = density(over([0, 1], [0, 1]), points)
    assert found.held.shape == (N_DENSITY, N_DENSITY)
    row, column = N_DENSITY // 4, N_DENSITY // 2
    np.testing.assert_allclose([found.x[column], found.y[row]], far)
    assert found.held[row, column] == 0  # nothing is denser
    np.testing.assert_allclose(found.held[row, column + 1], 0.9 * 36 / 256)  # the middle alone is
    np.testing.assert_allclose(found.held[row + 1, column + 1], 0.9 * (36 + 4 * 24) / 256)
    assert found.held[0, 0] == pytest.approx(1)  # where nothing lies


def test_ranges_are_the_central_ones_and_all():
    numbers = np.arange(1001, dtype=np.float32)[:, None]
    known = Ranges.of(numbers)
    assert known.central == pytest.approx(np.array([[5, 995]]))
    assert known.full.tolist() == [[0, 1000]]


def test_a_range_reaches_as_far_as_the_step_and_is_never_empty():
    assert widened(np.array([0.0, 1.0]), 3.0) == (0, 3)
    assert widened(np.array([0.0, 1.0]), 0.5, by=0.5) == (-0.5, 1.5)
    assert widened(np.array([2.0, 2.0]), 2.0) == (1.5, 2.5)


def test_steps_are_alike_in_the_numbers_that_are_not_moved():
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.normal(size=(1_000, 2)), np.ones((1_000, 1))], axis=1).astype(np.float32)
    numbers[:, 1] *= 100
    step = np.array([50.0, 0.0, 1.0], dtype=np.float32)
    found = alike(numbers, Ranges.of(numbers).deviation, step, free=(0,))
    nearest = np.argsort(np.abs(numbers[:, 1]))[:N_ALIKE]
    assert set(found) == set(nearest)


def test_a_sample_is_evenly_spaced_whether_the_steps_lie_in_memory_or_in_a_file(tmp_path):
    numbers = np.arange(3_000, dtype=np.float32).reshape(1_000, 3)
    np.save(tmp_path / "observations.npy", numbers[:, :2])
    in_file = np.load(tmp_path / "observations.npy", mmap_mode="r")
    for observations in (numbers[:, :2], in_file):
        steps = TrajectorySet(observations, numbers[:, 2:], np.array([0, 400, 1_000]))
        np.testing.assert_array_equal(sampled(steps, 300), numbers[::3])
    np.testing.assert_array_equal(sampled(steps, 5_000), numbers)
