"""Policies play in real simulators, each episode once."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from factories import CAR, CAR_SIZES, add_dataset, dsrl_arrays, save_untrained

from safemil_core.assessment.environments import dsrl_range
from safemil_core.assessment.rollouts import total
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.learning.networks import Sizes
from safemil_core.running.arena import REFERENCE_EPISODES, Arena, Filming, evaluate_policies, references_of

SEEDS = range(1_000, 1_002)


@pytest.fixture
def networks(tmp_path):
    return save_untrained(tmp_path, Sizes(*CAR_SIZES))


@pytest.fixture
def arena(workspace, networks):
    info = add_dataset(workspace, "cars", dsrl_arrays((4, 4, 4), *CAR_SIZES), env_id=CAR)
    return Arena.of(workspace, info, networks["cost"])


def made_at(arena, policy):
    """When each kept file of a policy was written."""
    return {path.name: path.stat().st_mtime_ns for path in arena.cache(policy).folder.iterdir()}


def test_what_was_played_is_not_played_again_and_what_is_missing_is(arena, networks):
    safe, told = networks["safe"], []
    first = evaluate_policies(arena, {"safe": safe}, SEEDS, n_workers=1)
    made = made_at(arena, safe)
    assert made.keys() == {"1000.npz", "1001.npz"}
    (arena.cache(safe).folder / "1001.npz").unlink()  # as where it was killed before that one
    again = evaluate_policies(arena, {"the same": safe}, SEEDS, n_workers=1, on_done=told.append)
    assert told == [1, 2]
    assert made_at(arena, safe)["1000.npz"] == made["1000.npz"]
    for old, new in zip(first["safe"], again["the same"], strict=True):
        assert old.seed == new.seed
        for name in ("rewards", "costs", "observations", "actions", "learned_costs"):
            np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    evaluate_policies(arena, {"safe": safe}, SEEDS, on_done=told.append)
    assert told == [1, 2, 2]  # all are there at once
    assert all(0 < each.learned_costs.min() <= each.learned_costs.max() < 1 for each in first["safe"])
    bare = Arena(arena.workspace, arena.environment, arena.interface)  # asks for no costs, of the same episodes
    (unscored,) = evaluate_policies(bare, {"safe": safe}, SEEDS[:1])["safe"]
    assert not unscored.learned_costs.any()


def test_policies_play_from_copies_within_the_workspace(arena, networks, monkeypatch):
    playing = []

    def run_episodes(tasks, *_, **__):
        playing.extend((task.policy, task.policy.read_bytes()) for task in tasks)
        raise EnvironmentUnavailable("the simulator died")

    monkeypatch.setattr("safemil_core.running.arena.run_episodes", run_episodes)
    with pytest.raises(EnvironmentUnavailable, match="the simulator died"):
        evaluate_policies(arena, {"safe": networks["safe"]}, SEEDS[:1])
    ((policy, content),) = playing
    assert policy.is_relative_to(arena.workspace.root)
    assert content == networks["safe"].read_bytes()
    assert list(arena.workspace.runs.iterdir()) == []


def test_a_kept_episode_that_is_to_be_filmed_and_has_no_film_is_played_once_more(arena, networks):
    safe, told = networks["safe"], []
    evaluate_policies(arena, {"safe": safe}, SEEDS, n_workers=1)
    before = made_at(arena, safe)
    film, filming = arena.cache(safe).film(SEEDS[0], arena.cost), Filming(SEEDS[:1], stride=50)
    assert not film.exists()
    evaluate_policies(arena, {"safe": safe}, SEEDS, filming=filming, n_workers=1, on_done=told.append)
    assert told == [1, 2]  # the other one needs no film
    assert film.read_bytes()[4:8] == b"ftyp"
    assert made_at(arena, safe)["1001.npz"] == before["1001.npz"]
    evaluate_policies(arena, {"safe": safe}, SEEDS, filming=filming, n_workers=1, on_done=told.append)
    assert told == [1, 2, 2]


def test_random_actions_are_rolled_out_where_the_file_does_not_say_what_they_get(workspace):
    arrays = dsrl_arrays((4, 4, 4), *CAR_SIZES)
    info = add_dataset(workspace, "cars", arrays, env_id=CAR, constrained_return=426.0, constrained_cost=0.0)
    found = references_of(workspace, info)
    assert found.random_is_measured
    played = evaluate_policies(Arena.of(workspace, info), {"r": None}, range(1_000, 1_000 + REFERENCE_EPISODES))["r"]
    assert found.random == {"return": total(played, "rewards").mean(), "cost": total(played, "costs").mean()}
    assert abs(found.random["return"]) < 20  # it goes nowhere; the bundled file says -0.14
    assert len({episode.actions.tobytes() for episode in played}) == REFERENCE_EPISODES
    assert found.constrained == {"return": 426, "cost": 0}
    assert found.dsrl == dsrl_range(CAR)


def test_what_the_file_says_of_random_actions_is_taken(workspace):
    attributes = {"random_return": -1.0, "random_cost": 2.0, "constrained_return": 3.0, "constrained_cost": 4.0}
    found = references_of(workspace, add_dataset(workspace, "cars", dsrl_arrays((4, 4), *CAR_SIZES), CAR, **attributes))
    assert (found.random, found.random_is_measured) == ({"return": -1, "cost": 2}, False)


def test_without_the_other_end_of_a_scale_no_random_actions_are_rolled_out(workspace):
    info = add_dataset(workspace, "cars", dsrl_arrays((4, 4), *CAR_SIZES), env_id=CAR)
    found = references_of(workspace, info)
    assert (found.random, found.constrained, found.random_is_measured) == (None, None, False)
    assert not list((workspace.root / "episodes").rglob("*.npz"))


def test_a_dataset_without_an_environment_says_how_to_name_one(workspace):
    with pytest.raises(EnvironmentUnavailable, match="'walks' names no environment; import its file again with --env"):
        Arena.of(workspace, add_dataset(workspace))


def test_equal_policies_play_once_and_count_each(arena, networks, tmp_path):
    twin, told = tmp_path / "twin.safetensors", []
    twin.write_bytes(networks["safe"].read_bytes())
    filming = Filming(SEEDS[:1], stride=100)
    played = evaluate_policies(
        arena, {"safe": networks["safe"], "twin": twin}, SEEDS[:1], filming=filming, on_done=told.append
    )
    assert told == [0, 2]
    assert played["safe"] is played["twin"]
    assert arena.cache(twin).film(SEEDS[0], arena.cost).exists()


def test_what_replaces_a_policy_while_it_plays_changes_nothing(arena, networks, tmp_path):
    policy, safe = tmp_path / "policy.safetensors", networks["safe"]
    policy.write_bytes(safe.read_bytes())

    def replace_it(_done):
        policy.write_bytes(networks["bc"].read_bytes())

    (during,) = evaluate_policies(arena, {"p": policy}, SEEDS[:1], on_done=replace_it).values()
    policy.unlink()
    shutil.rmtree(arena.cache(safe).folder)
    (alone,) = evaluate_policies(arena, {"safe": safe}, SEEDS[:1]).values()
    np.testing.assert_array_equal(during[0].actions, alone[0].actions)
    assert list(arena.cache(networks["bc"]).folder.iterdir()) == []


def test_without_a_cost_network_nothing_costs_though_another_s_was_drawn_into_the_film(arena, networks):
    filming = Filming(SEEDS[:1], stride=100)
    evaluate_policies(arena, {"safe": networks["safe"]}, SEEDS[:1], filming=filming)
    bare = Arena(arena.workspace, arena.environment, arena.interface)
    (episodes,) = evaluate_policies(bare, {"safe": networks["safe"]}, SEEDS[:1]).values()
    assert not episodes[0].learned_costs.any()
