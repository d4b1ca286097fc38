"""The datasets of a workspace: immutable folders named by their content, names that point to them."""

import json
import shutil

import numpy as np
import pytest
from factories import add_dataset, dsrl_arrays, store_of, write_dsrl

from safemil_core.errors import AlreadyExists, InvalidDataset, NotFound


def everything(workspace):
    """Every file and folder of the workspace but the database's."""
    return sorted(
        p.relative_to(workspace.root) for p in workspace.root.rglob("*") if not p.name.startswith("safemil.db")
    )


@pytest.fixture
def store(workspace):
    return store_of(workspace)


@pytest.fixture
def file(tmp_path):
    return write_dsrl(tmp_path / "My Walks (2).hdf5")


def test_an_import_keeps_what_the_file_holds(store, file):
    info = store.add(file, name="walks", env_id="Some-v0")
    assert (info.name, info.source, info.env_id) == ("walks", "My Walks (2).hdf5", "Some-v0")
    assert (info.n_trajectories, info.n_steps, info.n_observations, info.n_actions) == (3, 12, 3, 2)
    assert info.has_rewards
    assert info.has_costs
    assert info.observation_names == ("obs 0", "obs 1", "obs 2")
    assert info.action_names == ("action 0", "action 1")
    trajectories = store.open("walks")
    for key in ("observations", "actions", "rewards", "costs"):
        array = getattr(trajectories, key)
        assert isinstance(array, np.memmap)  # nothing is read until it is looked at
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, dsrl_arrays()[key])
    np.testing.assert_array_equal(trajectories.offsets, [0, 5, 8, 12])


def test_a_file_without_a_name_of_its_own_gives_its_stem(store, file):
    assert store.add(file).name == "my-walks-2"


def test_the_same_content_again_is_the_same_dataset(store, workspace, file, tmp_path):
    first = store.add(file, name="walks")
    before = everything(workspace)
    again = store.add(write_dsrl(tmp_path / "copy.hdf5", env_id="ignored"), name="walks")
    assert again == first
    assert everything(workspace) == before
    assert [info.name for info in store.list()] == ["walks"]


def test_other_content_under_a_taken_name_is_refused(store, workspace, file, tmp_path):
    first = store.add(file, name="walks")
    before = everything(workspace)
    with pytest.raises(AlreadyExists, match="a dataset named 'walks' is already here, with other content"):
        store.add(write_dsrl(tmp_path / "other.hdf5", dsrl_arrays(seed=1)), name="walks")
    assert store.info("walks") == first
    assert everything(workspace) == before


def test_what_makes_a_dataset_is_its_arrays(store, tmp_path):
    ids = set()
    for i, change in enumerate(({}, {"costs": None}, {"rewards": np.zeros(12)}, {"timeouts": np.ones(12)})):
        arrays = {key: values for key, values in {**dsrl_arrays(), **change}.items() if values is not None}
        ids.add(store.add(write_dsrl(tmp_path / f"{i}.hdf5", arrays)).id)
    assert len(ids) == 4


def test_names_of_the_same_content_share_its_folder_and_labels(store, workspace, file):
    first, second = store.add(file, name="walks"), store.add(file, name="strolls", env_id="Other-v0")
    assert first.id == second.id
    assert len(list(workspace.datasets.iterdir())) == 1
    store.labels("walks").mark([1], "non_preferred", author="ann")
    assert store.labels("strolls").current().tolist() == ["none", "non_preferred", "none"]
    assert (store.info("walks").env_id, store.info("strolls").env_id) == (None, "Other-v0")


def test_the_users_word_on_the_environment_counts_over_the_files(store, tmp_path):
    file = write_dsrl(tmp_path / "walks.hdf5", env_id="Files-v0")
    assert store.add(file).env_id == "Files-v0"
    assert store.add(file, env_id="Mine-v0").env_id == "Mine-v0"
    assert store.add(file).env_id == "Mine-v0"  # saying nothing takes nothing back


@pytest.mark.parametrize("name", ["", "Walks", "a b", "../walks", ".walks", "-walks", "w" * 65, "ü"])
def test_a_name_that_is_no_name_is_refused_with_one_that_is(store, workspace, file, name):
    with pytest.raises(InvalidDataset, match="cannot name a dataset; use lower-case letters, digits"):
        store.add(file, name=name)
    assert store.list() == []


def test_nothing_remains_of_an_import_that_failed(store, workspace, tmp_path):
    before = everything(workspace)
    bad = dsrl_arrays()
    bad["costs"][4] = np.nan
    for path in (write_dsrl(tmp_path / "bad.hdf5", bad), tmp_path / "missing.hdf5"):
        with pytest.raises((InvalidDataset, NotFound)):
            store.add(path)
    assert everything(workspace) in (before, [workspace.datasets.relative_to(workspace.root)])
    assert store.list() == []


def test_nothing_remains_where_the_disk_refuses_midway(store, workspace, file, monkeypatch):
    saved = []

    def save(path, *arguments, **options):
        if len(saved) == 2:
            raise OSError(28, "No space left on device", str(path))
        saved.append(path)

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(OSError, match="No space left"):
        store.add(file, name="walks")
    assert list(workspace.datasets.iterdir()) == []
    assert store.list() == []


def test_datasets_are_listed_in_the_order_in_which_they_came(store, workspace):
    for i, name in enumerate(("walks", "ants", "hops")):
        add_dataset(workspace, name, dsrl_arrays(seed=i))
    assert [info.name for info in store.list()] == ["walks", "ants", "hops"]


def test_a_dataset_that_is_not_there(store, workspace, file):
    with pytest.raises(NotFound, match="there is no dataset 'walks'; `safemil datasets` lists them"):
        store.open("walks")
    store.add(file, name="walks")
    shutil.rmtree(workspace.datasets / store.info("walks").id)
    with pytest.raises(NotFound, match="the folder of dataset 'walks' is gone from the workspace; import its file"):
        store.open("walks")
    store.add(file, name="walks")  # which mends it
    assert store.open("walks").n_steps == 12


def test_what_is_kept_is_plain_arrays_and_json(store, workspace, file):
    folder = workspace.datasets / store.add(file, name="walks").id
    arrays = ("actions", "costs", "observations", "offsets", "rewards")
    assert sorted(p.name for p in folder.iterdir()) == sorted([*(f"{key}.npy" for key in arrays), "info.json"])
    assert json.loads((folder / "info.json").read_text())["n_steps"] == 12


def test_notes_of_the_file_stay_with_the_dataset(store, tmp_path):
    arrays = dsrl_arrays()
    arrays["terminals"][:] = False
    store.add(write_dsrl(tmp_path / "walks.hdf5", arrays))
    assert store.info("walks").notes == ("4 steps after the last episode end are left out",)
