"""The real simulator: what it answers, what is seen of it, and recorded states in it."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from factories import CAR, CAR_CIRCLE, CAR_INTERFACE

from safemil_core.assessment.environments import Simulator, dsrl_range
from safemil_core.assessment.interfaces import Interface
from safemil_core.data import formats
from safemil_core.data.recording import Part
from safemil_core.data.storage.build import build
from safemil_core.data.storage.dataset_files import open_files
from safemil_core.errors import EnvironmentUnavailable


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The trajectories of the bundled dataset."""
    folder = tmp_path_factory.mktemp("recorded")
    build([("", formats.read(CAR_CIRCLE))], folder)
    return open_files(folder, ())


@pytest.fixture
def simulator():
    made = Simulator(CAR, CAR_INTERFACE)
    yield made
    made.close()


def drive(seed, n_steps=40):
    """Observations, rewards and costs of an episode under fixed actions."""
    simulator, rng = Simulator(CAR, CAR_INTERFACE), np.random.default_rng(0)
    observations = [simulator.reset(seed)]
    steps = [simulator.step(rng.uniform(-1, 1, 2)) for _ in range(n_steps)]
    simulator.close()
    return np.stack([*observations, *(step.observation for step in steps)]), [(s.reward, s.cost) for s in steps]


def test_the_same_seed_gives_the_same_episode_to_the_bit_and_another_seed_another():
    first, again, other = drive(3), drive(3), drive(4)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert first[0].dtype == np.float32
    assert not np.array_equal(first[0], other[0])


def test_sizes_that_are_not_the_datasets_are_refused():
    with pytest.raises(
        EnvironmentUnavailable,
        match="has observations of 8 numbers and actions of 2 numbers, the dataset has 5 numbers and 2 numbers; import",
    ):
        Simulator(CAR, replace(CAR_INTERFACE, n_observations=5))


@pytest.mark.parametrize("name", ["SafetyNowhere-v0", "Nowhere-v0", "no_such_package:Thing-v0", "not a name"])
def test_an_unknown_environment_is_refused(name):
    with pytest.raises(EnvironmentUnavailable, match=f"the environment '{name}' cannot be made .*; install it"):
        Simulator(name, CAR_INTERFACE)


def test_one_that_does_not_work_beside_this_mujoco_is_refused():
    with pytest.raises(EnvironmentUnavailable, match="'FetchReach-v4' fails an assertion of its own"):
        Simulator("FetchReach-v4", CAR_INTERFACE)


def test_a_recorded_observation_is_shown_at_its_pose(simulator, recorded):
    """In real recorded: the body stands where the recording says, heading the way it says."""
    assert simulator.can_place
    simulator.reset(0)
    bare = simulator._env.unwrapped
    for index in (0, 100, 358):
        for observation in recorded[index].observations[::75]:
            simulator.place(observation)
            position, orientation = bare.bc.getBasePositionAndOrientation(bare.agent.body_id)
            np.testing.assert_allclose(position[:2], observation[:2] * 10, atol=1e-4)
            heading = bare.bc.getEulerFromQuaternion(orientation)[2]
            np.testing.assert_allclose([np.sin(heading), np.cos(heading)], observation[4:6], atol=1e-4)


def test_what_is_placed_is_what_the_simulator_would_observe(simulator, recorded):
    """The car's own observation of its position and heading after placing is the recorded one."""
    simulator.reset(0)
    observation = recorded[5].observations[120]
    simulator.place(observation)
    seen = simulator._env.unwrapped.agent.agent_specific_observation()
    np.testing.assert_allclose(seen[[0, 1, 4, 5]], observation[[0, 1, 4, 5]], atol=1e-4)


def test_dsrls_ranges_are_known_for_its_tasks_alone():
    limits = dsrl_range(CAR)
    assert limits["least_return"] < limits["largest_return"]
    assert 0 <= limits["least_cost"] < limits["largest_cost"]
    assert dsrl_range("OfflineCarCircle-v0") == limits
    assert dsrl_range("Pendulum-v1") is None


CHOICES = (Part(dtype="int64", n_choices=3),)
PICTURE = (Part("eye", (6, 16, 3), "uint8"),)


def test_choices_from_0_are_the_environments_own_wherever_these_begin():
    walk = Simulator("tiny_environments:Walk-v0", Interface(1, CHOICES))
    place = walk.reset(0)[0]
    moved = [walk.step(np.array([choice])).observation[0] for choice in (2, 2, 1, 0)]
    assert moved == [place + 1, place + 2, place + 2, place + 1]
    dials = Simulator(
        "tiny_environments:Dials-v0", Interface(1, (Part("a", (), "int64", 3), Part("b", (), "int64", 2)))
    )
    place = dials.reset(0)[0]
    step = dials.step(np.array([2, 1]))
    assert (step.observation[0], step.reward, step.cost) == (place + 1, 1, 0)


def test_numbers_come_to_an_environment_in_the_shape_that_it_takes_them():
    sheet = Simulator("tiny_environments:Sheet-v0", Interface(1, (Part("a", (2, 3)),)))
    place = sheet.reset(0)[0]
    assert sheet.step(np.array([0, 0, 1, 0, 0, 0], np.float32)).observation[0] == place + 1


@pytest.mark.parametrize("n_numbers", [0, 1])
def test_an_image_of_six_channels_is_the_frame_before_and_the_frame_now(n_numbers):
    images = (Part("eye", (6, 16, 6), "uint8"),)
    walk = Simulator("tiny_environments:Walk-v0", Interface(n_numbers, CHOICES, images))
    first = walk.reset(5)
    place = walk._env.unwrapped.place
    second = walk.step(np.array([2])).observation
    for observation, before, now in ((first, place, place), (second, place, place + 1)):
        assert (observation.dtype, observation.shape) == (np.float32, (n_numbers + 6 * 16 * 6,))
        assert observation[:n_numbers].tolist() == [now] * n_numbers
        shown = observation[n_numbers:].reshape(6, 16, 2, 3)
        assert set(np.unique(shown)) == {0, 255}
        for frame, white in enumerate((before, now)):
            assert np.flatnonzero(shown[0, :, frame, 0]).tolist() == [white]


def test_what_the_environment_itself_sees_is_taken_as_it_is():
    eye = Simulator("tiny_environments:Eye-v0", Interface(0, CHOICES, PICTURE))
    np.testing.assert_array_equal(eye.reset(0).reshape(6, 16, 3), eye._env.unwrapped.render())


def test_pictures_of_another_size_and_those_that_cannot_be_made_are_refused():
    large = (Part("eye", (64, 64, 3), "uint8"),)
    walk = Simulator("tiny_environments:Walk-v0", Interface(1, CHOICES, large))
    with pytest.raises(
        EnvironmentUnavailable, match="pictures of 6 x 16 pixels, the images of the dataset are 64 x 64;"
    ):
        walk.reset(0)
    cart = Simulator("CartPole-v1", Interface(4, (Part(dtype="int64", n_choices=2),)))
    cart.reset(0)
    if find_spec("pygame") is None:
        with pytest.raises(EnvironmentUnavailable, match=r"CartPole-v1 cannot be rendered \(.*pygame"):
            cart.render()


def test_the_car_sees_what_is_around_it_from_above_with_its_heading_upwards(simulator, recorded):
    simulator.reset(0)
    observation = recorded[20].observations[90].copy()
    simulator.place(observation)
    spectated = simulator.render()
    seen = simulator.look(48, 64)
    assert (seen.shape, seen.dtype) == ((48, 64, 3), np.uint8)
    np.testing.assert_array_equal(simulator.render(), spectated)  # the camera stands where it stood, the car is drawn
    np.testing.assert_array_equal(simulator.look(48, 64), seen)
    is_circle = (seen[..., 2] > 100) & (seen[..., 0] < 40)  # the blue disc, to the right of who drives clockwise
    assert is_circle[:, 40:].mean() > is_circle[:, :24].mean() + 0.3
    observation[4:6] *= -1  # turned round
    simulator.place(observation)
    is_circle = (simulator.look(48, 64)[..., 2] > 100) & (simulator.look(48, 64)[..., 0] < 40)
    assert is_circle[:, :24].mean() > is_circle[:, 40:].mean() + 0.3
