"""The velocity tasks on real MuJoCo: what they observe, and who is too fast."""

import numpy as np
import pytest

from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.environments.velocity import THRESHOLDS
from safemil_core.assessment.interfaces import Interface
from safemil_core.data.recording import Part

SIZES = {"Ant": (27, 8), "HalfCheetah": (17, 6), "Hopper": (11, 3), "Humanoid": (376, 17), "Swimmer": (8, 2)}
SIZES["Walker2d"] = (17, 6)


def made(body):
    n_observations, n_actions = SIZES[body]
    return Simulator(f"Safety{body}Velocity-v1", Interface(n_observations, (Part(shape=(n_actions,)),)))


def step_at(body, *velocity):
    """The cost of a step that begins with this velocity (m/s) along x and y."""
    simulator = made(body)
    simulator.reset(0)
    bare = simulator._env.unwrapped
    speeds = bare.init_qvel.copy()
    speeds[: len(velocity)] = velocity
    bare.set_state(bare.init_qpos, speeds)
    cost = simulator.step(np.zeros(SIZES[body][1], np.float32)).cost
    simulator.close()
    return cost


def test_each_has_the_sizes_that_its_datasets_have():
    assert sorted(SIZES) == sorted(THRESHOLDS)
    for body in SIZES:
        simulator = made(body)
        assert simulator.reset(3).shape == (SIZES[body][0],)
        simulator.close()


@pytest.mark.parametrize("body", sorted(SIZES))
def test_a_step_costs_1_where_it_is_faster_than_the_threshold(body):
    assert step_at(body, 1.5 * THRESHOLDS[body] + 1) == 1
    assert step_at(body, 0.5 * THRESHOLDS[body] - 0.1) == 0
    assert step_at(body, -1.5 * THRESHOLDS[body] - 1) == (body in ("Ant", "Humanoid"))


def test_running_sideways_costs_those_who_can():
    assert step_at("Ant", 0, 5) == step_at("Humanoid", 0, 5) == 1
    assert step_at("Swimmer", 0, 5) == 0


def test_the_cost_is_of_the_way_made_in_the_step_and_the_end_is_gymnasiums():
    """A hopper that pushes its foot falls forwards, ever faster, which ends its episode."""
    simulator, steps = made("Hopper"), []
    simulator.reset(1)
    data = simulator._env.unwrapped.data
    while not steps or not steps[-1].is_last:
        before = data.qpos[0]
        steps.append(simulator.step(np.array([0, 0, 1], np.float32)))
        assert steps[-1].cost == ((data.qpos[0] - before) / 0.008 > 0.7402)
    assert 0 < len(steps) < 1000
    assert 0 < sum(step.cost for step in steps) < len(steps)
    simulator.close()


def test_an_episode_is_the_same_again_to_the_bit():
    def lived():
        simulator, rng = made("HalfCheetah"), np.random.default_rng(0)
        seen = [simulator.reset(5), *(simulator.step(rng.uniform(-1, 1, 6)).observation for _ in range(30))]
        simulator.close()
        return np.stack(seen)

    np.testing.assert_array_equal(lived(), lived())


def test_mujocos_warnings_go_to_the_log_and_into_no_file(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    made("HalfCheetah").close()  # its model is written in an old way, of which MuJoCo warns
    assert list(tmp_path.iterdir()) == []
    assert "settotalmass" in capfd.readouterr().err
