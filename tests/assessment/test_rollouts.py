"""Episodes of policies in the real simulators: the same to the bit wherever and beside whichever others they run."""

from dataclasses import replace

import imageio.v2 as imageio
import numpy as np
import pytest
from factories import CAR, CAR_INTERFACE, CAR_SIZES, save_untrained

from safemil_core.assessment import episode_worker
from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.episode_worker import Stage
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes, total
from safemil_core.assessment.simulator_workers import Watch
from safemil_core.config import CostConfig
from safemil_core.data.recording import Part
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.learning.model_files import save_cost
from safemil_core.learning.networks import CostNetwork, Sizes

UNSEEN = np.zeros((0, 0), np.float32)
"""For what a test does not look at."""
ARRAYS = ("rewards", "costs", "learned_costs", "observations", "actions")
CHOICES = (Part(dtype="int64", n_choices=3),)


def task(folder, env_id=CAR, sizes=CAR_SIZES, seed=7, **changes):
    """An episode of untrained networks."""
    paths = save_untrained(folder, Sizes(*sizes))
    interface = Interface(sizes[0], (Part(shape=(sizes[1],)),))
    return replace(EpisodeTask(env_id, interface, paths["safe"], paths["cost"], seed), **changes)


def played(tasks, stage=None):
    """Episodes side by side in this process."""
    stage, done = stage or Stage(), {}
    for number, each in enumerate(tasks):
        stage.begin(number, each)
    while len(stage):
        done |= dict(stage.step())
    return [done[number] for number in range(len(tasks))]


def assert_same(episode, other):
    assert episode.seed == other.seed
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(episode, name), getattr(other, name), err_msg=name)


@pytest.fixture
def cars(tmp_path):
    """Six episodes: three seeds, two policies, one scored and one not."""
    scored = task(tmp_path / "a")
    other = task(tmp_path / "b", cost=None)
    return [replace(each, seed=seed) for seed in (7, 8, 9) for each in (scored, other)]


def test_episodes_come_back_from_their_processes_each_at_its_place_and_as_they_are_alone(cars):
    done = {}
    run_episodes(cars, done.__setitem__, n_workers=2)
    assert sorted(done) == list(range(6))
    for position, each in enumerate(cars):
        found = done[position]
        assert found.seed == each.seed
        assert len(found) == len(found.costs) == len(found.learned_costs) == 300
        assert (found.observations.shape, found.actions.shape) == ((300, 8), (300, 2))
        assert set(np.unique(found.costs)) <= {0, 1}
        if each.cost:
            assert ((found.learned_costs > 0) & (found.learned_costs < 1)).all()
        else:
            assert not found.learned_costs.any()
    assert not np.array_equal(done[0].rewards, done[2].rewards)
    for position in (0, 3):
        assert_same(done[position], played([cars[position]])[0])


@pytest.mark.parametrize(
    ("env_id", "sizes"),
    [
        ("SafetyCarRun-v0", (7, 2)),
        ("SafetyDroneRun-v0", (17, 4)),
        ("SafetyHopperVelocity-v1", (11, 3)),
    ],
)
def test_an_episode_is_the_same_alone_in_company_and_in_a_used_simulator(tmp_path, monkeypatch, env_id, sizes):
    monkeypatch.setattr(episode_worker, "MAX_STEPS", 60)
    stage = Stage()
    tasks = [task(tmp_path, env_id, sizes, seed=seed) for seed in (3, 4, 5)]
    together = played(tasks, stage)
    for number, again in enumerate(played(tasks[::-1], stage)):
        assert_same(again, together[2 - number])
    assert_same(played(tasks[1:2])[0], together[1])
    assert not np.array_equal(together[0].observations[0], together[1].observations[0])


def test_what_simulators_draw_from_the_global_generators_does_not_depend_on_the_others(tmp_path):
    here = np.random.get_state()[1].copy()  # noqa: NPY002
    tasks = [task(tmp_path, "tiny_environments:Dice-v0", (1, 2), seed=seed) for seed in range(4)]
    together = played(tasks)
    assert len({float(each.rewards[3]) for each in together}) == 4
    for each, episode in zip(tasks, together, strict=True):
        assert_same(played([each])[0], episode)
    np.testing.assert_array_equal(np.random.get_state()[1], here)  # noqa: NPY002  # ours was left alone


def test_a_simulator_that_keeps_something_over_its_reset_is_made_anew(tmp_path):
    stage = Stage()
    each = task(tmp_path, "tiny_environments:Dice-v0", (1, 2))
    (first,), (second,) = played([each], stage), played([each], stage)
    assert_same(first, second)  # the dice grow by one for every reset


def test_a_simulator_that_takes_its_process_with_it_once_changes_no_bit(tmp_path, monkeypatch):
    tasks = [task(tmp_path, "fragile_environments:Killed-v0", (1, 1), seed=seed) for seed in range(3)]
    monkeypatch.setenv("FRAGILE_ONCE", str(tmp_path / "killed"))
    (tmp_path / "killed").touch()
    expected = played(tasks)
    (tmp_path / "killed").unlink()
    done = {}
    run_episodes(tasks, done.__setitem__, n_workers=1)
    assert (tmp_path / "killed").exists()
    for number, episode in enumerate(expected):
        assert_same(done[number], episode)


def test_an_episode_that_ends_its_process_every_time_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("FRAGILE_ONCE", raising=False)
    tasks = [task(tmp_path, "fragile_environments:Killed-v0", (1, 1), seed=seed) for seed in (1, 2)]
    with pytest.raises(
        EnvironmentUnavailable,
        match=r"an episode of fragile_environments:Killed-v0 with seed 1 cannot be run: its process was ended by "
        "SIGKILL, each time it was begun again; look into the log",
    ):
        run_episodes(tasks, lambda *_: None, n_workers=1, watch=Watch(repeats=0))


def test_an_episode_keeps_what_the_policy_saw_and_did(tmp_path):
    (done,) = played([task(tmp_path, seed=8)])
    simulator = Simulator(CAR, CAR_INTERFACE)
    seen = [simulator.reset(8), *(simulator.step(action).observation for action in done.actions[:3])]
    simulator.close()
    np.testing.assert_array_equal(done.observations[:4], seen)


def test_steps_are_scored_in_parts_as_they_are_at_once(tmp_path, monkeypatch):
    each = task(tmp_path)
    (at_once,) = played([each])
    monkeypatch.setattr(episode_worker, "SCORED_AT_ONCE", 70)
    (in_parts,) = played([each])
    np.testing.assert_allclose(in_parts.learned_costs, at_once.learned_costs, rtol=1e-5)


def test_an_episode_without_an_end_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(episode_worker, "MAX_STEPS", 20)
    (done,) = played([task(tmp_path)])
    assert len(done) == len(done.learned_costs) == 20


def test_an_ensemble_judges_an_episode_too(tmp_path):
    each, sizes, config = task(tmp_path), Sizes(*CAR_SIZES), CostConfig(hidden_sizes=(4,), members=3)
    save_cost(each.cost, CostNetwork(config, sizes), config, sizes)
    (found,) = played([each])
    assert ((found.learned_costs > 0) & (found.learned_costs < 1)).all()


def test_random_actions_are_drawn_by_the_episodes_seed_over_all_that_can_be_done(tmp_path):
    numbers = task(tmp_path, policy=None, cost=None)
    first, again, other = played([numbers, numbers, replace(numbers, seed=8)])
    assert_same(first, again)
    assert not np.array_equal(first.actions, other.actions)
    assert first.actions.min() < -0.9
    assert first.actions.max() > 0.9
    torque = EpisodeTask("Pendulum-v1", Interface(3, (Part(shape=(1,)),)), None, None, seed=1)  # it takes -2 to 2
    (drawn,) = played([torque])
    assert drawn.actions.min() < -1.8
    assert drawn.actions.max() > 1.8
    walk = EpisodeTask("tiny_environments:Walk-v0", Interface(1, CHOICES), None, None, seed=1)
    (chosen,) = played([walk])
    assert set(np.unique(chosen.actions)) == {0, 1, 2}


def test_a_policy_of_choices_that_sees_acts_to_the_end_and_its_steps_get_learned_costs(tmp_path):
    paths = save_untrained(tmp_path, Sizes(1, 3, (3,), ((6, 16, 6),)))
    interface = Interface(1, CHOICES, (Part("eye", (6, 16, 6), "uint8"),))
    (done,) = played([EpisodeTask("tiny_environments:Walk-v0", interface, paths["safe"], paths["cost"], seed=3)])
    assert (len(done), done.observations.shape) == (12, (12, 1))
    assert ((done.learned_costs > 0) & (done.learned_costs < 1)).all()
    assert set(done.rewards) <= {-1, 0, 1}


def test_a_film_of_an_episode_is_written_where_it_was_run_and_changes_no_bit_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(episode_worker, "MAX_STEPS", 40)
    bare = task(tmp_path)
    filmed, unseen = played([replace(bare, video=tmp_path / "film.mp4", frame_stride=10), bare])
    assert_same(filmed, unseen)
    with imageio.get_reader(tmp_path / "film.mp4") as reader:
        frames = [frame for frame in reader]  # noqa: C416  # its length is infinite, and list() would ask for it
    assert len(frames) == 4
    assert np.unique(frames[0]).size > 20  # a picture, not a blank


def test_an_error_in_a_worker_is_said_here_and_ends_the_rest(tmp_path):
    each = task(tmp_path, interface=replace(CAR_INTERFACE, n_observations=5))
    with pytest.raises(EnvironmentUnavailable, match="the dataset has 5 numbers and 2 numbers"):
        run_episodes([each], lambda *_: None)


def test_totals_are_sums_over_each_episode():
    made = [Episode(i, *(np.full(3, v, np.float32) for v in (1, i, 0.5)), UNSEEN, UNSEEN) for i in range(2)]
    np.testing.assert_allclose(total(made, "rewards"), [3, 3])
    np.testing.assert_allclose(total(made, "costs"), [0, 3])


def test_an_episode_survives_the_way_between_processes():
    arrays = [np.arange(n, dtype=np.float32) for n in (3, 3, 3)]
    episode = Episode(11, *arrays, np.ones((3, 0), np.float32), np.ones((3, 2), np.float32))
    back = Episode.from_bytes(episode.to_bytes())
    assert_same(back, episode)
    assert back.actions.dtype == np.float32
