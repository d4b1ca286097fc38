import json
import tempfile
import warnings
from pathlib import Path

import gymnasium as gym
import h5py
import minari as library
import numpy as np
import pytest
from curated_strategy import assert_same, curated_sets
from hypothesis import given
from minari.data_collector import EpisodeBuffer

from safemil_core.data.curated import Curated
from safemil_core.data.formats import minari
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Options, Part, Recording
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset

STORAGES = ("hdf5", "arrow", "parquet")
BOX = gym.spaces.Box(-1, 1, (3,), np.float64)
NESTED = gym.spaces.Dict(
    {
        "position": BOX,
        "camera": gym.spaces.Box(0, 255, (32, 40, 3), np.uint8),
        "grid": gym.spaces.Box(0, 255, (7, 7, 3), np.uint8),
        "mission": gym.spaces.Text(10),
        "more": gym.spaces.Tuple((gym.spaces.Discrete(3, start=2), gym.spaces.MultiBinary(2))),
    }
)


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """Minari's own folder of datasets."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


def save(name, buffers, observation_space, action_space, **settings):
    """A dataset that Minari wrote."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has no author
        return library.create_dataset_from_buffers(
            name, buffers, observation_space=observation_space, action_space=action_space, **settings
        )


def simple(n, *, terminated=True, truncated=False, cost=None, seed=0):
    rng = np.random.default_rng(seed)
    last = np.arange(n) == n - 1
    return EpisodeBuffer(
        observations=rng.normal(size=(n + 1, 3)),
        actions=rng.integers(4, size=n),
        rewards=np.arange(n) * 1.5,
        terminations=last & terminated,
        truncations=last & truncated,
        infos=None if cost is None else {"cost": cost},
    )


def nested(n):
    rng = np.random.default_rng(n)
    return EpisodeBuffer(
        observations={
            "position": rng.normal(size=(n + 1, 3)),
            "camera": [np.full((32, 40, 3), 40 * step, np.uint8) for step in range(n + 1)],
            "grid": rng.integers(256, size=(n + 1, 7, 7, 3), dtype=np.uint8),
            "mission": ["go"] * (n + 1),
            "more": (np.arange(n + 1) % 3 + 2, rng.integers(2, size=(n + 1, 2), dtype=np.int8)),
        },
        actions=rng.normal(size=(n, 3)),
        rewards=np.zeros(n),
        terminations=np.zeros(n, bool),
        truncations=np.zeros(n, bool),
    )


def curated(n_trajectories=3, n_steps=4, **about):
    rng = np.random.default_rng(0)
    total = n_trajectories * n_steps
    return Curated(
        trajectories=TrajectorySet(
            observations=rng.normal(size=(total, 3)).astype(np.float32),
            actions=rng.integers(4, size=(total, 1)).astype(np.float32),
            offsets=np.arange(0, total + 1, n_steps),
            rewards=rng.normal(size=total).astype(np.float32),
            costs=np.ones(total, dtype=np.float32),
            ends=np.array([TERMINATED, CUT_OFF, TERMINATED][:n_trajectories], dtype=np.uint8),
            final_observations=rng.normal(size=(n_trajectories, 3)).astype(np.float32),
        ),
        chosen=np.arange(n_trajectories)[::-1],
        about=About((Part("", (3,)),), (Part("", (), "int64", 4),), **about),
        labels=np.array(["non_preferred", "none", "preferred"][:n_trajectories]),
        weights=np.array([0.5, 1.0, 1.5][:n_trajectories]),
    )


def read(path):
    return minari.read(path, Options())


def joined(recording, key):
    return np.concatenate([getattr(block, key) for block in recording.steps])


@given(curated_sets())
def test_what_was_written_is_read_again(curated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported-v0"
        minari.write(curated, path)
        assert minari.detect(path)
        assert_same(curated, read(path))


@given(curated_sets(images=False))
def test_minari_opens_what_was_written(curated):
    with tempfile.TemporaryDirectory() as folder:
        minari.write(curated, Path(folder) / "exported-v0")
        dataset = library.MinariDataset(Path(folder) / "exported-v0" / "data")
        assert (dataset.total_episodes, dataset.total_steps) == (len(curated), curated.n_steps)
        for episode, one in zip(dataset.iterate_episodes(), curated, strict=True):
            assert len(episode) == len(one)
            assert episode.terminations[-1] == bool(one.end & TERMINATED)
            assert episode.truncations[-1] == bool(one.end & CUT_OFF)
            for value in first_of(dataset.observation_space, episode.observations):
                assert len(value) == len(one) + 1
            assert dataset.action_space.contains(at(dataset.action_space, episode.actions, 0))
            if one.costs is not None:
                np.testing.assert_array_equal(episode.infos["cost"], one.costs)


def first_of(space, values):
    """Arrays of a nested value."""
    return (
        [leaf for key in space for leaf in first_of(space[key], values[key])]
        if isinstance(space, gym.spaces.Dict)
        else [values]
    )


def at(space, values, step):
    if isinstance(space, gym.spaces.Dict):
        return {key: at(space[key], values[key], step) for key in space}
    return values[step]


def test_minari_shows_the_very_numbers(datasets):
    given = curated(env_id="CartPole-v1", facts={"author": "Ada, Grace", "description": "by hand"})
    minari.write(given, datasets / "toys-v3")
    dataset = library.load_dataset("toys-v3")
    assert library.list_local_datasets().keys() == {"toys-v3"}
    assert (dataset.spec.dataset_id, dataset.env_spec.id) == ("toys-v3", "CartPole-v1")
    assert dataset.storage.metadata["author"] == {"Ada", "Grace"}
    assert (dataset.action_space, dataset.observation_space.shape) == (gym.spaces.Discrete(4), (3,))
    first = dataset[0]
    every = given.trajectories
    np.testing.assert_array_equal(first.observations[:-1], every[2].observations)
    np.testing.assert_array_equal(first.observations[-1], every.final_observations[2])
    np.testing.assert_array_equal(first.actions, every[2].actions[:, 0])
    np.testing.assert_array_equal(first.rewards, every[2].rewards)


def test_minari_filters_by_our_label(datasets):
    minari.write(curated(), datasets / "toys-v0")
    storage = library.load_dataset("toys-v0").storage
    metadata = list(storage.get_episode_metadata(range(3)))
    assert [one["label"] for one in metadata] == ["preferred", "none", "non_preferred"]
    assert [one["weight"] for one in metadata] == [1.5, 1.0, 0.5]
    bad = [one["id"] for one in metadata if one["label"] == "non_preferred"]
    assert library.MinariDataset(storage, episode_indices=np.array(bad)).total_steps == 4


def test_minari_gives_pictures_bit_for_bit(datasets):
    pixels = np.random.default_rng(0).integers(256, size=(2, 32, 32, 3), dtype=np.uint8)
    trajectories = TrajectorySet(
        np.zeros((2, 0), np.float32), np.zeros((2, 1), np.float32), np.array([0, 2]), images={"": pixels}
    )
    about = About((), (Part("", (1,)),), (Part("", (32, 32, 3), "uint8"),))
    minari.write(Curated(trajectories, np.array([0]), about, np.array(["none"])), datasets / "toys-v0")
    dataset = library.load_dataset("toys-v0")
    np.testing.assert_array_equal(dataset[0].observations, [*pixels, pixels[-1]])  # the final one is not known
    assert dataset.observation_space == gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)


@pytest.mark.parametrize("storage", STORAGES)
def test_what_minari_wrote_is_read(datasets, storage):
    buffers = [simple(4, seed=0), simple(2, terminated=False, seed=1), simple(3, truncated=True, seed=2)]
    save("toys-v0", buffers, BOX, gym.spaces.Discrete(4), data_format=storage, author="Ada", description="a test")
    for path in (datasets / "toys-v0", datasets / "toys-v0" / "data"):
        assert minari.detect(path)
        recording = read(path)
        about, blocks = recording.about, list(recording.steps)
        assert (about.observations, about.actions) == ((Part("", (3,)),), (Part("", (), "int64", 4),))
        assert (about.has_rewards, about.has_costs, about.n_steps, about.env_id) == (True, False, 9, None)
        assert about.facts == {"author": "Ada", "description": "a test", "dataset_id": "toys-v0"}
        assert [block.ends.tolist() for block in blocks] == [
            [0, 0, 0, TERMINATED],
            [0, CUT_OFF],
            [0, 0, TERMINATED | CUT_OFF],
        ]
        for block, buffer in zip(blocks, buffers, strict=True):
            np.testing.assert_array_equal(block.observations, buffer.observations[:-1].astype(np.float32))
            np.testing.assert_array_equal(block.final_observations, buffer.observations[-1:].astype(np.float32))
            np.testing.assert_array_equal(block.actions[:, 0], buffer.actions)
            np.testing.assert_array_equal(block.rewards, buffer.rewards)


@pytest.mark.parametrize("storage", STORAGES)
def test_nested_spaces_keep_their_names_and_pictures_stay_pictures(datasets, storage):
    buffers = [nested(3), nested(1)]
    save("toys-v0", buffers, NESTED, BOX, data_format=storage)
    recording = read(datasets / "toys-v0")
    names = {part.name: (part.shape, part.dtype, part.n_choices) for part in recording.about.observations}
    assert names == {
        "position": ((3,), "float32", None),
        "grid": ((7, 7, 3), "uint8", None),
        "more/0": ((), "int64", 3),
        "more/1": ((2,), "int8", 2),
    }
    assert recording.about.images == (Part("camera", (32, 40, 3), "uint8"),)
    assert recording.about.notes == (
        "the observation mission (Text) is left out: it holds no numbers",
        "'more/0' counts from 2; here it counts from 0",
    )
    first = next(recording.steps)
    at = np.cumsum([0, *(part.size for part in recording.about.observations)])
    values = {p.name: first.observations[:, at[i] : at[i + 1]] for i, p in enumerate(recording.about.observations)}
    seen = buffers[0].observations
    np.testing.assert_array_equal(values["position"], seen["position"][:3].astype(np.float32))
    np.testing.assert_array_equal(values["grid"], seen["grid"][:3].reshape(3, -1))
    np.testing.assert_array_equal(values["more/0"], [[0], [1], [2]])
    np.testing.assert_array_equal(values["more/1"], seen["more"][1][:3])
    # Minari packs pictures as JPEG, which keeps one that is all of one grey.
    np.testing.assert_array_equal(first.images["camera"], np.stack(seen["camera"][:3]))
    np.testing.assert_array_equal(first.final_images["camera"], np.stack(seen["camera"][3:]))


@pytest.mark.parametrize("storage", STORAGES)
def test_pictures_that_minari_did_not_pack_are_read(datasets, storage):
    pixels = np.random.default_rng(0).integers(256, size=(3, 32, 40), dtype=np.uint8)
    buffer = EpisodeBuffer(
        observations=pixels,
        actions=np.zeros((2, 3)),
        rewards=[0, 0],
        terminations=[False, True],
        truncations=[False, False],
    )
    space = gym.spaces.Box(0, 255, (32, 40), np.uint8)
    save("toys-v0", [buffer], space, BOX, data_format=storage, jpeg_encoding=False)
    recording = read(datasets / "toys-v0")
    assert (recording.about.observations, recording.about.images) == ((), (Part("", (32, 40, 1), "uint8"),))
    np.testing.assert_array_equal(next(recording.steps).images[""][..., 0], pixels[:2])


@pytest.mark.parametrize("storage", STORAGES)
def test_costs_are_the_infos_of_the_steps_not_of_the_reset(datasets, storage):
    buffers = [simple(3, cost=np.array([[9.0], [1.0], [0.0], [2.0]])), simple(1, cost=np.array([[9.0], [3.0]]))]
    save("toys-v0", buffers, BOX, gym.spaces.Discrete(4), data_format=storage)
    recording = read(datasets / "toys-v0")
    assert recording.about.has_costs
    assert joined(recording, "costs").tolist() == [1, 0, 2, 3]


def test_costs_that_one_episode_lacks_are_no_costs(datasets):
    buffers = [simple(2, cost=np.array([1.0, 0.0])), simple(2)]
    save("toys-v0", buffers, BOX, gym.spaces.Discrete(4))
    assert not read(datasets / "toys-v0").about.has_costs


def test_a_label_that_somebody_gave_with_minari_counts(datasets):
    minari.write(curated(), datasets / "toys-v0")
    library.load_dataset("toys-v0").storage.update_episode_metadata([{"label": "unsure"}], [1])
    assert read(datasets / "toys-v0").about.labels == {0: "preferred", 1: "unsure", 2: "non_preferred"}
    library.load_dataset("toys-v0").storage.update_episode_metadata([{"label": "none"}], [1])
    assert read(datasets / "toys-v0").about.labels == {0: "preferred", 2: "non_preferred"}


def test_the_environment_is_a_name_and_is_never_made(datasets, monkeypatch):
    monkeypatch.setattr(gym, "make", lambda *_, **__: pytest.fail("an environment was made"))
    save("toys-v0", [simple(2)], BOX, gym.spaces.Discrete(4))
    change_metadata(datasets / "toys-v0", env_spec=json.dumps({"id": "os:system-v0", "entry_point": "os:system"}))
    assert read(datasets / "toys-v0").about.env_id == "os:system-v0"


def test_spaces_that_metadata_leave_to_the_environment_follow_from_the_arrays(datasets):
    save("toys-v0", [simple(2)], BOX, gym.spaces.Discrete(4))
    change_metadata(datasets / "toys-v0", observation_space=None, action_space=None)
    about = read(datasets / "toys-v0").about
    assert (about.observations, about.actions) == ((Part("", (3,)),), (Part("", (), "int64"),))


def test_a_long_episode_comes_in_blocks(datasets):
    n = 30_000
    trajectories = TrajectorySet(
        np.arange(n * 100, dtype=np.float32).reshape(n, 100), np.zeros((n, 1), np.float32), np.array([0, n])
    )
    given = Curated(trajectories, np.array([0]), About((Part("", (100,)),), (Part("", (1,)),)), np.array(["none"]))
    minari.write(given, datasets / "toys-v0")
    recording = read(datasets / "toys-v0")
    blocks = list(recording.steps)
    assert len(blocks) == 2
    assert_same(given, Recording(recording.about, iter(blocks)))


def change_metadata(path, **changes):
    file = path / "data" / "metadata.json"
    metadata = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in metadata.items() if value is not None}))


def change_arrays(path, key, values):
    with h5py.File(path / "data" / "main_data.hdf5", "a") as file:
        del file[key]
        file[key] = values


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        (
            "episode_1/observations",
            np.zeros((2, 3)),
            "episode 1: 'observations' has 2 rows, expected 3 for its 2 steps",
        ),
        ("episode_1/actions", np.zeros(3, int), "episode 1: 'actions' has 3 rows, expected 2"),
        (
            "episode_1/actions",
            np.full(2, 4),
            "episode 1: '' has values from 4 to 4, expected one of its choices 0 to 3",
        ),
        ("episode_1/observations", np.zeros((3, 4)), r"episode 1: '' has shape \(3, 4\), expected \(3, 3\)"),
        ("episode_0/rewards", np.zeros(0), "episode 0: it has no steps"),
        ("episode_1/observations", h5py.ExternalLink("/etc/passwd", "x"), "'observations' is a link"),
        ("episode_1", h5py.SoftLink("/episode_0"), "'episode_1' is a link"),
        ("episode_1/rewards", np.array([b"a", b"b"], dtype="S1"), r"'rewards' holds \|S1, expected numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(datasets, key, values, message):
    save("toys-v0", [simple(3), simple(2)], BOX, gym.spaces.Discrete(4))
    change_arrays(datasets / "toys-v0", key, values)
    with pytest.raises(InvalidDataset, match=message):
        list(read(datasets / "toys-v0").steps)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"total_episodes": 0}, "says that it has 0 episodes"),
        ({"total_episodes": 3}, "'episode_2' is missing"),
        ({"total_episodes": "many"}, "says that it has many episodes"),
        ({"data_format": "pickle"}, "its data format 'pickle' is unknown"),
        ({"action_space": '{"type": "Text"}'}, r"its actions hold no numbers: it \(Text\)"),
        ({"action_space": "{"}, "the space of its actions is damaged"),
        ({"action_space": '{"type": "Box", "shape": [-1], "dtype": "float32"}'}, "a space in its metadata is damaged"),
        ({"action_space": '{"type": "Box", "shape": [1], "dtype": "object"}'}, "holds object, expected numbers"),
        ({"action_space": '{"type": "Box", "shape": [99999999], "dtype": "f4"}'}, "has 99999999 numbers a step"),
        ({"action_space": '{"type": "Tuple", "subspaces": [' * 5000 + "]}" * 5000}, "nested"),
        ({"safemil": "{"}, "notes are damaged"),
    ],
)
def test_metadata_that_make_no_sense_are_refused(datasets, changes, message):
    save("toys-v0", [simple(3), simple(2)], BOX, gym.spaces.Discrete(4))
    change_metadata(datasets / "toys-v0", **changes)
    with pytest.raises(InvalidDataset, match=message):
        list(read(datasets / "toys-v0").steps)


def test_pictures_that_are_not_what_they_claim_are_refused(datasets):
    save("toys-v0", [nested(2)], NESTED, BOX)
    with h5py.File(datasets / "toys-v0/data/main_data.hdf5", "a") as file:
        file["episode_0/observations/camera"][1] = np.frombuffer(b"\x89PNG not a JPEG", dtype=np.uint8)
    with pytest.raises(InvalidDataset, match="episode 0: 'camera' has a damaged picture"):
        list(read(datasets / "toys-v0").steps)


@pytest.mark.parametrize("storage", ["arrow", "parquet"])
def test_tables_that_are_cut_short_or_elsewhere_are_refused(datasets, storage):
    save("toys-v0", [simple(3), simple(2)], BOX, gym.spaces.Discrete(4), data_format=storage)
    path = datasets / "toys-v0/data/1" / f"part-0.{storage}"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidDataset, match="damaged or cut short"):
        list(read(datasets / "toys-v0").steps)
    path.unlink()
    with pytest.raises(InvalidDataset, match=f"the folder '1' holds no {storage} file"):
        list(read(datasets / "toys-v0").steps)
    (datasets / "elsewhere").write_bytes(whole)
    path.symlink_to(datasets / "elsewhere")
    with pytest.raises(InvalidDataset, match="is a link to somewhere else"):
        list(read(datasets / "toys-v0").steps)


def test_a_file_that_is_a_link_is_not_followed(datasets):
    save("toys-v0", [simple(2)], BOX, gym.spaces.Discrete(4))
    path = datasets / "toys-v0/data/main_data.hdf5"
    path.rename(datasets / "elsewhere")
    path.symlink_to(datasets / "elsewhere")
    with pytest.raises(InvalidDataset, match="missing or a link"):
        read(datasets / "toys-v0")


def test_other_folders_and_files_are_not_minari(tmp_path):
    (tmp_path / "metadata.json").write_text("[1]")
    assert not minari.detect(tmp_path)
    (tmp_path / "metadata.json").write_bytes(b"\xff{")
    assert not minari.detect(tmp_path)
    assert not minari.detect(tmp_path / "metadata.json")
    assert not minari.detect(tmp_path / "nothing")


def test_a_dataset_of_before_version_0_5_is_named_as_such(tmp_path):
    (tmp_path / "data").mkdir()
    with h5py.File(tmp_path / "data" / "main_data.hdf5", "w") as file:
        file.attrs["total_episodes"] = 1
    assert minari.detect(tmp_path)
    with pytest.raises(InvalidDataset, match=r"no metadata.json, as before Minari 0.5"):
        read(tmp_path)


def test_a_file_that_is_cut_short_is_refused(datasets):
    save("toys-v0", [simple(400), simple(400)], BOX, gym.spaces.Discrete(4))
    path = datasets / "toys-v0/data/main_data.hdf5"
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(InvalidDataset, match="damaged or cut short"):
        list(read(datasets / "toys-v0").steps)
