"""The steps of an evaluation's episodes, kept and read back."""

from __future__ import annotations

import numpy as np

from safemil_core.assessment.rollouts import Episode
from safemil_core.running.rollout_records import read_rollouts, write_rollouts

EPISODES = [
    Episode(seed, *(rng.random(length).astype(np.float32) for _ in range(3)), *rng.random((2, length, 2)).astype("f4"))
    for seed, length in ((1_000, 3), (1_001, 5))
    for rng in (np.random.default_rng(seed),)
]


def test_episodes_come_back_as_trajectories_with_their_learned_costs(tmp_path):
    path = tmp_path / "episodes-safe.npz"
    assert read_rollouts(path) is None
    write_rollouts(path, EPISODES)
    kept = read_rollouts(path)
    assert len(kept) == 2
    for number, episode in enumerate(EPISODES):
        np.testing.assert_array_equal(kept.steps[number].observations, episode.observations)
        np.testing.assert_array_equal(kept.steps[number].actions, episode.actions)
        np.testing.assert_array_equal(kept.steps[number].rewards, episode.rewards)
        np.testing.assert_array_equal(kept.steps[number].costs, episode.costs)
        np.testing.assert_array_equal(kept.learned_costs_of(number), episode.learned_costs)
