"""Recorded observations put back into the real simulators: what was recorded is what is seen again."""

import numpy as np
import pytest

from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.environments.mujoco_bodies import HIDDEN
from safemil_core.assessment.interfaces import Interface
from safemil_core.data.recording import Part
from safemil_core.errors import EnvironmentUnavailable

BULLET = {"Ball": (7, 2), "Car": (7, 2), "Drone": (17, 4), "Ant": (33, 8)}
"""Observation without the task's own, and action sizes. The circle tasks add their distance from the circle."""
PLACED = {"Ball": [0, 1], "Car": [0, 1, 4, 5], "Drone": [0, 1, 2, 6, 7, 8, 9], "Ant": [*range(3), *range(6, 10)]}
PLACED["Ant"] += range(13, 29, 2)
"""What of an observation says where the body and its parts are."""


def made(env_id, n_observations, n_actions):
    return Simulator(env_id, Interface(n_observations, (Part(shape=(n_actions,)),)))


def lived(simulator, n_actions, n_steps=25, seed=4):
    """[T, O] what is observed under random actions; the episode may not end."""
    rng = np.random.default_rng(seed)
    seen = [simulator.reset(seed)]
    while len(seen) < n_steps:
        step = simulator.step(rng.uniform(-1, 1, n_actions).astype(np.float32))
        seen.append(step.observation)
        if step.is_last:
            break
    return np.stack(seen)


@pytest.mark.parametrize("task", ["Circle", "Run"])
@pytest.mark.parametrize("body", sorted(BULLET))
def test_bullets_bodies_stand_where_they_were_recorded(body, task):
    n_observations, n_actions = BULLET[body]
    simulator = made(f"Safety{body}{task}-v0", n_observations + (task == "Circle"), n_actions)
    seen = lived(simulator, n_actions)
    simulator.reset(9)
    for observation in (seen[len(seen) // 2], seen[-1]):
        simulator.place(observation)
        now = simulator._env.unwrapped.agent.agent_specific_observation()
        np.testing.assert_allclose(now[PLACED[body]], observation[PLACED[body]], atol=2e-4)
    simulator.close()


@pytest.mark.parametrize(("body", "sizes"), {"Ant": (27, 8), "HalfCheetah": (17, 6), "Swimmer": (8, 2)}.items())
def test_mujocos_bodies_go_the_way_that_they_went(body, sizes):
    simulator = made(f"Safety{body}Velocity-v1", *sizes)
    seen = lived(simulator, sizes[1], 100)
    data = simulator._env.unwrapped.data
    end = data.qpos.copy()
    simulator.reset(0)
    states = simulator._scene.states(seen)
    simulator._scene.place(states[-1])
    hidden = HIDDEN[f"{body}Env"]
    np.testing.assert_allclose(data.qpos[hidden:], end[hidden:], atol=1e-5)
    np.testing.assert_allclose(data.qpos[:hidden], end[:hidden], atol=0.2)  # summed up from velocities
    assert np.abs(end[:hidden]).max() > 0.02
    np.testing.assert_array_equal(seen[-1].round(4), simulator._env.unwrapped._get_obs().astype(np.float32).round(4))
    simulator.close()


@pytest.mark.parametrize(
    ("env_id", "n", "place", "goal"),
    [("PointMaze_UMaze-v3", 8, slice(4, 6), slice(2, 4)), ("PointMazeHazard-v0", 6, slice(0, 2), slice(4, 6))],
)
def test_a_ball_in_a_maze_stands_where_it_was_with_its_goal(env_id, n, place, goal):
    maze = made(env_id, n, 2)
    seen = lived(maze, 2)
    maze.reset(11)
    maze.place(seen[-1])
    point = maze._env.unwrapped.point_env
    np.testing.assert_allclose(point.data.qpos, seen[-1][place], atol=1e-6)
    np.testing.assert_allclose(maze._env.unwrapped.goal, seen[-1][goal], atol=1e-6)
    maze.close()


def test_a_replay_shows_every_nth_recorded_state():
    simulator = made("SafetyHalfCheetahVelocity-v1", 17, 6)
    seen = lived(simulator, 6, 60)
    frames = list(simulator.replay(seen, 20))
    assert [frame.shape for frame in frames] == [(304, 400, 3)] * 3
    assert not np.array_equal(frames[0], frames[2])  # it has moved
    simulator.close()


@pytest.mark.parametrize("body", ["HalfCheetah", "Hopper"])
def test_a_body_is_in_the_picture_wherever_it_runs(body):
    simulator = made(f"Safety{body}Velocity-v1", *{"HalfCheetah": (17, 6), "Hopper": (11, 3)}[body])
    simulator.reset(0)
    bare = simulator._env.unwrapped
    shown = []
    for x in (0.0, 40.0):  # the floor's tiles repeat every 4 m
        bare.set_state(bare.init_qpos + x * (np.arange(bare.model.nq) == 0), bare.init_qvel)
        shown.append(simulator.render().astype(int))
    is_brown = [(frame[..., 0] - frame[..., 2]) > 40 for frame in shown]
    assert is_brown[0].sum() > 300
    assert (is_brown[0] == is_brown[1]).mean() > 0.999
    simulator.close()


def test_what_cannot_be_placed_has_no_replay():
    pendulum = made("Pendulum-v1", 3, 1)
    assert not pendulum.can_place
    with pytest.raises(EnvironmentUnavailable, match="cannot be put into a recorded state, so there is no replay"):
        next(pendulum.replay(np.zeros((5, 3), np.float32), 1))


@pytest.mark.parametrize(
    ("env_id", "sizes"),
    {"SafetyCarRun-v0": (7, 2), "SafetyDroneCircle-v0": (18, 4), "SafetyHopperVelocity-v1": (11, 3)}.items(),
)
def test_a_used_simulator_begins_as_a_new_one(env_id, sizes):
    used = made(env_id, *sizes)
    assert used.resets_fully
    lived(used, sizes[1], 40, seed=1)
    new = made(env_id, *sizes)
    np.testing.assert_array_equal(lived(used, sizes[1], 40, seed=2), lived(new, sizes[1], 40, seed=2))
    used.close(), new.close()
