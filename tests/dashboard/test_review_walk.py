import numpy as np
import pytest

from dashboard.components.review_queue import N_AHEAD, N_BEHIND, Walk
from safemil_core.assessment.review_queue import QueueItem


def queue(*numbers):
    return [QueueItem(number, f"why {number}") for number in numbers]


def labels(*judged, n=10):
    found = np.full(n, "none", dtype="U13")
    found[list(judged)] = "preferred"
    return found


def numbers(items):
    return [item.trajectory for item in items]


@pytest.fixture
def walk():
    return Walk(tuple(queue(4))).planned(queue(4, 2, 7, 1, 9), labels())


def test_the_next_ones_are_planned_in_the_order_of_the_queue(walk):
    assert walk.current == QueueItem(4, "why 4")
    assert numbers(walk.upcoming) == [2, 7, 1]


def test_what_is_planned_stays_though_the_queue_changes(walk):
    assert numbers(walk.planned(queue(9, 8, 7), labels()).upcoming) == [2, 7, 1]
    assert numbers(walk.forward().planned(queue(9, 8, 7), labels()).upcoming) == [7, 1, 9]


def test_what_somebody_else_has_judged_need_not_be_looked_at(walk):
    assert numbers(walk.planned(queue(4, 2, 7, 1, 9), labels(7)).upcoming) == [2, 1, 9]


def test_back_and_forth_is_the_same_way(walk):
    there = walk.forward().forward()
    assert there.current.trajectory == 7
    back = there.back()
    assert (back.current.trajectory, numbers(back.upcoming), back.previous.trajectory) == (2, [7, 1], 4)
    assert back.forward() == there
    assert walk.back() == walk and walk.previous is None


def test_skipped_ones_come_back_after_all_others(walk):
    walk = walk.skip()
    order = queue(4, 2, 7)
    walk = walk.planned(order, labels()).forward().planned(order, labels(2)).forward().planned(order, labels(2, 7))
    seen = [walk.current.trajectory, *numbers(walk.upcoming)]
    assert seen[0] == 1  # planned before the queue became shorter
    assert seen[-1] == 4


def test_a_skipped_one_that_lies_too_far_behind_to_be_gone_back_to_does_not_come_back_early():
    n = N_BEHIND + 10
    order, judged = queue(*range(n)), []
    walk = Walk(tuple(queue(0))).planned(order, labels(n=n)).skip()
    for _ in range(n - 3):
        judged.append(walk.current.trajectory)
        walk = walk.planned(order, labels(*judged, n=n)).forward()
    assert 0 not in numbers(walk.visited)
    assert walk.current.trajectory == n - 2
    assert numbers(walk.planned(order, labels(*judged, n=n)).upcoming) == [n - 1]


def test_where_the_queue_ends_nothing_comes(walk):
    walk = Walk(tuple(queue(4))).planned(queue(4), labels())
    assert walk.upcoming == ()
    assert walk.forward() == walk


def test_one_can_go_to_any_trajectory_and_on_from_there(walk):
    walk = walk.forward().go_to(8)
    assert walk.current.why == "You came here by its number."
    assert (walk.forward().current.trajectory, walk.back().current.trajectory) == (7, 2)
    assert walk.go_to(4).current.why == "why 4"


def test_no_more_are_planned_than_the_browser_is_to_keep(walk):
    assert len(walk.ahead) == N_AHEAD
    assert len(walk.forward().forward().back().back().upcoming) == N_AHEAD
