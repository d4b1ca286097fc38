"""The data of the further tasks: policies kept in the repository, rolled out in the real simulators."""

import json

import h5py
import numpy as np
import pytest
from factories import CAR_CIRCLE, store_of

from safemil_core.assessment.environments.making import make

ASSETS = CAR_CIRCLE.parent


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(ASSETS)


@pytest.mark.parametrize(
    ("task", "safe_cost", "unsafe_cost"),
    [("half_cheetah_velocity", 30, 400), ("walker2d_velocity", 20, 700),
     ("swimmer_velocity", 30, 500), ("hopper_velocity", 5, 900), ("ball_run", 0, 90), ("car_run", 0, 180),
     ("drone_run", 0, 150), ("point_maze", 0, 61)],
)  # fmt: skip
def test_a_safe_policy_pays_little_and_a_fast_one_earns_more(task, safe_cost, unsafe_cost):
    from make_tasks import rollout
    from tasks import TASKS, controllers

    kept = controllers(task)
    fast, safe = next(iter(kept)), next(name for name in kept if name.startswith(("safe A", "round A")))
    unsafe_run, safe_run = (rollout(TASKS[task].env_id, kept[name], seed=1) for name in (fast, safe))
    assert safe_run["costs"].sum() <= safe_cost
    assert unsafe_run["costs"].sum() >= unsafe_cost
    assert unsafe_run["rewards"].sum() > 1.1 * safe_run["rewards"].sum() > 0


def test_every_policy_is_kept_and_names_fit_what_is_observed():
    from tasks import TASKS, controllers

    for name, task in TASKS.items():
        env = make(task.env_id)
        assert env.observation_space.shape == (len(task.observation_names),)
        assert env.action_space.shape == (len(task.action_names),)
        assert {source.name for source in task.sources} == {"random", *controllers(name)}
        for act in controllers(name).values():
            assert act(np.zeros(len(task.observation_names))).shape == env.action_space.shape
        env.close()


def test_a_file_is_made_that_the_tool_imports(workspace, tmp_path):
    from make_tasks import make as make_data

    about = make_data("point_maze", tmp_path / "maze.hdf5", workers=1, share=0.02, n_steps=40)
    info = store_of(workspace).add(tmp_path / "maze.hdf5")
    assert (info.n_trajectories, info.n_steps, info.n_observations) == (11, 440, 6)
    assert info.env_id == "PointMazeHazard-v0"
    assert info.observation_names == ("x", "y", "vx", "vy", "goal_x", "goal_y")
    assert info.references["constrained_cost"] == 0.0
    assert [policy["trajectories"] for policy in about] == [1] * 11
    with h5py.File(tmp_path / "maze.hdf5") as file:
        steps = {key: file[key][:] for key in file}
        order = json.loads(file.attrs["trajectory_policies"])
    assert sorted(order) == list(range(11)) != order
    np.testing.assert_array_equal(np.flatnonzero(steps["timeouts"]), np.arange(39, 440, 40))
    np.testing.assert_array_equal(steps["costs"], np.hypot(*steps["next_observations"][:, :2].T) < 1.5)
    np.testing.assert_array_equal(steps["next_observations"][:39], steps["observations"][1:40])


def test_the_same_seed_is_the_same_trajectory():
    from make_tasks import trajectory
    from tasks import TASKS

    source = TASKS["car_run"].sources[1]
    one, again, other = (trajectory("car_run", 30, (k, source)) for k in (5, 5, 6))
    np.testing.assert_array_equal(one["observations"], again["observations"])
    assert not np.array_equal(one["observations"], other["observations"])


def test_a_search_finds_the_way_and_finds_it_again(tmp_path, monkeypatch):
    import train_behaviours
    from train_behaviours import Plan, Search, Training, checkpoint, reward_alone, train

    plan = Plan(Search(4, 4, 0.05, 0.1, horizon=50), {"fast": Training(reward_alone, seed=1, updates=10)})
    monkeypatch.setitem(train_behaviours.PLANS, "ball_run", plan)
    for folder in ("one", "again"):
        (tmp_path / folder).mkdir()
        train("ball_run", "fast", tmp_path / folder)
    found, again = (checkpoint(tmp_path / folder, "ball_run", "fast", 10) for folder in ("one", "again"))
    np.testing.assert_array_equal(found.weights, again.weights)

    env = make("SafetyBallRun-v0")
    total, seen = train_behaviours.episode(env, found, reward_alone, 50)
    assert len(seen) == 50
    assert total > 200  # it rolls forwards: at rest, and in the mean at random, it earns nothing


def test_statistics_of_parts_are_those_of_the_whole():
    from train_behaviours import Statistics

    rows = np.random.default_rng(0).normal(size=(90, 3)) * [1.0, 5.0, 0.0] + 2.0
    statistics = Statistics()
    for part in np.split(rows, [10, 60]):
        statistics.add(part)
    np.testing.assert_allclose(statistics.mean, rows.mean(axis=0))
    np.testing.assert_allclose(statistics.scale, [*rows.std(axis=0)[:2], 1.0])


def test_a_ball_loses_what_it_is_told():
    from train_behaviours import Ball

    objective = Ball(speed=2.4, beside=1.9, penalty=40.0, where=(-np.inf, 3.0))
    assert objective(np.array([0.1, 0.0, 0.5, 0.0, 0, 0, 0]), 10.0, {}) == 10.0 - 40.0  # 2.5 m/s at x = 1 m
    assert objective(np.array([0.4, 0.0, 0.5, 0.0, 0, 0, 0]), 10.0, {}) == 10.0  # the same at x = 4 m
    assert objective(np.array([0.4, 0.2, 0.0, 0.0, 0, 0, 0]), 10.0, {}) == 10.0 - 40.0  # y = 2 m
