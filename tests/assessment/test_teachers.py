"""Which training steps taught a policy what it did."""

from __future__ import annotations

import numpy as np
import pytest

from safemil_core.assessment import teachers as module
from safemil_core.assessment.teachers import Library, teachers
from safemil_core.data.trajectories import TrajectorySet
from tests.factories import trajectory_set

LINE = TrajectorySet(
    observations=np.array([[-2.0], [0.0], [2.0], [-2.0], [0.5], [2.0], [-2.0], [0.0], [2.0]], dtype=np.float32),
    actions=np.array([[0.0], [1.0], [0.0], [0.0], [-1.0], [0.0], [0.0], [0.5], [0.0]], dtype=np.float32),
    offsets=np.array([0, 3, 6, 9]),
)
"""Three trajectories of three steps on a line; the middle step of each is near 0."""
MOMENT = np.array([0.0], dtype=np.float32), np.array([1.0], dtype=np.float32)


def test_the_nearest_step_of_each_trajectory_by_hand(monkeypatch):
    monkeypatch.setattr(module, "NEIGHBOURS", 3)
    found = teachers(Library.of(LINE), LINE, np.ones(9), *MOMENT)
    deviation = LINE.observations.std()
    assert found["trajectory"].tolist() == [0, 2, 1]
    assert found["step"].tolist() == [1, 1, 1]
    offset = 0.5 / deviation
    np.testing.assert_allclose(found["distance"], [0, 0, offset], atol=1e-6)
    np.testing.assert_allclose(found["action_difference"], [0, 0.5, 2])
    # The third nearest state is one deviation of the kernel away, whose value there is exp(-1 / 2).
    assert found["share"].iloc[2] / found["share"].iloc[0] == pytest.approx(np.exp(-0.5), rel=2e-3)
    assert found["share"].sum() == pytest.approx(1)


def test_what_has_no_weight_teaches_nothing_and_what_has_much_teaches_most():
    weights = np.repeat([0.0, 5.0, 1.0], 3)
    found = teachers(Library.of(LINE), LINE, weights, *MOMENT)
    assert found["trajectory"].tolist() == [1, 2]
    assert found["weight"].tolist() == [5, 1]


def test_a_state_far_from_everything_still_has_its_nearest():
    found = teachers(Library.of(LINE), LINE, np.ones(9), np.array([1e6], dtype=np.float32), MOMENT[1])
    assert found["step"].tolist() == [2, 2, 2]
    assert found["share"].sum() == pytest.approx(1)


def test_a_state_like_those_of_the_data_is_as_near_as_usual_and_one_far_from_them_is_strange(monkeypatch):
    monkeypatch.setattr(module, "NEIGHBOURS", 2)
    grid = np.arange(20, dtype=np.float32)[:, None]
    library = Library.of(TrajectorySet(grid, grid, np.array([0, 20])))
    assert library.usual_radius == pytest.approx(1 / grid.std())  # of two nearest, the state itself is one
    assert library.strangeness(np.array([10.0], np.float32)) == pytest.approx(1)
    assert library.strangeness(np.array([29.0], np.float32)) == pytest.approx(11, rel=1e-4)  # 10 and 11 away


@pytest.mark.parametrize("place", [203, 702, 1104, 1499])
def test_a_thinned_library_finds_what_the_whole_one_finds_where_it_has_no_state(place, monkeypatch):
    rng = np.random.default_rng(0)
    walk = np.concatenate([rng.normal(size=(300, 2)).cumsum(axis=0) for _ in range(6)]).astype(np.float32)
    data = TrajectorySet(walk, np.zeros((1800, 1), np.float32), np.arange(0, 1801, 300))
    whole = Library.of(data)
    monkeypatch.setattr(module, "MOST_STEPS", 400)
    thinned = Library.of(data)
    assert (thinned.stride, len(thinned.states)) == (5, 360)
    assert place not in thinned.steps
    moment = walk[place], np.zeros(1, np.float32)
    expected, found = (teachers(library, data, np.ones(1800), *moment) for library in (whole, thinned))
    assert found["trajectory"].iloc[0] == expected["trajectory"].iloc[0]
    expected, found = (table.sort_values("trajectory") for table in (expected, found))
    assert found["step"].tolist() == expected["step"].tolist()
    np.testing.assert_allclose(found["share"], expected["share"], atol=0.06)


def test_a_thinned_library_calls_a_state_as_strange_as_the_whole_one_does(monkeypatch):
    line = np.linspace(-1, 1, 6400, dtype=np.float32)[:, None]
    data = TrajectorySet(line, line, np.array([0, 6400]))
    whole = Library.of(data)
    monkeypatch.setattr(module, "MOST_STEPS", 400)
    thinned = Library.of(data)
    assert thinned.stride == 16
    assert thinned.usual_radius == pytest.approx(whole.usual_radius, rel=0.3)
    beyond = np.array([1.5], np.float32)
    assert thinned.strangeness(beyond) == pytest.approx(whole.strangeness(beyond), rel=0.3)


def test_a_dimension_that_never_varies_is_compared_as_it_is_and_pixels_alone_are_not():
    data = TrajectorySet(np.ones((4, 1), np.float32), np.zeros((4, 1), np.float32), np.array([0, 2, 4]))
    found = teachers(Library.of(data), data, np.ones(4), np.array([3.0], np.float32), np.zeros(1, np.float32))
    np.testing.assert_allclose(found["distance"], [2, 2])
    unseen = TrajectorySet(np.ones((4, 0), np.float32), np.zeros((4, 1), np.float32), np.array([0, 2, 4]))
    assert teachers(Library.of(unseen), unseen, np.ones(4), np.zeros(0, np.float32), MOMENT[1]).empty


def test_only_so_many_are_given():
    some = trajectory_set(*[4] * 30)
    found = teachers(Library.of(some), some, np.ones(120), some.observations[5], some.actions[5], n=7)
    assert len(found) == 7
    assert found["share"].is_monotonic_decreasing
