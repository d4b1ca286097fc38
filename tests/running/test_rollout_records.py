"""The steps of an evaluation's episodes, kept and read back."""

from __future__ import annotations

import numpy as np

from safemil_core.assessment.rollouts import Episode
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.running.rollout_records import Rollouts, read_rollouts, write_rollouts

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


def test_totals_and_the_worst_step_by_hand():
    learned = np.array([0.1, 0.9, 0.2, 0.3, 0.4], np.float32)
    true = np.array([0, 0, 1, 0, 0], np.float32)
    blank = np.zeros((5, 1), np.float32)
    kept = Rollouts(TrajectorySet(blank, blank, np.array([0, 3, 5]), costs=true), learned)
    np.testing.assert_allclose(kept.totals(is_true=True), [1, 0])
    np.testing.assert_allclose(kept.totals(is_true=False), [1.2, 0.7])
    assert kept.worst_step(0, is_true=True) == 2
    assert kept.worst_step(0, is_true=False) == 1
    assert kept.worst_step(1, is_true=True) == 1  # nothing happened: what the network minds most
