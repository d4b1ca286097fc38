"""Batches one after another: the same ones in the same order, whether they are made ahead or not."""

import threading

import pytest

from safemil_core.learning.ahead import N_AHEAD, Ahead

both = pytest.mark.parametrize("is_ahead", [False, True])


@both
def test_batches_come_in_order(is_ahead):
    batches = Ahead(lambda number: number**2, is_ahead=is_ahead)
    assert [batches.next() for _ in range(10)] == [number**2 for number in range(10)]
    assert batches.number == 10


@both
def test_a_restart_goes_on_with_the_given_number_and_what_there_is_to_make_now(is_ahead):
    factor = [1]
    batches = Ahead(lambda number: factor[0] * number, is_ahead=is_ahead)
    assert [batches.next() for _ in range(5)] == [0, 1, 2, 3, 4]
    factor[0] = 10
    batches.restart(3)
    assert batches.number == 3
    assert [batches.next() for _ in range(3)] == [30, 40, 50]


def test_ahead_some_are_made_in_another_thread_while_one_is_learned_from():
    made = threading.Semaphore(0)
    threads = set()

    def make(number):
        threads.add(threading.get_ident())
        made.release()
        return number

    batches = Ahead(make, is_ahead=True)
    assert batches.next() == 0
    for _ in range(N_AHEAD):  # though nobody has asked for 1 and 2
        assert made.acquire(timeout=10)
    assert not made.acquire(timeout=0.05)  # and no more than that
    assert threads != {threading.get_ident()}
    assert len(threads) == 1


def test_otherwise_nothing_is_made_before_it_is_asked_for():
    made = []
    batches = Ahead(made.append, is_ahead=False)
    batches.next()
    assert made == [0]


def test_after_a_restart_nothing_of_before_is_made_any_more():
    """Whoever restarts may then change what batches are made of."""
    has_begun, may_end, made = threading.Event(), threading.Event(), []

    def make(number):
        if number == 1:
            has_begun.set()
            may_end.wait(10)
        made.append(number)
        return number

    batches = Ahead(make, is_ahead=True)
    assert batches.next() == 0
    assert has_begun.wait(10)
    threading.Timer(0.05, may_end.set).start()
    batches.restart(7)
    assert made == [0, 1]  # what was being made has come to its end, and 2 will not come
    assert batches.next() == 7
    assert made[2] == 7


@both
def test_a_failure_is_the_callers(is_ahead):
    batches = Ahead(lambda number: 1 // (2 - number), is_ahead=is_ahead)
    assert [batches.next() for _ in range(2)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        batches.next()
