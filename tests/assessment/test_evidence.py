import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.assessment.evidence import Evidence, Spike, evidence


def test_the_fewest_steps_that_carry_eighty_percent_by_hand():
    found = evidence(np.array([0.0, 3.0, 2.0, 0.0, 0.5, 4.0, 0.5]))  # of 10: 4, 3 and 2 carry 90 %, 4 and 3 only 70 %
    assert found == Evidence(3, 0.9, (Spike(1, 2, 0.5), Spike(5, 5, 0.4)))


def test_of_equally_costly_steps_and_spikes_the_earlier_come_first():
    found = evidence(np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0]), share=0.5)
    assert found == Evidence(2, 0.5, (Spike(0, 0, 0.25), Spike(2, 2, 0.25)))


def test_a_cost_without_spikes_needs_nearly_all_of_that_share_of_the_steps():
    found = evidence(np.full(10, 0.1, dtype=np.float32))
    assert (found.n_steps, found.spikes) == (8, (Spike(0, 7, pytest.approx(0.8)),))


def test_no_cost_no_evidence():
    assert evidence(np.zeros(5)) == Evidence(0, 0.0, ())


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_what_is_no_cost_is_refused(bad):
    with pytest.raises(ValueError, match="finite and not negative"):
        evidence(np.array([0.5, bad]))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40).map(np.array))
def test_no_fewer_steps_would_do_and_the_spikes_hold_just_those(costs):
    found = evidence(costs)
    assert sum(spike.last - spike.first + 1 for spike in found.spikes) == found.n_steps
    assert sum(spike.share for spike in found.spikes) == pytest.approx(found.share)
    if costs.sum():
        assert found.share >= 0.8 - 1e-6
        assert np.sort(costs)[::-1][: found.n_steps - 1].sum() < 0.8 * costs.sum() + 1e-6
