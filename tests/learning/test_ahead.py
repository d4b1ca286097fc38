"""Batches one after another: the same ones in the same order, whether their blocks are made ahead or not."""

import threading

import pytest

from safemil_core.learning.ahead import Ahead

both = pytest.mark.parametrize("is_ahead", [False, True])


def squares(begin):
    """A block of three."""
    return [number**2 for number in range(begin, begin + 3)]


@both
def test_batches_come_in_order(is_ahead):
    batches = Ahead(squares, 3, is_ahead=is_ahead)
    assert [batches.next() for _ in range(10)] == [number**2 for number in range(10)]
    assert batches.number == 10


@both
def test_a_restart_goes_on_with_the_given_number_and_what_there_is_to_make_now(is_ahead):
    factor = [1]
    batches = Ahead(lambda begin: [factor[0] * (begin + k) for k in range(3)], 3, is_ahead=is_ahead)
    assert [batches.next() for _ in range(5)] == [0, 1, 2, 3, 4]
    factor[0] = 10
    batches.restart(4)  # amid a block
    assert batches.number == 4
    assert [batches.next() for _ in range(3)] == [40, 50, 60]


@both
def test_blocks_are_counted_from_where_one_says(is_ahead):
    made = []
    batches = Ahead(lambda begin: made.append(begin) or squares(begin), 3, is_ahead=is_ahead)
    batches.restart(6, origin=5)
    assert [batches.next() for _ in range(3)] == [36, 49, 64]
    assert made[:2] == [5, 8]


def test_ahead_the_next_block_is_made_in_another_thread_while_one_is_learned_from():
    made, threads = threading.Semaphore(0), set()

    def make(begin):
        threads.add(threading.get_ident())
        made.release()
        return squares(begin)

    batches = Ahead(make, 3, is_ahead=True)
    assert batches.next() == 0
    for _ in range(2):  # though nobody has asked for the second
        assert made.acquire(timeout=10)
    assert not made.acquire(timeout=0.05)  # and no more than that
    assert threads != {threading.get_ident()}
    assert len(threads) == 1


def test_otherwise_nothing_is_made_before_it_is_asked_for():
    made = []
    batches = Ahead(lambda begin: made.append(begin) or squares(begin), 3, is_ahead=False)
    batches.next()
    assert made == [0]


def test_after_a_restart_nothing_of_before_is_made_any_more():
    """Whoever restarts may then change what batches are made of."""
    has_begun, may_end, made = threading.Event(), threading.Event(), []

    def make(begin):
        if begin == 3:
            has_begun.set()
            may_end.wait(10)
        made.append(begin)
        return squares(begin)

    batches = Ahead(make, 3, is_ahead=True)
    assert batches.next() == 0
    assert has_begun.wait(10)
    threading.Timer(0.05, may_end.set).start()
    batches.restart(9)
    assert made == [0, 3]  # what was being made has come to its end
    assert batches.next() == 81
    assert made[2] == 9


@both
def test_a_failure_is_the_callers(is_ahead):
    batches = Ahead(lambda begin: [8 // (4 - begin)] * 2, 2, is_ahead=is_ahead)
    assert [batches.next() for _ in range(4)] == [2, 2, 4, 4]
    with pytest.raises(ZeroDivisionError):
        batches.next()
