"""Safety-Gymnasium in an interpreter of its own, set up for real: tasks, protocol, and how it fails."""

import io

import numpy as np
import pytest

from safemil_core.assessment.environments import Simulator, find_environment
from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter, is_legacy
from safemil_core.assessment.environments.legacy_server import receive, send
from safemil_core.assessment.environments.making import make
from safemil_core.assessment.environments.sources import LegacyTask
from safemil_core.assessment.interfaces import Interface
from safemil_core.data.recording import Part
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.workspace import Workspace


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A workspace with the interpreter, which uv sets up: some seconds, longer where nothing is cached."""
    workspace = Workspace(tmp_path_factory.mktemp("legacy"))
    versions = LegacyInterpreter(workspace).install()
    assert (versions["gymnasium"], versions["mujoco"]) == ("0.28.1", "2.3.3")
    assert int(versions["numpy"].split(".")[0]) < 2
    return workspace


def made(here, env_id, n_observations):
    return Simulator(find_environment(here, env_id), Interface(n_observations, (Part(shape=(2,)),)))


def lived(simulator, seed, n_steps=60):
    rng = np.random.default_rng(seed)
    seen = [simulator.reset(seed)]
    steps = [simulator.step(rng.uniform(-1, 1, 2)) for _ in range(n_steps)]
    return np.stack([*seen, *(step.observation for step in steps)]), steps


def test_which_tasks_need_it():
    assert all(map(is_legacy, ("SafetyPointGoal1-v0", "SafetyCarButton2-v0", "SafetyDoggoPush0-v0")))
    assert not any(map(is_legacy, ("SafetyCarCircle-v0", "SafetyAntVelocity-v1", "SafetyPointGoal7-v0")))


def test_a_used_one_begins_as_a_new_one_and_a_seed_tells_the_episode(here):
    used = made(here, "OfflinePointGoal1Gymnasium-v0", 60)
    assert used.resets_fully
    lived(used, 1)
    again, steps = lived(used, 2)
    new = made(here, "SafetyPointGoal1-v0", 60)
    np.testing.assert_array_equal(lived(new, 2)[0], again)
    assert again.dtype == np.float32
    assert not any(step.is_last for step in steps)
    used.close(), new.close()


def test_going_outside_the_circles_walls_costs(here):
    """PointCircle2's point drives straight on until it is past a wall at 1.125 m: from then on each step costs."""
    simulator = made(here, "SafetyPointCircle2-v0", 28)
    simulator.reset(0)
    costs = [simulator.step(np.array([1.0, 0.0])).cost for _ in range(200)]
    assert costs[0] == 0
    assert costs[-1] == 1
    assert np.flatnonzero(np.diff(costs)).size == 1
    simulator.close()


def test_it_is_seen_from_outside(here):
    simulator = made(here, "SafetyPointButton1Gymnasium-v0", 76)
    simulator.reset(0)
    frame = simulator.render()
    assert (frame.shape, frame.dtype) == ((304, 400, 3), np.uint8)
    assert np.unique(frame).size > 20
    simulator.close()


def test_a_task_that_is_not_there_and_a_process_that_is_gone_are_said(here):
    python = LegacyInterpreter(here).require()
    with pytest.raises(EnvironmentUnavailable, match=r"SafetyPointGoal9-v0 failed in its own interpreter \(.*; see"):
        make(LegacyTask("SafetyPointGoal9-v0", python))
    env = make(LegacyTask("SafetyPointGoal1-v0", python))
    env._process._process.kill()
    env._process._process.wait()
    with pytest.raises(EnvironmentUnavailable, match="the interpreter of SafetyPointGoal1-v0 ended; look into the log"):
        env.reset(seed=0)
    env.close()


def test_without_it_a_sentence_says_how_to_get_it(tmp_path):
    with pytest.raises(EnvironmentUnavailable, match="set it up with `safemil simulators install safety-gymnasium`"):
        find_environment(Workspace(tmp_path), "OfflinePointGoal1Gymnasium-v0")


def test_a_message_comes_back_as_it_went_to_the_bit():
    arrays = [np.array([0.1, np.inf, -0.0]), np.zeros((0, 3)), np.array(7.0)]
    stream = io.BytesIO()
    send(stream, {"do": "step", "n": 3}, *arrays)
    send(stream, {})
    stream.seek(0)
    said, came = receive(stream)
    assert said == {"do": "step", "n": 3}
    for sent, got in zip(arrays, came, strict=True):
        assert sent.tobytes() == got.tobytes()
        assert sent.shape == got.shape
    assert receive(stream) == ({}, [])
    with pytest.raises(EOFError):
        receive(stream)


def test_half_a_message_is_the_end():
    stream = io.BytesIO()
    send(stream, {}, np.ones(4))
    with pytest.raises(EOFError):
        receive(io.BytesIO(stream.getvalue()[:-1]))
