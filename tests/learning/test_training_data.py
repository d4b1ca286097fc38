"""What training sees: arrays that stay on disk, discrete actions spread over their choices, nothing else."""

import warnings

import numpy as np
import pytest
import torch
from factories import trajectory_set

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, InvalidDataset
from safemil_core.learning import training_data
from safemil_core.learning.networks import Normaliser
from safemil_core.learning.training_data import TrainingData, spread_choices

CPU = torch.device("cpu")


def test_on_the_cpu_a_memory_mapped_array_is_shared_without_a_warning(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = training_data._shared(mapped)
    assert tensor.data_ptr() == mapped.ctypes.data
    np.testing.assert_array_equal(tensor, values)


def test_blocks_are_all_steps_once_in_order(monkeypatch):
    monkeypatch.setattr(training_data, "BLOCK", 4)
    data = TrainingData.of(trajectory_set(3, 4, 3), np.full(3, "none"), CPU)
    blocks = list(data.blocks())
    assert [len(observations) for observations, _ in blocks] == [4, 4, 2]
    assert torch.equal(torch.cat([observations for observations, _ in blocks]), data.observations)
    assert torch.equal(torch.cat([actions for _, actions in blocks]), data.actions)
    assert data.sizes == (3, 2)


def test_a_normaliser_fitted_in_blocks_is_that_of_the_whole():
    inputs = torch.randn(1_000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 1e-3, 50]) + 100
    whole, parts = Normaliser(3), Normaliser(3)
    whole.fit([inputs])
    parts.fit(inputs.split([1, 99, 600, 300]))
    torch.testing.assert_close(parts.mean, whole.mean)
    torch.testing.assert_close(parts.scale, whole.scale, rtol=1e-4, atol=0)
    assert torch.equal(whole.mean, inputs.mean(dim=0))
    assert torch.equal(whole.scale, inputs.std(dim=0, correction=0).reciprocal())


def test_choices_are_spread_and_numbers_stay():
    actions = np.array([[0.5, 2, 0, 1], [-0.5, 0, 1, 1]], dtype=np.float32)
    parts = (Part("steer"), Part("gear", dtype="int64", n_choices=3), Part("lamps", (2,), "int64", n_choices=2))
    np.testing.assert_array_equal(
        spread_choices(actions, parts),
        [[0.5, 0, 0, 1, 1, 0, 0, 1], [-0.5, 1, 0, 0, 0, 1, 0, 1]],
    )


def test_training_data_spreads_discrete_actions_alone():
    trajectories = trajectory_set(3, 4, n_actions=1)
    object.__setattr__(trajectories, "actions", np.array([[0], [1], [2], [2], [1], [0], [1]], dtype=np.float32))
    labels = np.full(2, "none")
    spread = TrainingData.of(trajectories, labels, CPU, action_parts=[Part(dtype="int64", n_choices=3)])
    assert spread.actions.tolist()[:3] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    as_they_are = TrainingData.of(trajectories, labels, CPU, action_parts=[Part(shape=(1,))])
    assert as_they_are.actions.data_ptr() == trajectories.actions.ctypes.data


def test_a_choice_that_is_none_and_too_many_choices_are_refused():
    with pytest.raises(InvalidDataset, match="the action 'gear' is not always one of its 2 choices"):
        spread_choices(np.array([[0], [2]], np.float32), [Part("gear", dtype="int64", n_choices=2)])
    with pytest.raises(InvalidConfig, match="the action 'word' has 1000000 choices; training takes 4096"):
        spread_choices(np.array([[0], [2]], np.float32), [Part("word", dtype="int64", n_choices=1_000_000)])


def test_segments_come_along():
    segments = {1: ((0, 2),)}
    data = TrainingData.of(trajectory_set(3, 4), np.array(["none", "non_preferred"]), CPU, segments=segments)
    assert data.segments == segments
