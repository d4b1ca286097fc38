import json
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from curated_strategy import assert_same, curated_sets
from hypothesis import given

from safemil_core.data.curated import Curated
from safemil_core.data.formats import robomimic
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Options, Part, Recording
from safemil_core.data.storage.build import build
from safemil_core.data.storage.dataset_files import open_files
from safemil_core.data.storage.versions import recording_of
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset

ENV_ARGS = json.dumps({"env_name": "PickPlaceCan", "env_type": 1, "env_kwargs": {"robots": ["Panda"]}})


def demo(n, seed=0):
    """Arrays of a demonstration as robomimic's documentation lays them out."""
    rng = np.random.default_rng(seed)
    seen = {
        "agentview_image": rng.integers(256, size=(n + 1, 84, 84, 3), dtype=np.uint8),
        "robot0_eef_pos": rng.normal(size=(n + 1, 3)),
        "object": rng.normal(size=(n + 1, 2)),
    }
    return {
        **{f"obs/{key}": values[:-1] for key, values in seen.items()},
        **{f"next_obs/{key}": values[1:] for key, values in seen.items()},
        "actions": rng.uniform(-1, 1, size=(n, 7)),
        "rewards": rng.random(n),
        "dones": np.arange(n) == n - 1,
        "states": rng.normal(size=(n, 32)),
    }


def save(path, demos, masks=None):
    """A file of demonstrations and masks."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(len(arrays["actions"]) for arrays in demos.values())
        data.attrs["env_args"] = ENV_ARGS
        for name, arrays in demos.items():
            group = data.create_group(name)
            group.attrs["num_samples"] = len(arrays["actions"])
            group.attrs["model_file"] = "<mujoco/>"
            for key, values in arrays.items():
                group[key] = values
        for key, names in (masks or {}).items():
            file[f"mask/{key}"] = np.array(names, dtype="S8")
    return path


def change(path, key, values):
    with h5py.File(path, "a") as file:
        if key in file:
            del file[key]
        if values is not None:
            file[key] = values


def read(path):
    return robomimic.read(path, Options())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "demos.hdf5"


@given(curated_sets())
def test_what_was_written_is_read_again(curated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.hdf5"
        robomimic.write(curated, path)
        assert robomimic.detect(path)
        assert_same(curated, read(path))


def test_demonstrations_are_read_in_the_order_of_their_numbers(path):
    demos = {f"demo_{number}": demo(n, seed=number) for number, n in ((10, 1), (2, 3), (0, 2))}
    save(path, demos)
    recording = read(path)
    about, blocks = recording.about, list(recording.steps)
    assert about.observations == (Part("object", (2,)), Part("robot0_eef_pos", (3,)))
    assert about.images == (Part("agentview_image", (84, 84, 3), "uint8"),)
    assert about.actions == (Part("", (7,)),)
    assert (about.env_id, about.n_steps, about.has_rewards, about.has_costs) == ("PickPlaceCan", 6, True, False)
    assert about.facts == {"env_args": ENV_ARGS}
    assert (about.notes, about.n_states) == ((), 32)
    for block, name in zip(blocks, ("demo_0", "demo_2", "demo_10"), strict=True):
        arrays = demos[name]
        np.testing.assert_array_equal(block.observations[:, :2], arrays["obs/object"].astype(np.float32))
        np.testing.assert_array_equal(block.actions, arrays["actions"].astype(np.float32))
        np.testing.assert_array_equal(block.states, arrays["states"].astype(np.float32))
        np.testing.assert_array_equal(block.rewards, arrays["rewards"].astype(np.float32))
        np.testing.assert_array_equal(block.images["agentview_image"], arrays["obs/agentview_image"])
        assert block.ends.tolist() == [0] * (len(block) - 1) + [TERMINATED]
        final = [*arrays["next_obs/object"][-1], *arrays["next_obs/robot0_eef_pos"][-1]]
        np.testing.assert_array_equal(block.final_observations, np.array([final], dtype=np.float32))
        np.testing.assert_array_equal(block.final_images["agentview_image"], arrays["next_obs/agentview_image"][-1:])


def test_masks_are_tags_and_two_of_them_labels(path):
    demos = {f"demo_{number}": demo(1) for number in range(4)}
    masks = {
        "train": ["demo_3", "demo_0"],
        "empty": [],
        "non_preferred": ["demo_1", "demo_2"],
        "preferred": ["demo_0", "demo_2"],
        "valid": ["demo_1", "demo_7"],
    }
    about = read(save(path, demos, masks)).about
    assert about.tags == {"train": (0, 3), "empty": (), "valid": (1,)}
    assert about.labels == {0: "preferred", 1: "non_preferred"}
    assert about.notes == (
        "mask/valid names 1 demonstrations that are not in the file",
        "1 demonstrations have several labels and so keep none: demo_2",
    )


def test_masks_of_variable_length_text_are_read_too(path):
    save(path, {"demo_0": demo(1), "demo_1": demo(1)})
    with h5py.File(path, "a") as file:
        file.create_dataset("mask/valid", data=["demo_1"], dtype=h5py.string_dtype())
    assert read(path).about.tags == {"valid": (1,)}


def small(**changes):
    """Three trajectories of two steps."""
    return Curated(
        TrajectorySet(
            np.arange(18, dtype=np.float32).reshape(6, 3),
            np.zeros((6, 1), np.float32),
            np.array([0, 2, 4, 6]),
            ends=np.array([TERMINATED, CUT_OFF, TERMINATED], np.uint8),
        ),
        chosen=np.array([2, 0, 1]),
        about=changes.pop("about", About((Part("", (3,)),), (Part("", (1,)),), env_id="CartPole-v1")),
        labels=np.array(["non_preferred", "preferred", "none"]),
        tags={"valid": (1, 2), "left/right": (0,)},
        weights=np.array([0.5, 1.0, 1.5]),
        **changes,
    )


def test_the_layout_that_is_written_is_robomimics(path):
    robomimic.write(small(), path)
    with h5py.File(path) as file:
        data = file["data"]
        assert (list(data), data.attrs["total"]) == (["demo_0", "demo_1", "demo_2"], 6)
        assert json.loads(data.attrs["env_args"]) == {"env_name": "CartPole-v1", "env_type": 2, "env_kwargs": {}}
        assert {key: list(file["mask"][key]) for key in file["mask"]} == {
            "non_preferred": [b"demo_1"],
            "preferred": [b"demo_2"],
            "valid": [b"demo_0", b"demo_2"],
        }
        demo = data["demo_1"]  # trajectory 0
        assert {key: demo.attrs[key] for key in demo.attrs} == {
            "num_samples": 2,
            "truncated": False,
            "trajectory": 0,
            "weight": 0.5,
        }
        assert set(demo) == {"obs", "next_obs", "actions", "dones", "states"}
        assert demo["obs/flat"][:].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert demo["next_obs/flat"][:].tolist() == [[3, 4, 5], [3, 4, 5]]  # the final one is not known
        assert demo["actions"].shape == (2, 1)
        assert demo["dones"][:].tolist() == [False, True]
        assert demo["states"].shape == (2, 0)


@pytest.mark.parametrize(("seen", "shown"), [("", "image"), ("flat", ""), ("flat", "image"), (None, "")])
def test_parts_come_back_with_a_name_or_without_as_they_were(path, seen, shown):
    rng, picture = np.random.default_rng(0), Part(shown, (32, 40, 3), "uint8")
    observed = () if seen is None else (Part(seen, (3,)),)
    every = TrajectorySet(
        rng.normal(size=(2, 3 * len(observed))).astype(np.float32), np.zeros((2, 1), np.float32), np.array([0, 2]),
        images={shown: rng.integers(256, size=(2, *picture.shape), dtype=np.uint8)},
    )  # fmt: skip
    about = About(observed, (Part("", (1,)),), images=(picture,))
    given = Curated(every, np.array([0]), about, np.array(["none"]))
    robomimic.write(given, path)
    assert_same(given, read(path))


def test_a_mask_that_somebody_changed_goes_before_our_notes(path):
    robomimic.write(small(), path)
    change(path, "mask/non_preferred", np.array([b"demo_0"]))
    change(path, "mask/train", np.array([b"demo_1", b"demo_2"]))
    change(path, "mask/valid", None)
    about = read(path).about
    assert about.labels == {0: "non_preferred", 2: "preferred"}
    assert about.tags == {"left/right": (1,), "train": (1, 2)}


def test_the_environment_is_described_as_the_data_came(path, tmp_path):
    first = save(path, {"demo_0": demo(2)})
    about = read(first).about
    again = tmp_path / "again.hdf5"
    robomimic.write(small(about=About((Part("", (3,)),), (Part("", (1,)),), facts=about.facts)), again)
    with h5py.File(again) as file:
        assert file["data"].attrs["env_args"] == ENV_ARGS


def test_simulator_states_are_kept_and_go_out_again(path, tmp_path):
    demos = {"demo_0": demo(2), "demo_1": demo(3, seed=1)}
    built = build([("", read(save(path, demos)))], fresh(tmp_path))
    every = open_files(tmp_path / "built", built.about.images)
    states = np.concatenate([demos[name]["states"] for name in demos]).astype(np.float32)
    np.testing.assert_array_equal(every.states, states)
    again = tmp_path / "again.hdf5"
    robomimic.write(Curated(every, np.array([1]), built.about, np.array(["none"] * 2)), again)
    (block,) = read(again).steps
    np.testing.assert_array_equal(block.states, states[2:])
    (derived,) = recording_of(every, built.about, [1]).steps
    np.testing.assert_array_equal(derived.states, states[2:])


def fresh(tmp_path):
    """An empty folder."""
    (tmp_path / "built").mkdir()
    return tmp_path / "built"


def test_what_only_some_demonstrations_have_is_not_used(path):
    demos = {"demo_0": demo(2), "demo_1": demo(2)}
    for key in ("rewards", "dones", "states", "next_obs/object"):
        del demos["demo_1"][key]
    recording = read(save(path, demos))
    assert not recording.about.has_rewards
    assert (recording.about.n_states, recording.about.notes) == (0, (robomimic.STATES_DIFFER,))
    blocks = list(recording.steps)
    assert [block.ends.tolist() for block in blocks] == [[0, CUT_OFF], [0, CUT_OFF]]
    assert all(block.final_observations is None and not block.final_images for block in blocks)


def test_a_long_demonstration_comes_in_blocks(path):
    n, rng = 20_000, np.random.default_rng(0)
    given = Curated(
        TrajectorySet(
            rng.normal(size=(n, 120)).astype(np.float32), np.zeros((n, 1), np.float32), np.array([0, n]),
            final_observations=rng.normal(size=(1, 120)).astype(np.float32),
        ),
        np.array([0]),
        About((Part("", (120,)),), (Part("", (1,)),)),
        np.array(["none"]),
    )  # fmt: skip
    robomimic.write(given, path)
    recording = read(path)
    blocks = list(recording.steps)
    assert len(blocks) == 2
    assert_same(given, Recording(recording.about, iter(blocks)))


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("data/demo_1/obs", None, "demo_1: the array 'obs' is missing"),
        ("data/demo_0/obs", None, r"demo_0: it has no observations; .* dataset_states_to_obs.py"),
        ("data/demo_1/obs/object", np.zeros((1, 2)), "demo_1: 'obs/object' has 1 rows for 2 actions"),
        ("data/demo_1/next_obs/object", np.zeros((1, 2)), "demo_1: 'next_obs/object' has 1 rows for 2 actions"),
        ("data/demo_1/obs/object", np.zeros((2, 9)), r"demo_1: 'object' has shape \(2, 9\), expected \(2, 2\)"),
        ("data/demo_1/obs/agentview_image", np.zeros((2, 84, 84, 3)), "demo_1: 'agentview_image' holds float64"),
        ("data/demo_1/actions", np.zeros((2, 6)), r"demo_1: '' has shape \(2, 6\)"),
        ("data/demo_1/actions", np.zeros((0, 7)), "demo_1: it has no steps"),
        ("data/demo_1/states", np.zeros((5, 32)), "demo_1: 'states' has 5 rows for 2 actions"),
        ("data/demo_1/rewards", np.zeros(5), "demo_1: 'rewards' has 5 rows for 2 actions"),
        ("data/demo_1/obs", h5py.ExternalLink("/etc/passwd", "x"), "demo_1: .* is missing|demo_1: .* is a link"),
        ("data/demo_1", h5py.SoftLink("/data/demo_0"), "demo_1: .* is a link"),
        ("mask/bad", np.zeros(3), "mask/bad is not a list of names"),
        ("mask/bad", h5py.SoftLink("/data"), "is a link"),
        ("mask/deep/bad", np.zeros(3), "mask/deep is a group"),
    ],
)
def test_what_does_not_fit_is_refused(path, key, values, message):
    save(path, {"demo_0": demo(3), "demo_1": demo(2)})
    change(path, key, values)
    with pytest.raises(InvalidDataset, match=message):
        list(read(path).steps)


def test_a_mask_that_promises_more_than_it_holds_is_refused(path):
    save(path, {"demo_0": demo(1)})
    with h5py.File(path, "a") as file:
        file.create_dataset("mask/bad", shape=(10**12,), dtype="S8", chunks=(1000,))
    with pytest.raises(InvalidDataset, match="mask/bad declares 1000000000000 names"):
        read(path)


def test_groups_within_groups_without_an_end_are_refused(path):
    save(path, {"demo_0": demo(1)})
    with h5py.File(path, "a") as file:
        file["data/demo_0/obs/again"] = file["data/demo_0"]
    with pytest.raises(InvalidDataset, match="demo_0: it nests deeper than 16 groups"):
        read(path)


def test_other_files_are_not_robomimics(tmp_path):
    with h5py.File(tmp_path / "flat.hdf5", "w") as file:
        file["observations"] = np.zeros((3, 2))
    with h5py.File(tmp_path / "data.hdf5", "w") as file:
        file["data/episode_0/actions"] = np.zeros((3, 2))
    with h5py.File(tmp_path / "link.hdf5", "w") as file:
        file["data"] = h5py.SoftLink("/elsewhere")
    (tmp_path / "text").write_text("demo_0")
    assert not any(robomimic.detect(path) for path in [*tmp_path.iterdir(), tmp_path, tmp_path / "nothing"])
