"""Random numbers are a function of the seed, what they are for, and a number."""

from typing import get_args

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.learning.seeds import Stream, generator, number_of

STREAMS = get_args(Stream)
places = st.tuples(st.integers(0, 2**31 - 1), st.sampled_from(STREAMS), st.integers(0, 10**6))


def numbers(place, n=8):
    return torch.rand(n, generator=generator(*place)).tolist()


@given(places, places)
def test_the_same_place_gives_the_same_numbers_and_any_other_others(place, other):
    assert numbers(place) == numbers(place)
    assert (numbers(place) == numbers(other)) == (place == other)
    assert 0 <= number_of(*place) < 2**63


def test_no_two_places_near_one_another_begin_alike():
    seeds = {number_of(seed, stream, n) for seed in range(20) for stream in STREAMS for n in range(50)}
    assert len(seeds) == 20 * len(STREAMS) * 50


def test_how_one_generator_is_used_up_changes_no_other():
    one, other = generator(3, "bags", 5), generator(3, "noise", 5)
    torch.rand(1_000, generator=one)
    assert torch.rand(8, generator=other).tolist() == numbers((3, "noise", 5))


def test_neighbouring_places_are_not_correlated():
    """Seeds, streams and numbers that follow one another."""
    of = [(seed, stream, n) for seed in (0, 1) for stream in STREAMS for n in (0, 1)]
    correlations = np.corrcoef([numbers(place, 4_000) for place in of])
    assert np.abs(correlations - np.eye(len(of))).max() < 0.07
