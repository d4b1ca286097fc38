"""The real simulator: environments, episodes in worker processes, replays of recordings, and videos of them."""

from dataclasses import replace
from importlib.util import find_spec

import imageio.v2 as imageio
import numpy as np
import pytest
from factories import CAR, CAR_CIRCLE, CAR_INTERFACE, CAR_SIZES, save_untrained

from safemil_core.assessment.environments import FRAME_SIZE, Simulator, dsrl_range
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episode, run_episodes, total
from safemil_core.assessment.videos import FPS, STRIP_HEIGHT, TRUE_COST, side_by_side, write_mp4
from safemil_core.config import CostConfig
from safemil_core.data import formats
from safemil_core.data.recording import Part
from safemil_core.data.storage.build import build
from safemil_core.data.storage.dataset_files import open_files
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes

UNSEEN = np.zeros((0, 0), np.float32)
"""For what a test does not look at."""


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


@pytest.fixture(scope="module")
def episodes(tmp_path_factory):
    """Two episodes of an untrained policy through worker processes, the first with frames."""
    folder = tmp_path_factory.mktemp("networks")
    paths = save_untrained(folder, Sizes(*CAR_SIZES))
    tasks = [EpisodeTask(CAR, CAR_INTERFACE, paths["safe"], paths["cost"], seed, 60 * (seed == 7)) for seed in (7, 8)]
    done = {}
    run_episodes(tasks, done.__setitem__)
    return tasks, done


def test_episodes_come_back_from_their_processes_each_at_its_place(episodes):
    tasks, done = episodes
    assert sorted(done) == [0, 1]
    for position, task in enumerate(tasks):
        found = done[position]
        assert found.seed == task.seed
        assert len(found) == len(found.costs) == len(found.learned_costs) == 300
        assert ((found.learned_costs > 0) & (found.learned_costs < 1)).all()
        assert np.isfinite(found.rewards).all()
        assert (found.observations.shape, found.actions.shape) == ((300, 8), (300, 2))
        assert set(np.unique(found.costs)) <= {0, 1}
    assert not np.array_equal(done[0].rewards, done[1].rewards)


def test_frames_are_rendered_at_their_stride_where_they_were_asked_for(episodes):
    _, done = episodes
    assert len(done[0].frames) == 5
    assert done[1].frames == ()
    for frame in done[0].frames:
        assert frame.shape == (FRAME_SIZE[1], FRAME_SIZE[0], 3)
        assert frame.dtype == np.uint8
        assert np.unique(frame).size > 20  # a picture, not a blank


def test_an_episode_is_the_same_again_whichever_process_lives_it(episodes):
    tasks, done = episodes
    again = run_episode(tasks[1])
    np.testing.assert_array_equal(again.rewards, done[1].rewards)
    np.testing.assert_array_equal(again.learned_costs, done[1].learned_costs)


def test_an_episode_keeps_what_the_policy_saw_and_did(episodes):
    tasks, done = episodes
    simulator = Simulator(CAR, CAR_INTERFACE)
    seen = [simulator.reset(tasks[1].seed), *(simulator.step(action).observation for action in done[1].actions[:3])]
    simulator.close()
    np.testing.assert_array_equal(done[1].observations[:4], seen)


def test_an_ensemble_judges_an_episode_too(tmp_path):
    paths, sizes = save_untrained(tmp_path, Sizes(*CAR_SIZES)), Sizes(*CAR_SIZES)
    config = CostConfig(hidden_sizes=(4,), members=3)
    save_cost(paths["cost"], CostNetwork(config, sizes), config, sizes)
    found = run_episode(EpisodeTask(CAR, CAR_INTERFACE, paths["safe"], paths["cost"], 7, 0))
    assert len(found.learned_costs) == 300
    assert ((found.learned_costs > 0) & (found.learned_costs < 1)).all()


def test_an_error_in_a_worker_is_said_here_and_ends_the_rest(tmp_path):
    paths = save_untrained(tmp_path, Sizes(5, 2))
    interface = replace(CAR_INTERFACE, n_observations=5)
    tasks = [EpisodeTask(CAR, interface, paths["safe"], paths["cost"], seed) for seed in range(2)]
    with pytest.raises(EnvironmentUnavailable, match="the dataset has 5 numbers and 2 numbers"):
        run_episodes(tasks, lambda *_: None)


def test_totals_are_sums_over_each_episode():
    made = [Episode(i, *(np.full(3, v, np.float32) for v in (1, i, 0.5)), UNSEEN, UNSEEN) for i in range(2)]
    np.testing.assert_allclose(total(made, "rewards"), [3, 3])
    np.testing.assert_allclose(total(made, "costs"), [0, 3])


def made_up(n_steps, n_frames, shade):
    frames = tuple(np.full((64, 128, 3), shade, np.uint8) for _ in range(n_frames))
    costs = np.zeros(n_steps, np.float32)
    costs[n_steps // 2] = 1
    learned = np.linspace(0, 1, n_steps, dtype=np.float32)
    return Episode(0, np.ones(n_steps, np.float32), costs, learned, UNSEEN, UNSEEN, frames)


def test_episodes_stand_side_by_side_and_one_that_has_ended_stays_on_its_last_frame():
    frames = list(side_by_side({"safe": made_up(30, 3, 50), "bc": made_up(50, 5, 200)}, frame_stride=10))
    assert len(frames) == 5
    for frame in frames:
        assert frame.shape == (64 + STRIP_HEIGHT, 256, 3)
        assert (frame[:64, :128] == 50).all()
        assert (frame[:64, 128:] == 200).all()
    left, right = [f[64:, :128] for f in frames], [f[64:, 128:] for f in frames]
    np.testing.assert_array_equal(left[2], left[4])  # its marker stands still too
    assert not np.array_equal(right[2], right[4])


def test_a_true_cost_is_drawn_where_it_happened():
    (frame, *_) = side_by_side({"safe": made_up(40, 1, 0)}, frame_stride=40)
    is_blue = (frame[64 + 30 : -30] == TRUE_COST).all(axis=2).any(axis=0)
    assert np.flatnonzero(is_blue).tolist() in ([64, 65], [64], [65])  # step 20 of 40, of 128 pixels


def test_a_video_plays_back_with_its_frames_size_and_rate(tmp_path):
    shades = [20, 60, 100, 140, 180, 220]
    write_mp4(tmp_path / "video.mp4", (np.full((160, 256, 3), shade, np.uint8) for shade in shades))
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]
    with imageio.get_reader(tmp_path / "video.mp4") as reader:
        about = reader.get_meta_data()
        frames = [frame for frame in reader]  # noqa: C416  # its length is infinite, and list() would ask for it
    assert (about["codec"], about["fps"], tuple(about["size"])) == ("h264", FPS, (256, 160))
    assert [int(frame.mean().round()) for frame in frames] == pytest.approx(shades, abs=4)


def test_a_video_that_cannot_be_made_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((160, 256, 3), np.uint8)
        raise EnvironmentUnavailable("gone")

    with pytest.raises(EnvironmentUnavailable):
        write_mp4(tmp_path / "video.mp4", frames())
    assert list(tmp_path.iterdir()) == []


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


def test_a_policy_of_choices_that_sees_acts_to_the_end_and_its_steps_get_learned_costs(tmp_path):
    paths = save_untrained(tmp_path, Sizes(1, 3, (3,), ((6, 16, 6),)))
    interface = Interface(1, CHOICES, (Part("eye", (6, 16, 6), "uint8"),))
    task = EpisodeTask("tiny_environments:Walk-v0", interface, paths["safe"], paths["cost"], seed=3, frame_stride=4)
    done = run_episode(task)
    assert (len(done), len(done.frames)) == (12, 3)
    assert ((done.learned_costs > 0) & (done.learned_costs < 1)).all()
    assert set(done.rewards) <= {-1, 0, 1}
