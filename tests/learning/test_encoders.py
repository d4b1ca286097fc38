"""Networks that see: the same features as a plain loop's, gradients and all; pixels that stay small until needed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from factories import TINY, trajectory_set
from learning_cases import RemoteData, all_bits, bits, in_float64, needs_cuda
from torch.nn import functional

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.learning import cost_trainer, encoders, training_data
from safemil_core.learning.arithmetic import prepare_process
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.encoders import Encoder, beside
from safemil_core.learning.model_files import load_cost, load_policy, save_cost, save_policy
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.policies import make_policy
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData

CPU = torch.device("cpu")
SHAPES = ((11, 8, 3), (1, 5, 1))
N_PIXELS = 11 * 8 * 3 + 5


@pytest.fixture
def observations():
    """[2, 70, 4 + pixels]: for two members, each other ones."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(2, 70, 4, generator=generator)
    pixels = torch.randint(256, (2, 70, N_PIXELS), generator=generator)
    return torch.cat([numbers, pixels], dim=-1)


def plain_features(encoder, member, observations):
    """[n, F] by torch's own layers, one after the other."""
    found, at = [], 4
    for shape, image in zip(SHAPES, encoder.images, strict=True):
        size = int(np.prod(shape))
        values = observations[:, at : at + size].view(-1, *shape).permute(0, 3, 1, 2) / 255
        at += size
        for weight, bias in zip(image.weights, image.biases, strict=True):
            values = functional.elu(functional.conv2d(values, weight[member], bias[member], stride=2, padding=1))
        state = image.last.state_dict()
        flat = values.permute(0, 2, 3, 1).flatten(1)
        found.append(torch.tanh(flat @ state["0.weight"][member] + state["0.bias"][member]))
    return torch.cat(found, dim=1)


def gradients(encoder, features):
    """Of each convolution's weights and biases, where all features count, each otherwise."""
    towards = torch.randn(features.shape, generator=torch.Generator().manual_seed(1)).to(features)
    parameters = [p for image in encoder.images for p in (*image.weights, *image.biases)]
    return torch.autograd.grad((features * towards).sum(), parameters)


def test_members_see_what_each_would_see_alone(observations):
    encoder, observations = in_float64(Encoder(SHAPES, 6, members=2)), observations.double()
    numbers, features = encoder(observations)
    assert (encoder.n_features, features.shape) == (12, (2, 70, 12))
    assert torch.equal(numbers, observations[..., :4])
    for member in range(2):
        torch.testing.assert_close(features[member], plain_features(encoder, member, observations[member]))
    _, of_shared = encoder(observations[:1])  # what is seen once is seen by both
    assert torch.equal(of_shared[0], features[0])
    torch.testing.assert_close(of_shared[1], plain_features(encoder, 1, observations[0]))


def test_gradients_are_those_of_plain_layers_whoever_shares_the_work(observations, monkeypatch):
    encoder, observations = in_float64(Encoder(SHAPES, 6, members=2)), observations.double()
    plain = gradients(encoder, torch.stack([plain_features(encoder, m, observations[m]) for m in range(2)]))
    in_parts, again = (gradients(encoder, encoder(observations)[1]) for _ in range(2))
    monkeypatch.setattr(encoders, "PART_STEPS", 1_000)
    at_once = gradients(encoder, encoder(observations)[1])
    for expected, *found in zip(plain, in_parts, at_once, strict=True):
        for gradient in found:
            torch.testing.assert_close(gradient, expected)
    assert all(torch.equal(*pair) for pair in zip(in_parts, again, strict=True))


def test_without_images_there_is_nothing_to_learn_and_nothing_is_copied(observations):
    encoder = Encoder((), 6)
    numbers, features = encoder(observations)
    assert (encoder.n_features, list(encoder.parameters()), features.shape) == (0, [], (2, 70, 0))
    assert beside(numbers, features) is numbers


def test_lower_precision_gives_nearly_the_same_features(observations):
    exact = Encoder(SHAPES, 6, members=2)
    lower = Encoder(SHAPES, 6, members=2, dtype=torch.bfloat16)
    lower.load_state_dict(exact.state_dict())
    features = lower(observations)[1]
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, exact(observations)[1], rtol=0.05, atol=0.02)
    features.sum().backward()
    assert {p.grad.dtype for p in lower.parameters()} == {torch.float32}


@needs_cuda
def test_on_cuda_the_features_and_gradients_are_the_same(observations):
    prepare_process()  # or cuDNN's convolutions add up in any order
    here, there = Encoder(SHAPES, 6, members=2), Encoder(SHAPES, 6, members=2).cuda()
    there.load_state_dict(here.state_dict())
    features = [here(observations)[1], *(there(observations.cuda())[1] for _ in range(2))]
    torch.testing.assert_close(features[1].cpu(), features[0], rtol=1e-2, atol=2e-3)
    for expected, found, again in zip(*map(gradients, (here, there, there), features), strict=True):
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-3 * float(expected.abs().max()))
        assert torch.equal(found, again)


@pytest.mark.parametrize(("n_numbers", "choices"), [(4, ()), (0, ()), (4, (3, 2))])
def test_networks_with_images_come_back_from_their_files_to_the_bit(observations, tmp_path, n_numbers, choices):
    sizes = Sizes(n_numbers, 5, choices, SHAPES)
    seen, actions = observations[0, :, 4 - n_numbers :], torch.rand(70, 5)
    cost, policy = CostConfig(hidden_sizes=(8,), members=2, image_features=3), PolicyConfig(hidden_sizes=(8,))
    network, actor = CostNetwork(cost, sizes), make_policy(policy, sizes)
    save_cost(tmp_path / "cost.safetensors", network, cost, sizes)
    save_policy(tmp_path / "policy.safetensors", actor, policy, sizes)
    assert torch.equal(load_cost(tmp_path / "cost.safetensors")(seen, actions), network(seen, actions))
    assert torch.equal(load_policy(tmp_path / "policy.safetensors")(seen), actor(seen))
    with torch.inference_mode():  # as in rollouts, step by step
        torch.testing.assert_close(actor(seen[3]), actor(seen)[3])


def walkers(n=24, length=8, n_numbers=0):
    """Walkers on a line of 16 pixels, seen as a white column. Odd ones walk on past the middle, where it costs 1."""
    rng = np.random.default_rng(0)
    trajectories = trajectory_set(*[length] * n, n_observations=n_numbers, n_actions=1)
    images = np.zeros((n * length, 6, 16, 1), dtype=np.uint8)
    costs = np.zeros(n * length, dtype=np.float32)
    for row in range(n * length):
        trajectory, time = divmod(row, length)
        is_unsafe = trajectory % 2 == 1
        x = 2 * time if is_unsafe else time % 4 * 2
        images[row, :, x] = 255
        images[row] += rng.integers(0, 1 + (images[row] == 0) * 40, dtype=np.uint8)
        costs[row] = x >= 8
    labels = np.where((np.arange(n) % 2 == 1) & (np.arange(n) < n // 2), "non_preferred", "none")
    return replace(trajectories, images={"eye": images}, costs=costs), labels


@pytest.mark.parametrize("n_numbers", [0, 3])
def test_pixels_follow_the_numbers_and_stay_bytes_until_a_batch_is_taken(n_numbers, monkeypatch):
    trajectories, labels = walkers(n_numbers=n_numbers)
    data = TrainingData.of(trajectories, labels, CPU)
    pixels = trajectories.images["eye"]
    assert data.images[0].data_ptr() == pixels.ctypes.data
    assert data.sizes == Sizes(n_numbers, 1, (), ((6, 16, 1),))
    assert data.step_numbers == n_numbers + 96 + 1
    expected = np.concatenate([trajectories.observations, pixels.reshape(len(pixels), -1)], axis=1)
    steps = torch.tensor([[5, 0, 191], [7, 7, 2]])
    observations, actions = data.take(steps)
    assert (observations.dtype, observations.shape) == (torch.float32, (2, 3, n_numbers + 96))
    np.testing.assert_array_equal(observations, expected[steps])
    np.testing.assert_array_equal(actions, trajectories.actions[steps])
    monkeypatch.setattr(training_data, "BLOCK_NUMBERS", 10 * data.step_numbers)
    blocks = list(data.blocks())
    assert [len(block) for block, _ in blocks] == [10] * 19 + [2]
    np.testing.assert_array_equal(torch.cat([block for block, _ in blocks]), expected)
    some = list(data.blocks(steps.flatten()))
    np.testing.assert_array_equal(some[0][0], expected[steps.flatten()])
    (numbers, all_actions), *more = data.numbers()
    assert (numbers.shape, all_actions.shape, more) == ((192, n_numbers), (192, 1), [])


def test_in_chunks_or_at_once_an_update_is_the_same(monkeypatch):
    trajectories, labels = walkers()
    data = TrainingData.of(trajectories, labels, CPU)
    settings = ["cost.network=mlp", "cost.window=0", "cost.bag_size=6", "cost.members=2", "cost.learning_rate=0.001"]
    config = TINY.with_values(settings)
    scores = {}
    for kind, most in (("at once", 2**24), ("in chunks", 20 * 2 * 97)):
        monkeypatch.setattr(cost_trainer, "CHUNK_NUMBERS", most)
        torch.manual_seed(0)
        network = CostNetwork(config.cost, data.sizes)
        trainer = CostTrainer(network, data, config)
        assert (len(list(trainer._chunks(trainer._block(0)[0]))) > 1) == (kind == "in chunks")
        for _ in range(3):
            trainer.update()
        scores[kind] = (trainer.latest["cost_loss"], *network.parameters())
    for once, chunked in zip(*scores.values(), strict=True):
        torch.testing.assert_close(once, chunked, rtol=1e-3, atol=1e-4)


def test_what_is_unsafe_is_learned_from_pixels_alone_by_every_member():
    trajectories, labels = walkers()
    data = TrainingData.of(trajectories, labels, CPU)
    config = TINY.with_values(
        ["cost.updates=60", "cost.bag_size=32", "cost.members=2", "cost.learning_rate=0.003", "cost.decay=false",
         "cost.failure_modes=2", "policy.updates=5"]
    )  # fmt: skip
    costs = []
    networks = train(data, config, on_costs=lambda _, found, __: costs.append(found))
    (learned,) = costs
    is_unsafe = trajectories.costs == 1
    assert learned.mean[is_unsafe].min() > learned.mean[~is_unsafe].max()
    assert learned.spread.shape == (192,)
    observations, actions = data.take(torch.arange(5))
    torch.testing.assert_close(networks.cost(observations, actions), torch.from_numpy(learned.mean[:5]))
    assert networks.safe(observations).shape == (5, 1)


def test_resumed_or_fetched_from_elsewhere_the_networks_are_the_same_to_the_bit():
    trajectories, labels = walkers(n_numbers=2)
    data, remote = (kind.of(trajectories, labels, CPU) for kind in (TrainingData, RemoteData))
    config = TINY.with_values(["cost.updates=4", "policy.updates=4", "checkpoint_every=3"])
    kept = {}
    whole = train(data, config, on_checkpoint=kept.__setitem__)
    assert all_bits(train(data, config, resume=kept[6])) == all_bits(whole)
    assert all_bits(train(remote, config)) == all_bits(whole)


def test_both_policies_begin_with_the_same_eyes():
    data = TrainingData.of(*walkers(), CPU)
    untrained = train(data, TINY, should_stop=lambda: True)
    assert bits(untrained.safe) == bits(untrained.bc)
    trained = train(data, TINY)
    assert bits(trained.safe.encoder) != bits(trained.bc.encoder) != bits(untrained.bc.encoder)
