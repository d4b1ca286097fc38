"""Reading DSRL files: what is valid, and for everything else one sentence that names key, trajectory and step."""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from curated_strategy import assert_same, curated_sets
from factories import CAR_CIRCLE, dsrl_arrays, write_dsrl
from hypothesis import given

from safemil_core.data import formats
from safemil_core.data.curated import Curated
from safemil_core.data.formats import dsrl_hdf5
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Options, Part
from safemil_core.data.storage.build import build
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset, NotFound


@dataclass
class Imported:
    trajectories: TrajectorySet
    about: About


def read(path, **options):
    """What an import would keep, built beside the file."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        into = Path(folder)
        recording = formats.read(path, Options(**options), "DSRL HDF5" if path.exists() else None)
        built = build([(path.name, recording)], into)
        arrays = {file.stem: np.load(file) for file in into.glob("*.npy")}
    kept = {key: arrays.get(key) for key in ("rewards", "costs", "ends", "final_observations")}
    images = {part.name: arrays[f"image-{place}"] for place, part in enumerate(built.about.images)}
    flat = {key: arrays[key] for key in ("observations", "actions", "offsets")}
    return Imported(TrajectorySet(**flat, **kept, images=images), built.about)


def refused(path, *words):
    """The message, which names the file and these words and is one line."""
    with pytest.raises(InvalidDataset) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


@pytest.fixture
def file(tmp_path):
    return tmp_path / "walks.hdf5"


def test_episodes_end_where_terminals_or_timeouts_say(file):
    arrays = dsrl_arrays((5, 3, 4))
    trajectories = read(write_dsrl(file, arrays)).trajectories
    assert trajectories.lengths.tolist() == [5, 3, 4]
    for key in ("observations", "actions", "rewards", "costs"):
        np.testing.assert_array_equal(getattr(trajectories, key), arrays[key])


def test_the_bundled_dataset_is_valid_and_says_what_it_is():
    imported = read(CAR_CIRCLE)
    assert imported.about.env_id == "SafetyCarCircle-v0"
    assert set(imported.trajectories.lengths.tolist()) == {300}
    assert imported.about.observation_names[:2] == ("x", "y")
    assert len(imported.about.action_names) == 2
    assert imported.about.references.keys() == {
        "random_return",
        "random_cost",
        "constrained_return",
        "constrained_cost",
    }
    assert imported.about.notes == ()


@pytest.mark.parametrize("flag", [bool, np.uint8, np.float32, np.float64, np.int64])
def test_numbers_of_any_type_and_columns_of_one_are_the_same_dataset(file, flag):
    arrays = dsrl_arrays()
    expected = read(write_dsrl(file, arrays)).trajectories
    for key in ("terminals", "timeouts"):
        arrays[key] = arrays[key].astype(flag).reshape(-1, 1)
    for key in ("rewards", "costs"):
        arrays[key] = arrays[key].astype(np.float64).reshape(-1, 1)
    arrays["observations"] = arrays["observations"].astype(np.float64)
    found = read(write_dsrl(file, arrays)).trajectories
    assert found.observations.dtype == found.costs.dtype == np.float32
    for key in ("observations", "actions", "rewards", "costs", "offsets"):
        np.testing.assert_array_equal(getattr(found, key), getattr(expected, key))


def test_rewards_and_costs_may_be_absent(file):
    arrays = dsrl_arrays()
    del arrays["rewards"], arrays["costs"], arrays["next_observations"]
    trajectories = read(write_dsrl(file, arrays)).trajectories
    assert trajectories.rewards is None
    assert trajectories.costs is None


def test_steps_after_the_last_end_are_left_out_and_said(file):
    arrays = dsrl_arrays((5, 3, 4))
    arrays["terminals"][:] = False  # so that the last 4 steps are a trajectory without an end
    arrays["observations"][-1] = np.nan  # nobody looks at what is left out
    imported = read(write_dsrl(file, arrays))
    assert imported.trajectories.lengths.tolist() == [5, 3]
    assert imported.about.notes == ("4 steps after the last episode end are left out",)


def test_attributes_are_taken_where_they_make_sense(file):
    good = {"env_id": "Some-v0", "observation_names": json.dumps(["a", "b", "c"]), "random_return": np.float32(2.5)}
    imported = read(write_dsrl(file, **good))
    assert imported.about.env_id == "Some-v0"
    assert imported.about.observation_names == ("a", "b", "c")
    assert imported.about.references == {"random_return": 2.5}


@pytest.mark.parametrize(
    "attributes",
    [
        {"observation_names": json.dumps(["a", "b"])},  # three dimensions
        {"observation_names": json.dumps(["a", "a", "b"])},
        {"observation_names": "not json"},
        {"observation_names": b"\xff\xfe"},
        {"observation_names": np.arange(3)},
        {"env_id": 3, "random_return": "many", "random_cost": np.nan, "constrained_cost": np.arange(2)},
        {"env_id": ""},
        {"stranger": h5py.Empty("f4")},
    ],
)
def test_attributes_that_make_no_sense_are_ignored(file, attributes):
    imported = read(write_dsrl(file, **attributes))
    assert imported.about.env_id is None
    assert imported.about.observation_names == ()
    assert imported.about.references == {}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match=re.escape(f"{tmp_path / 'no.hdf5'}: there is no such file")):
        read(tmp_path / "no.hdf5")


@pytest.mark.parametrize("content", [b"", b"trajectory,label\n1,none\n", b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_a_file_that_is_not_hdf5(file, content):
    file.write_bytes(content)
    assert not dsrl_hdf5.detect(file)
    refused(file, "is damaged or cut short")


def test_a_file_cut_short(file):
    whole = write_dsrl(file, dsrl_arrays((50, 50))).read_bytes()
    for share in (0.3, 0.6, 0.95):
        file.write_bytes(whole[: int(share * len(whole))])
        refused(file)


@pytest.mark.parametrize("key", ["observations", "actions"])
def test_a_missing_key_is_named(file, key):
    arrays = dsrl_arrays()
    del arrays[key]
    refused(write_dsrl(file, arrays), f"the array {key!r} is missing")


@pytest.mark.parametrize("key", ["actions", "rewards", "costs", "terminals", "timeouts"])
def test_unequal_lengths_are_named(file, key):
    arrays = dsrl_arrays((5, 3, 4))
    arrays[key] = arrays[key][:-2]
    refused(write_dsrl(file, arrays), f"{key!r} has 10 steps, 'observations' has 12")


@pytest.mark.parametrize(
    ("key", "values", "words"),
    [
        ("observations", np.zeros(12), "'observations' has rank 1, expected 2"),
        ("actions", np.zeros((12, 0)), "'actions' has no dimensions"),
        ("costs", np.zeros((12, 2)), "'costs' has shape (12, 2), expected one value a step"),
        ("rewards", np.float64(1.0), "'rewards' has shape (), expected one value a step"),
    ],
)
def test_wrong_ranks_are_named(file, key, values, words):
    refused(write_dsrl(file, {**dsrl_arrays(), key: values}), words)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("key", ["observations", "actions", "rewards", "costs"])
def test_a_value_that_is_not_finite_is_named_with_its_trajectory_and_step(file, key, value):
    arrays = dsrl_arrays((5, 3, 4))
    arrays[key] = arrays[key].astype(np.float64)
    arrays[key][7] = value  # of trajectory 1, which begins at step 5
    refused(
        write_dsrl(file, arrays), f"{key!r} has a value that is not finite in trajectory 1 at step 2; remove or repair"
    )


@pytest.mark.parametrize("key", ["terminals", "timeouts"])
def test_an_end_that_is_not_a_number_is_no_end(file, key):
    arrays = dsrl_arrays((5, 3, 4))
    arrays[key] = arrays[key].astype(np.float32)
    arrays[key][6] = np.nan
    refused(write_dsrl(file, arrays), f"{key!r} has a value that is not finite")


def test_no_episode_end(file):
    arrays = dsrl_arrays()
    arrays["terminals"][:] = arrays["timeouts"][:] = False
    said = "no episode ends: neither 'terminals' nor 'timeouts' is true at any step; give the episode length"
    refused(write_dsrl(file, arrays), said)


def test_no_steps(file):
    refused(write_dsrl(file, {key: values[:0] for key, values in dsrl_arrays().items()}), "it holds no steps")


def test_text_where_numbers_belong(file):
    text = np.array([b"high"] * 12)
    refused(write_dsrl(file, {**dsrl_arrays(), "costs": text}), "'costs' holds |S4, expected numbers")
    refused(write_dsrl(file, {**dsrl_arrays(), "costs": ["high"] * 12}), "'costs' holds object, expected numbers")


def test_complex_numbers_and_records_are_not_numbers(file):
    refused(write_dsrl(file, {**dsrl_arrays(), "costs": np.zeros(12, complex)}), "expected numbers")
    refused(write_dsrl(file, {**dsrl_arrays(), "costs": np.zeros(12, [("a", "f4")])}), "expected numbers")


def test_a_group_where_an_array_belongs(file):
    arrays = dsrl_arrays()
    costs = arrays.pop("costs")
    write_dsrl(file, arrays)
    with h5py.File(file, "a") as written:
        written.create_group("costs")["values"] = costs
    refused(file, "'costs' is a group, expected an array")


def _with_costs(file, write):
    """A valid file in which `write(file)` makes the costs."""
    arrays = dsrl_arrays()
    del arrays["costs"]
    write_dsrl(file, arrays)
    with h5py.File(file, "a") as written:
        write(written)


def test_links_are_not_followed(file, tmp_path):
    secret = write_dsrl(tmp_path / "secret.hdf5")
    _with_costs(file, lambda f: f.__setitem__("costs", h5py.SoftLink("/rewards")))
    refused(file, "'costs' is a link to somewhere else")
    _with_costs(file, lambda f: f.__setitem__("costs", h5py.ExternalLink(str(secret), "/costs")))
    refused(file, "'costs' is a link to somewhere else")


def test_data_in_other_files_are_not_read(file, tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    _with_costs(
        file, lambda f: f.create_dataset("costs", (12,), "f4", external=[(str(tmp_path / "secret.bin"), 0, 48)])
    )
    refused(file, "'costs' keeps its data in another file")
    layout = h5py.VirtualLayout((12,), "f4")
    layout[:] = h5py.VirtualSource(str(write_dsrl(tmp_path / "secret.hdf5")), "costs", (12,))
    _with_costs(file, lambda f: f.create_virtual_dataset("costs", layout))
    refused(file, "'costs' keeps its data in another file")


def test_a_promise_of_data_is_not_data(file):
    _with_costs(file, lambda f: f.create_dataset("costs", (10**12,), "f4", chunks=(1024,)))
    refused(file, "'costs' declares 1000000000000 values but stores none")


def test_an_array_that_unpacks_to_too_much_is_refused(file):
    def write(written):
        costs = written.create_dataset("costs", (10**12,), "f4", chunks=(1024,), compression="gzip")
        costs[:1024] = 1

    _with_costs(file, write)
    refused(file, "'costs' declares 3,725.3 GiB but stores")


def test_compressed_and_chunked_arrays_are_read(file):
    _with_costs(file, lambda f: f.create_dataset("costs", data=np.arange(12.0), chunks=(5,), compression="gzip"))
    np.testing.assert_array_equal(read(file).trajectories.costs, np.arange(12))


@given(curated_sets())
def test_an_export_comes_back_as_it_was(curated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.hdf5"
        formats.write("DSRL HDF5", curated, path)
        assert_same(curated, formats.read(path, name="DSRL HDF5"))


@given(curated_sets())
def test_every_array_of_an_export_has_one_row_a_step(curated):
    """OSRL indexes each by step (common/dataset.py), and D4RL's and DSRL's loaders read whatever arrays there are."""
    with tempfile.TemporaryDirectory() as folder:
        path, lengths = Path(folder) / "export.hdf5", {}
        formats.write("DSRL HDF5", curated, path)
        with h5py.File(path) as file:
            file.visititems(lambda name, one: lengths.update({name: len(one)} if isinstance(one, h5py.Dataset) else {}))
    assert set(lengths.values()) == {curated.n_steps}
    assert {"observations", "next_observations", "actions", "terminals", "timeouts"} <= lengths.keys()


def test_how_each_trajectory_ended_and_what_came_after_it_are_kept(file):
    arrays = dsrl_arrays((5, 3, 4))
    arrays["timeouts"][-1] = True
    imported = read(write_dsrl(file, arrays))
    assert imported.trajectories.ends.tolist() == [CUT_OFF, CUT_OFF, TERMINATED | CUT_OFF]
    np.testing.assert_array_equal(imported.trajectories.final_observations, arrays["next_observations"][[4, 7, 11]])


def d4rl(lengths=(5, 3, 4)):
    arrays = dsrl_arrays(lengths)
    ends = arrays["terminals"] | arrays["timeouts"]
    return {**{key: arrays[key] for key in ("observations", "actions", "rewards")}, "terminals": ends}


def test_d4rl_without_timeouts_costs_and_next_observations(file):
    imported = read(write_dsrl(file, d4rl()))
    assert imported.trajectories.lengths.tolist() == [5, 3, 4]
    assert imported.trajectories.costs is None
    assert imported.trajectories.final_observations is None
    assert "no 'timeouts'" in imported.about.notes[0]


def test_the_episode_length_says_what_the_file_does_not(file):
    arrays = d4rl()
    arrays["terminals"][:] = False
    refused(write_dsrl(file, arrays), "no episode ends: 'terminals' is not true at any step; give the episode length")
    assert read(file, episode_length=4).trajectories.lengths.tolist() == [4, 4, 4]
    del arrays["terminals"]
    refused(write_dsrl(file, arrays), "nothing says where episodes end", "give the episode length")
    imported = read(file, episode_length=5)
    assert imported.trajectories.lengths.tolist() == [5, 5]
    assert imported.about.notes == ("2 steps after the last episode end are left out",)


def test_an_episode_that_ends_early_begins_the_count_anew(file):
    assert read(write_dsrl(file, d4rl((5, 3, 4))), episode_length=3).trajectories.lengths.tolist() == [3, 2, 3, 3, 1]


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
def test_whole_numbers_in_one_column_are_choices(file, shape):
    choices = (np.arange(12) % 5).astype(np.int32).reshape(shape)
    imported = read(write_dsrl(file, {**dsrl_arrays(), "actions": choices}))
    assert imported.about.actions == (Part(dtype="int32", n_choices=5),)
    np.testing.assert_array_equal(imported.trajectories.actions, choices.reshape(12, 1).astype(np.float32))


def test_observations_of_any_rank_are_flattened_and_their_shape_is_kept(file):
    grids = np.random.default_rng(0).normal(size=(12, 2, 3)).astype(np.float32)
    imported = read(write_dsrl(file, {**dsrl_arrays(), "observations": grids, "next_observations": grids}))
    assert imported.about.observations == (Part(shape=(2, 3)),)
    np.testing.assert_array_equal(imported.trajectories.observations, grids.reshape(12, 6))


def test_images_stay_whole_numbers_outside_the_flat_observation(file):
    shown = np.random.default_rng(0).integers(256, size=(12, 32, 40, 3), dtype=np.uint8)
    arrays = {**dsrl_arrays(), "observations": shown}
    del arrays["next_observations"]
    imported = read(write_dsrl(file, arrays))
    assert imported.about.observations == ()
    assert imported.about.images == (Part(shape=(32, 40, 3), dtype="uint8"),)
    assert imported.trajectories.observations.shape == (12, 0)
    np.testing.assert_array_equal(imported.trajectories.images[""], shown)


def test_small_grids_of_whole_numbers_are_numbers_not_images(file):
    grids = np.random.default_rng(0).integers(9, size=(12, 7, 7, 3), dtype=np.uint8)
    imported = read(write_dsrl(file, {**dsrl_arrays(), "observations": grids, "next_observations": grids}))
    assert (imported.about.observations, imported.about.images) == ((Part(shape=(7, 7, 3), dtype="uint8"),), ())
    np.testing.assert_array_equal(imported.trajectories.observations, grids.reshape(12, 147))


@pytest.mark.parametrize("shape", [(7, 7, 3), (40, 40, 9)])
def test_an_export_of_grids_comes_back_as_numbers(file, shape):
    grids = np.random.default_rng(0).integers(256, size=(3, int(np.prod(shape)))).astype(np.float32)
    about = About((Part(shape=shape, dtype="uint8"),), (Part(n_choices=7, dtype="int64"),))
    ones = TrajectorySet(grids[:2], np.ones((2, 1), np.float32), np.array([0, 2]), final_observations=grids[2:])
    curated = Curated(ones, np.array([0]), about, np.array(["none"]))
    formats.write("DSRL HDF5", curated, file)
    assert_same(curated, formats.read(file, name="DSRL HDF5"))


def test_an_export_of_small_images_comes_back_as_images(file):
    shown = np.random.default_rng(0).integers(256, size=(2, 8, 9, 3), dtype=np.uint8)
    about = About((), (Part(shape=(1,)),), images=(Part(shape=(8, 9, 3), dtype="uint8"),))
    flat = np.zeros((2, 0), np.float32)
    ones = TrajectorySet(flat, np.ones((2, 1), np.float32), np.array([0, 2]), images={"": shown})
    curated = Curated(ones, np.array([0]), about, np.array(["none"]))
    formats.write("DSRL HDF5", curated, file)
    assert_same(curated, formats.read(file, name="DSRL HDF5"))
