"""What training sees: arrays that stay on disk, discrete actions spread over their choices, nothing else."""

import warnings

import numpy as np
import pytest
import torch
from factories import trajectory_set
from learning_cases import needs_cuda

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, InvalidDataset
from safemil_core.learning import training_data
from safemil_core.learning.networks import Normaliser, Sizes
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
    assert data.sizes == Sizes(3, 2)
    assert data.n_steps == 10


def test_steps_are_taken_in_any_shape():
    data = TrainingData.of(trajectory_set(3, 4), np.full(2, "none"), CPU)
    steps = torch.tensor([[5, 0, 6], [2, 2, 1]])
    observations, actions = data.take(steps)
    assert torch.equal(observations, data.observations[steps])
    assert torch.equal(actions, data.actions[steps])
    assert [of.shape for of in data.take(steps[0])] == [(3, 3), (3, 2)]


def test_data_on_the_device_that_trains_are_not_remote():
    assert not TrainingData.of(trajectory_set(3), np.full(1, "none"), CPU).is_remote


def test_a_normaliser_fitted_in_blocks_is_that_of_the_whole():
    inputs = torch.randn(1_000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 1e-3, 50]) + 100
    whole, parts = Normaliser(3), Normaliser(3)
    whole.fit([inputs])
    parts.fit(inputs.split([1, 99, 600, 300]))
    torch.testing.assert_close(parts.mean, whole.mean)
    torch.testing.assert_close(parts.scale, whole.scale, rtol=1e-4, atol=0)
    assert torch.equal(whole.mean, inputs.double().mean(dim=0).float())
    assert torch.equal(whole.scale, inputs.double().std(dim=0, correction=0).float().reciprocal())


def test_choices_are_spread_and_numbers_stay():
    actions = np.array([[0.5, 2, 0, 1], [-0.5, 0, 1, 1]], dtype=np.float32)
    parts = (Part("steer"), Part("gear", dtype="int64", n_choices=3), Part("lamps", (2,), "int64", n_choices=2))
    np.testing.assert_array_equal(
        spread_choices(actions, parts),
        [[0.5, 0, 0, 1, 1, 0, 0, 1], [-0.5, 1, 0, 0, 0, 1, 0, 1]],
    )


def test_where_all_actions_are_discrete_their_choices_are_known():
    steer, gear = Part("steer", (2,)), Part("gear", dtype="int64", n_choices=3)
    lamps = Part("lamps", (2,), "int64", n_choices=2)
    trajectories = trajectory_set(3, n_actions=3)
    trajectories.actions[:] = 0
    labels = np.full(1, "none")
    known = [
        TrainingData.of(trajectories, labels, CPU, action_parts=parts).sizes
        for parts in ([gear, lamps], [steer, gear], [])
    ]
    assert known == [Sizes(3, 7, (3, 2, 2)), Sizes(3, 5), Sizes(3, 3)]


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


def test_training_sees_observations_actions_and_labels_alone():
    data = TrainingData.of(trajectory_set(3, 4), np.array(["none", "non_preferred"]), CPU)
    assert set(vars(data)) == {
        "observations", "actions", "offsets", "labels", "segments", "choices", "images", "device",
    }  # fmt: skip


@needs_cuda
def test_on_cuda_data_lie_on_the_device_unless_they_are_too_large(monkeypatch):
    cuda = torch.device("cuda", 0)
    trajectories, labels = trajectory_set(30, 40), np.full(2, "none")
    there = TrainingData.of(trajectories, labels, cuda)
    assert there.observations.device == cuda
    assert not there.is_remote
    monkeypatch.setattr(training_data, "MOST_OF_DEVICE", 0.0)
    on_host = TrainingData.of(trajectories, labels, cuda)
    assert on_host.observations.device == CPU
    assert on_host.is_remote
    steps = torch.tensor([[60, 3], [2, 2]])
    for resident, fetched in zip(there.take(steps), on_host.take(steps), strict=True):
        assert resident.device == fetched.device == cuda
        assert torch.equal(resident, fetched)
