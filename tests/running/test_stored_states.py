"""robomimic's demonstrations replayed from the states of robosuite's simulator that they bring."""

import json
import os

import h5py
import imageio.v2 as imageio
import numpy as np
import pytest

from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter
from safemil_core.assessment.environments.sources import ROBOSUITE
from safemil_core.assessment.environments.stored_states import show_states
from safemil_core.assessment.replays import read_replay
from safemil_core.data.datasets import DatasetStore
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running import replay_stage

LIFT = json.dumps({"env_name": "Lift", "env_type": 1, "env_kwargs": {"robots": ["Panda"]}})
needs_robosuite = pytest.mark.skipif(
    not os.environ.get("SAFEMIL_TEST_ROBOSUITE"),
    reason="sets up 1.2 GB and takes half a minute; SAFEMIL_TEST_ROBOSUITE=1",
)


def lifted(n_steps):
    """[T, 32] states of a Panda that moves its first joint, beside a cube that rises. First is the time, then come the
    positions of 7 joints and 2 fingers, place and quaternion of the cube, and velocities."""
    states = np.zeros((n_steps, 32))
    states[:, 1:8] = [0, 0.2, 0, -2.6, 0, 2.9, 0.78]
    states[:, 1] = np.linspace(0, 1, n_steps)
    states[:, 12] = np.linspace(0.85, 1.2, n_steps)
    states[:, 13] = 1
    return states


@pytest.fixture
def dataset(workspace, tmp_path):
    """One demonstration of 90 steps, without images."""
    path = tmp_path / "lift.hdf5"
    with h5py.File(path, "w") as file:
        demo = file.create_group("data/demo_0")
        demo["obs/object"], demo["actions"], demo["states"] = np.zeros((90, 3)), np.zeros((90, 7)), lifted(90)
        file["data"].attrs["env_args"] = LIFT
    return DatasetStore.of(workspace).add(path)


def wish(workspace, dataset):
    """Have the demonstration replayed; where the video is to be."""
    path = workspace.replay(dataset.replays, 0)
    (path.parent / "wanted.json").write_text("[0]")
    replay_stage.render_replays(workspace, dataset.name)
    return path


def test_without_robosuite_a_sentence_says_how_to_get_it(workspace, dataset):
    with pytest.raises(EnvironmentUnavailable, match="set it up with `safemil simulators install robosuite`"):
        wish(workspace, dataset)
    assert not workspace.replay(dataset.replays, 0).exists()


@pytest.mark.parametrize(
    "env_args", ["", "[]", '{"env_name": "Lift"}', '{"env_name": "Lift", "env_kwargs": {"robots": [{"x": 1}]}}']
)
def test_data_that_name_no_task_and_robots_are_refused(tmp_path, env_args):
    with pytest.raises(EnvironmentUnavailable, match="do not say which task and robots"):
        next(show_states(tmp_path / "no python", env_args, lifted(2)))


@needs_robosuite
def test_with_robosuite_stored_states_become_a_video(workspace, dataset, monkeypatch):
    interpreter = LegacyInterpreter(workspace, ROBOSUITE)
    interpreter.install()
    monkeypatch.setattr(replay_stage, "PATIENCE_S", 0.1)
    path = wish(workspace, dataset)
    found = read_replay(path)
    assert (found.stride, found.exact) == (2, True)
    frames = list(imageio.get_reader(path).iter_data())
    assert len(frames) == 45
    assert frames[0].shape == (304, 400, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 100  # the cube and the arm have moved
    with pytest.raises(EnvironmentUnavailable, match="are 32 numbers in this robosuite and 45 in the data"):
        next(show_states(interpreter.require(), LIFT, np.zeros((1, 45))))
    with pytest.raises(EnvironmentUnavailable, match="Lifting failed in its own interpreter"):
        next(show_states(interpreter.require(), LIFT.replace("Lift", "Lifting"), lifted(1)))
