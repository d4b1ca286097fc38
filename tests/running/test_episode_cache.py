"""Episodes are kept by policy, environment and seed, and by nothing else."""

from __future__ import annotations

import numpy as np
from test_rollout_records import EPISODES

from safemil_core.running.episode_cache import EpisodeCache, forget


def test_an_episode_comes_back_as_it_was_kept(workspace, tmp_path):
    cache = EpisodeCache(workspace, "Walk-v0", None)
    assert cache.read(1_000) is None
    cache.write(EPISODES[0])
    kept = cache.read(1_000)
    for name in ("rewards", "costs", "learned_costs", "observations", "actions"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(EPISODES[0], name))
    assert cache.read(1_001) is None


def test_equal_policies_share_their_episodes_wherever_their_files_lie(workspace, tmp_path):
    first, copy, other = (tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors"))
    first.write_bytes(b"policy")
    copy.write_bytes(b"policy")
    other.write_bytes(b"another")
    EpisodeCache(workspace, "Walk-v0", first).write(EPISODES[0])
    assert EpisodeCache(workspace, "Walk-v0", copy).read(1_000) is not None
    for strange in (
        EpisodeCache(workspace, "Walk-v0", other),
        EpisodeCache(workspace, "Walk-v1", first),
        EpisodeCache(workspace, "Walk-v0", None),
        EpisodeCache(workspace, "Walk-v0", first, cost=other),
    ):
        assert strange.read(1_000) is None


def test_the_film_of_an_episode_is_another_for_each_cost_network(workspace, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    cache = EpisodeCache(workspace, "Walk-v0", None)
    assert len({cache.film(1_000, None), cache.film(1_000, first), cache.film(1_000, second)}) == 3
    assert cache.film(1_000, first) != cache.film(1_001, first)


def test_what_a_policy_played_is_forgotten_unless_an_equal_one_is_kept(workspace, tmp_path):
    first, copy, other = (tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors"))
    first.write_bytes(b"policy")
    copy.write_bytes(b"policy")
    other.write_bytes(b"another")
    for policy in (first, other, None):
        for where in ("Walk-v0", "Walk-v1"):
            EpisodeCache(workspace, where, policy).write(EPISODES[0])

    def kept(policy):
        return [EpisodeCache(workspace, where, policy).read(1_000) is not None for where in ("Walk-v0", "Walk-v1")]

    forget(workspace, [first, other], but=[copy])
    assert kept(first) == [True, True]
    assert kept(other) == [False, False]
    forget(workspace, [first])
    assert kept(copy) == [False, False]
    assert kept(None) == [True, True]
