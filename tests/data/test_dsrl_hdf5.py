"""Reading DSRL files: what is valid, and for everything else one sentence that names key, trajectory and step."""

import json
import os
import re
import signal

import h5py
import numpy as np
import pytest
from factories import CAR_CIRCLE, dsrl_arrays, write_dsrl
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data import formats
from safemil_core.errors import InvalidDataset, NotFound


def read(path):
    return formats.read(path)


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
    assert imported.env_id == "SafetyCarCircle-v0"
    assert set(imported.trajectories.lengths.tolist()) == {300}
    assert imported.observation_names[:2] == ("x", "y")
    assert len(imported.action_names) == 2
    assert imported.references.keys() == {"random_return", "random_cost", "constrained_return", "constrained_cost"}
    assert imported.notes == ()


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
    assert imported.notes == ("4 steps after the last episode end are left out",)


def test_attributes_are_taken_where_they_make_sense(file):
    good = {"env_id": "Some-v0", "observation_names": json.dumps(["a", "b", "c"]), "random_return": np.float32(2.5)}
    imported = read(write_dsrl(file, **good))
    assert imported.env_id == "Some-v0"
    assert imported.observation_names == ("a", "b", "c")
    assert imported.references == {"random_return": 2.5}


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
    assert imported.env_id is None
    assert imported.observation_names == ()
    assert imported.references == {}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match=re.escape(f"{tmp_path / 'no.hdf5'}: there is no such file")):
        read(tmp_path / "no.hdf5")
    with pytest.raises(NotFound):
        read(tmp_path)  # a folder


@pytest.mark.parametrize("content", [b"", b"trajectory,label\n1,none\n", b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_a_file_that_is_not_hdf5(file, content):
    file.write_bytes(content)
    refused(file, "is not a DSRL HDF5 file", "convert it or choose another")


def test_a_file_cut_short(file):
    whole = write_dsrl(file, dsrl_arrays((50, 50))).read_bytes()
    for share in (0.3, 0.6, 0.95):
        file.write_bytes(whole[: int(share * len(whole))])
        refused(file)


@pytest.mark.parametrize("key", ["observations", "actions", "terminals", "timeouts"])
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
        ("actions", np.zeros((12, 2, 2)), "'actions' has rank 3, expected 2"),
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
    refused(write_dsrl(file, arrays), f"{key!r} has a value that is not finite in trajectory 1 at step 2 (1 such")


@pytest.mark.parametrize("key", ["terminals", "timeouts"])
def test_an_end_that_is_not_a_number_is_no_end(file, key):
    arrays = dsrl_arrays((5, 3, 4))
    arrays[key] = arrays[key].astype(np.float32)
    arrays[key][6] = np.nan
    refused(write_dsrl(file, arrays), f"{key!r} has a value that is not finite")


def test_no_episode_end(file):
    arrays = dsrl_arrays()
    arrays["terminals"][:] = arrays["timeouts"][:] = False
    refused(write_dsrl(file, arrays), "no episode ends: neither 'terminals' nor 'timeouts' is true")


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
    refused(file, "'costs' unpacks to more than 8 GiB")


def test_compressed_and_chunked_arrays_are_read(file):
    _with_costs(file, lambda f: f.create_dataset("costs", data=np.arange(12.0), chunks=(5,), compression="gzip"))
    np.testing.assert_array_equal(read(file).trajectories.costs, np.arange(12))


@pytest.fixture(scope="module")
def valid_bytes(tmp_path_factory):
    attributes = {"env_id": "Some-v0", "observation_names": json.dumps(["a", "b", "c"])}
    path = write_dsrl(tmp_path_factory.mktemp("valid") / "valid.hdf5", **attributes)
    return path.read_bytes()


def _unexpected(path, content):
    """What other than a valid result or an InvalidDataset comes of these bytes, if anything.

    In a child, with a limit: the HDF5 library itself may crash or hang on bytes made up to harm it.
    """
    path.write_bytes(content)
    report = path.with_suffix(".txt")
    report.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        signal.alarm(2)
        try:
            trajectories = read(path).trajectories
            assert np.isfinite(trajectories.observations).all()
            assert np.isfinite(trajectories.actions).all()
        except InvalidDataset as problem:
            if path.name not in str(problem):
                report.write_text(f"a message without the file: {problem}")
        except BaseException as problem:  # noqa: BLE001  # whatever it is, the test must hear of it
            report.write_text(repr(problem))
        os._exit(0)
    os.waitpid(child, 0)
    return report.read_text() if report.exists() else None


@pytest.fixture(scope="module")
def mutant(tmp_path_factory):
    return tmp_path_factory.mktemp("mutants") / "mutant.hdf5"


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_changed_bytes_is_refused_in_words_or_valid(mutant, valid_bytes, changes):
    content = bytearray(valid_bytes)
    for place, byte in changes:
        content[int(place * len(content))] = byte
    assert _unexpected(mutant, bytes(content)) is None


def test_a_file_with_a_bit_changed_where_bits_matter_is_refused_in_words_or_valid(mutant, valid_bytes):
    used = [i for i, byte in enumerate(valid_bytes) if byte]
    rng = np.random.default_rng(0)
    for place in rng.choice(used, size=100, replace=False):
        content = bytearray(valid_bytes)
        content[place] ^= 1 << int(rng.integers(8))
        assert _unexpected(mutant, bytes(content)) is None, (place, content[place])


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_an_hdf5_signature_before_anything_is_refused(mutant, tail):
    mutant.write_bytes(b"\x89HDF\r\n\x1a\n" + tail)
    with pytest.raises(InvalidDataset, match=r"mutant\.hdf5"):
        read(mutant)
