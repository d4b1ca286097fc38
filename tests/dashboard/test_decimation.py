"""A thinned curve still shows all that a whole one would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decimation import decimated

N_POINTS = 600


@given(st.integers(1, 5_000), st.integers(0, 2**32 - 1))
def test_a_thinned_curve_keeps_its_lowest_and_highest_values(length, seed):
    values = np.random.default_rng(seed).normal(size=length).astype(np.float32)
    steps = decimated(values, N_POINTS)
    assert len(steps) <= N_POINTS
    assert (np.diff(steps) > 0).all()
    assert {values.argmin(), values.argmax()} <= set(steps.tolist())


def test_a_short_curve_is_sent_whole():
    assert decimated(np.ones(N_POINTS), N_POINTS).tolist() == list(range(N_POINTS))


def test_one_costly_step_among_many_is_still_seen():
    values = np.zeros(100_000, dtype=np.float32)
    values[54_321] = 1.0
    assert 54_321 in decimated(values, N_POINTS)
