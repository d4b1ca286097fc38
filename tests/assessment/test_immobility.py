"""Which trajectories hardly move."""

from __future__ import annotations

import numpy as np
import pytest

from safemil_core.assessment import immobility
from safemil_core.assessment.immobility import Yardstick, is_immobile, is_immobile_by_table
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.workspace import Workspace
from tests.factories import CAR_CIRCLE, store_of, trajectory_set


def walks(*paths: list[list[float]]) -> TrajectorySet:
    """Trajectories through these observations."""
    observations = np.concatenate([np.array(path, dtype=np.float32) for path in paths])
    offsets = np.concatenate([[0], np.cumsum([len(path) for path in paths])]).astype(np.int64)
    return TrajectorySet(observations, np.zeros((len(observations), 1), dtype=np.float32), offsets)


def test_reach_by_hand():
    moving, still = [[-3.0, 0.0], [3.0, 0.0]], [[0.0, 4.0], [0.0, 4.0]]
    # Over all four steps x deviates by sqrt(18 / 4) and y by 2; the mover by 3 in x alone, and 3^2 / 4.5 = 2.
    yardstick = Yardstick.of(walks(moving, still))
    np.testing.assert_allclose(yardstick.deviations, [np.sqrt(4.5), 2.0])
    assert yardstick.median == pytest.approx(0.5)
    np.testing.assert_allclose(yardstick.measure(walks(moving, still)), [2.0, 0.0])
    # Twice as far in x: sqrt(6^2 / 4.5 / 2) = 2, in units of 0.5.
    np.testing.assert_allclose(yardstick.measure(walks([[-6.0, 1.0], [6.0, 1.0]])), [4.0])


def test_less_than_half_of_the_median_reach_is_immobile():
    walk = walks([[-4.0], [4.0]], [[-4.0], [4.0]], [[-2.1], [2.1]], [[-1.9], [1.9]], [[-4.0], [4.0]])
    np.testing.assert_array_equal(is_immobile(walk), [False, False, False, True, False])


def test_a_dimension_that_never_varies_says_nothing_and_a_world_that_stands_still_has_no_immobile_ones():
    assert Yardstick.of(walks([[-1.0, 7.0], [1.0, 7.0]])).median == pytest.approx(1)
    frozen = walks([[1.0], [1.0]], [[1.0], [1.0]])
    np.testing.assert_array_equal(Yardstick.of(frozen).measure(frozen), [0, 0])
    assert not is_immobile(frozen).any()


def test_steps_are_read_in_blocks_that_change_nothing(monkeypatch):
    some = trajectory_set(5, 3, 400, 1, 7, 2, seed=3)
    whole = Yardstick.of(some).measure(some)
    monkeypatch.setattr(immobility, "_BLOCK", 12)
    np.testing.assert_allclose(Yardstick.of(some).measure(some), whole, rtol=1e-6)


def test_observations_that_are_images_alone_are_judged_by_the_actions():
    moves = np.array([[1.0], [-1.0], [1.0], [-1.0], [0.1], [-0.1]], dtype=np.float32)
    some = TrajectorySet(np.zeros((6, 0), dtype=np.float32), moves, np.array([0, 2, 4, 6]))
    np.testing.assert_array_equal(is_immobile(some), [False, False, True])


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    store = store_of(Workspace(tmp_path_factory.mktemp("cars")))
    return store, store.add(CAR_CIRCLE, name="cars")


def test_in_real_data_the_immobile_ones_are_those_without_return(cars):
    store, _ = cars
    data = store.open("cars")
    still = is_immobile(data)
    returns = data.returns()
    assert still.sum() == 21
    assert returns[still].max() < 15
    assert (returns[~still] < 15).sum() == 3


def test_the_table_says_the_same_without_the_steps(cars):
    store, _ = cars
    data, table = store.open("cars"), store.table("cars")
    np.testing.assert_array_equal(is_immobile_by_table(table), is_immobile(data))
    measured = Yardstick.of(data).measure(data)
    np.testing.assert_allclose(Yardstick.of_table(table).measure(data), measured, rtol=1e-6)
    np.testing.assert_allclose(Yardstick.of_table(table).measure_table(table), measured, rtol=1e-6)
