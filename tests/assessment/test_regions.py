"""Paths through a drawn region: by hand, and against a sampled path."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from safemil_core.assessment import regions
from safemil_core.assessment.regions import paths_through
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig

SQUARE = np.array([[0, 0], [2, 0], [2, 2], [0, 2]], dtype=float)


def paths(*points):
    observations = np.concatenate([np.array(p, dtype=np.float32).reshape(-1, 2) for p in points])
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in points])]).astype(np.int64)
    return TrajectorySet(observations, np.zeros((len(observations), 1), np.float32), offsets)


def test_inside_across_and_past_by_hand():
    inside = [(1, 1)]
    jumps_across = [(-1, 1), (3, 1)]  # neither step lies in it
    clips_a_corner = [(-1, 1.5), (1.5, 4)]
    past = [(3, -1), (3, 3), (-1, 3)]
    ends_before_the_next_begins = [(-1, 1)], [(3, 1)]
    found = paths_through(paths(inside, jumps_across, clips_a_corner, past), 0, 1, SQUARE)
    assert found.tolist() == [0, 1]
    assert paths_through(paths(*ends_before_the_next_begins), 0, 1, SQUARE).tolist() == []


def test_a_path_along_an_edge_touches_it():
    assert paths_through(paths([(2, -1), (2, 3)], [(2.001, -1), (2.001, 3)]), 0, 1, SQUARE).tolist() == [0]


def test_the_hollow_of_a_bent_region_is_outside():
    bent = np.array([[0, 0], [4, 0], [4, 4], [3, 4], [3, 1], [1, 1], [1, 4], [0, 4]])
    assert paths_through(paths([(2, 2), (2, 3)], [(0.5, 3)], [(2, 2), (3.5, 2)]), 0, 1, bent).tolist() == [1, 2]


def test_the_chosen_dimensions_count_and_blocks_join(monkeypatch):
    monkeypatch.setattr(regions, "BLOCK", 2)
    observations = np.array([[0, 9, -1], [0, 9, -0.5], [0, 9, 3]], np.float32)  # crosses between two blocks
    one = TrajectorySet(observations, np.zeros((3, 1), np.float32), np.array([0, 3]))
    assert paths_through(one, 2, 0, np.array([[0.5, -1], [2, -1], [2, 1], [0.5, 1]])).tolist() == [0]
    assert paths_through(one, 0, 1, SQUARE).tolist() == []


@given(arrays(np.float32, (4, 3, 2), elements=st.integers(-4, 4)), st.integers(0, 99))
def test_a_path_whose_samples_lie_in_a_triangle_is_found_and_one_far_off_is_not(points, seed):
    triangle = np.random.default_rng(seed).uniform(-3, 3, size=(3, 2))
    found = set(paths_through(paths(*points), 0, 1, triangle).tolist())
    for number, path in enumerate(points.astype(float)):
        at = np.linspace(0, 1, 201)[:, None]
        samples = np.concatenate([a + at * (b - a) for a, b in pairwise(path)])
        sides = [
            (b - a)[0] * (samples - a)[:, 1] - (b - a)[1] * (samples - a)[:, 0]
            for a, b in zip(triangle, np.roll(triangle, -1, axis=0), strict=True)
        ]
        is_inside = (np.array(sides) > 0).all(axis=0) | (np.array(sides) < 0).all(axis=0)
        if is_inside.any():
            assert number in found
        elif number in found:  # then it only clips it between two samples: some sample must lie close by
            edges = np.concatenate(
                [a + at * (b - a) for a, b in zip(triangle, np.roll(triangle, -1, axis=0), strict=True)]
            )
            assert np.linalg.norm(samples[:, None] - edges, axis=2).min() < 0.2


@pytest.mark.parametrize("polygon", [SQUARE[:2], np.zeros((3, 3)), np.zeros((5_000, 2))])
def test_what_is_no_region_is_refused(polygon):
    with pytest.raises(InvalidConfig, match="a region needs 3 to 2000 corners"):
        paths_through(paths([(0, 0)]), 0, 1, polygon)
    with pytest.raises(InvalidConfig, match="not a number; draw it again"):
        paths_through(paths([(0, 0)]), 0, 1, SQUARE * np.nan)
