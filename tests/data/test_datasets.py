"""The datasets of a workspace: immutable folders named by their content, names that point to them."""

import json
import os
import shutil
import sys
import threading

import numpy as np
import pytest
from factories import CAR_CIRCLE, add_dataset, dsrl_arrays, store_of, write_dsrl

from safemil_core.data import formats
from safemil_core.data.curated import Curated
from safemil_core.data.dataset_names import DatasetNames
from safemil_core.data.datasets import DatasetStore, Parent
from safemil_core.data.labels.store import LabelStore
from safemil_core.data.recording import Part
from safemil_core.data.storage.npy_stream import NpyStream
from safemil_core.errors import AlreadyExists, InvalidDataset, InvalidLabels, NotFound, NotReady, OutOfRoom
from safemil_core.workspace import Workspace


def everything(workspace):
    """Every file and folder of the workspace but the database's and locks."""
    return sorted(
        path.relative_to(workspace.root)
        for path in workspace.root.rglob("*")
        if not path.name.startswith("safemil.db") and path.suffix != ".lock"
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
    def append(stream, _rows):
        raise OSError(28, "No space left on device", str(stream.path))

    monkeypatch.setattr(NpyStream, "append", append)
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


def test_what_is_kept_is_plain_arrays_tables_and_json(store, workspace, file):
    folder = workspace.datasets / store.add(file, name="walks").id
    arrays = ("actions", "costs", "ends", "final_observations", "keys", "observations", "offsets", "rewards")
    others = ["about.json", "info.json", "table.parquet"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([*(f"{key}.npy" for key in arrays), *others])
    assert json.loads((folder / "info.json").read_text())["n_steps"] == 12


def test_notes_of_the_file_stay_with_the_dataset(store, tmp_path):
    arrays = dsrl_arrays()
    arrays["terminals"][:] = False
    store.add(write_dsrl(tmp_path / "walks.hdf5", arrays))
    assert store.info("walks").notes == ("4 steps after the last episode end are left out",)


def test_who_imported_what_and_how_is_known(store, file):
    info = store.add(file, author="ann")
    assert (info.author, info.format, info.parents) == ("ann", "DSRL HDF5", ())
    assert (info.observations, info.actions, info.images) == ((Part(shape=(3,)),), (Part(shape=(2,)),), ())
    observations = dsrl_arrays()["observations"]
    np.testing.assert_allclose(info.statistics["observations"].mean, observations.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(info.statistics["observations"].high, observations.max(axis=0))


def test_a_source_whose_name_no_page_can_show_is_named_without_what_cannot_be_shown(store, file, tmp_path):
    info = store.add(file.rename(tmp_path / os.fsdecode(b"b\xffd.hdf5")), name="walks")
    assert info.source == "bd.hdf5"


def test_several_files_make_one_dataset(store, tmp_path):
    paths = [write_dsrl(tmp_path / f"{seed}.hdf5", dsrl_arrays(seed=seed)) for seed in range(2)]
    info = store.add(paths, name="walks")
    assert (info.n_trajectories, info.source) == (6, "0.hdf5, 1.hdf5")
    np.testing.assert_array_equal(store.open("walks").actions[12:], dsrl_arrays(seed=1)["actions"])
    with pytest.raises(InvalidDataset, match="no file is named"):
        store.add([])


def test_the_table_and_the_keys_of_a_dataset(store, file):
    store.add(file, name="walks")
    table = store.table("walks")
    assert table["length"].tolist() == [5, 3, 4]
    assert {"trajectory", "return", "true_cost", "mean 2", "spread 2", "action mean 1", "displacement"} <= {
        *table.columns
    }
    assert store.keys("walks").shape == (3, 16)


def export(store, name, path, labels=("none", "non_preferred", "unsure")):
    """A file of a dataset with labels in it."""
    curated = Curated(
        store.open(name), np.arange(3), store.about(name), np.array(labels), {1: ((0, 1),)}, {"odd": (0, 2)}
    )
    formats.write("DSRL HDF5", curated, path)
    return path


def test_labels_that_come_with_a_file_are_taken_over_once(store, file, tmp_path):
    store.add(file, name="walks")
    changed = {**dsrl_arrays(), "rewards": np.zeros(12)}
    store.add(write_dsrl(tmp_path / "other.hdf5", changed), name="other")
    path = export(store, "other", tmp_path / "export.hdf5")
    fresh = store_of(Workspace(tmp_path / "fresh"))
    fresh.add(path, name="mine", author="ann")
    labels = fresh.labels("mine")
    assert labels.current().tolist() == ["none", "non_preferred", "unsure"]
    assert labels.state().segments == {1: ((0, 1),)}
    assert labels.state().tags == {"odd": (0, 2)}
    assert [(action.origin, action.author, action.note) for action in labels.history()] == [
        ("file", "ann", "from export.hdf5")
    ]
    fresh.add(path, name="mine")
    assert len(labels.history()) == 1
    labels.undo(author="ann")
    fresh.add(path, name="again")  # this content is here, and its labels are its people's
    assert fresh.info("again").id == fresh.info("mine").id
    assert labels.current().tolist() == ["none"] * 3


def test_labels_that_come_with_a_file_are_taken_over_beside_what_was_said(store, file, tmp_path):
    store.add(file, name="walks")
    path = export(store, "walks", tmp_path / "export.hdf5")
    labels = store.labels("walks")
    labels.tag([0], "mine", author="ann")
    labels.mark([2], "preferred", author="ann")
    labels.tag([2], "odd", author="ann")
    labels.undo(author="ann")
    store.add(path, name="again", author="bea")
    assert labels.current().tolist() == ["none", "non_preferred", "preferred"]
    assert labels.state().segments == {1: ((0, 1),)}
    assert labels.state().tags == {"mine": (0,), "odd": (0,)}
    assert labels.history()[0].note == "from export.hdf5; 1 trajectories keep what was said of them here"


def test_labels_that_come_with_a_file_are_taken_over_where_nothing_was_said(store, file, tmp_path, monkeypatch):
    store.add(file, name="walks")
    path = export(store, "walks", tmp_path / "export.hdf5")
    fresh = store_of(Workspace(tmp_path / "fresh"))
    with monkeypatch.context() as killed:
        killed.setattr(LabelStore, "bring_in", lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit):
            fresh.add(path, name="mine")
    fresh.add(path, name="mine")
    assert fresh.labels("mine").current().tolist() == ["none", "non_preferred", "unsure"]


def test_a_dataset_outlives_the_same_content_with_labels_that_make_no_sense(store, file, tmp_path, monkeypatch):
    info = store.add(file, name="walks")

    def refuse(*_, **__):
        raise InvalidLabels("a tag is too long")

    monkeypatch.setattr(LabelStore, "bring_in", refuse)
    with pytest.raises(InvalidDataset, match="its labels make no sense: a tag is too long"):
        store.add(file, name="again")
    assert store.list() == [info]
    assert len(store.open("walks")) == 3


def test_labels_that_make_no_sense_refuse_the_file(store, workspace, file, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise InvalidLabels("a tag is too long")

    monkeypatch.setattr(LabelStore, "bring_in", refuse)
    with pytest.raises(InvalidDataset, match="its labels make no sense: a tag is too long"):
        store.add(file, name="walks")
    assert list(workspace.datasets.iterdir()) == []
    assert store.list() == []


@pytest.mark.parametrize(
    ("of", "method", "problem"),
    [
        (LabelStore, "bring_in", NotReady("another program has held the database")),
        (DatasetNames, "point", OutOfRoom("the disk is full; free some space")),
        (DatasetNames, "point", KeyboardInterrupt()),
    ],
)
def test_content_that_got_no_name_is_gone_whatever_the_reason(store, workspace, file, monkeypatch, of, method, problem):
    def fail(*_, **__):
        raise problem

    walks = store.add(file, name="walks")
    strolls = write_dsrl(file.with_name("strolls.hdf5"), dsrl_arrays(seed=1))
    monkeypatch.setattr(of, method, fail)
    for make in (
        lambda: store.add(strolls, name="strolls"),
        lambda: store.derive("walks", [1], new_name="one", how="by hand"),
        lambda: store.add(file, name="again"),  # whose content has a name
    ):
        with pytest.raises(type(problem)):
            make()
    assert [path.name for path in workspace.datasets.iterdir()] == [walks.id]
    assert store.list() == [walks]
    monkeypatch.undo()
    assert store.add(strolls, name="strolls").n_trajectories == 3


def test_an_import_that_fails_takes_nothing_from_another_one_of_the_same_content(workspace, file, monkeypatch):
    other_is_in, is_over = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: store_of(workspace).add(file, name="strolls"))

    def bring_in(*_, **__):
        if threading.current_thread() is other:
            other_is_in.set()
            is_over.wait()
            return
        other.start()
        other_is_in.wait(1.0)  # it waits for this one, or else would be between its content and its name
        raise NotReady("another program has held the database")

    monkeypatch.setattr(LabelStore, "bring_in", bring_in)
    with pytest.raises(NotReady):
        store_of(workspace).add(file, name="walks")
    is_over.set()
    other.join()
    assert [info.name for info in store_of(workspace).list()] == ["strolls"]
    assert store_of(workspace).open("strolls").n_steps == 12


def test_a_filter_is_a_version_that_remembers_its_parent_and_its_labels(store, file):
    parent = store.add(file, name="walks")
    store.labels("walks").mark([2], "non_preferred", author="ann", reason="fell")
    store.labels("walks").tag([0, 2], "odd", author="ann")
    info = store.derive("walks", [2, 0], new_name="some", how="length below 6", author="bea")
    assert (info.n_trajectories, info.n_steps, info.author) == (2, 9, "bea")
    assert info.parents == (Parent(parent.id, "walks", "length below 6"),)
    old, new = store.open("walks"), store.open("some")
    for here, there in ((0, 2), (1, 0)):
        for key in ("observations", "actions", "rewards", "costs"):
            np.testing.assert_array_equal(getattr(new[here], key), getattr(old[there], key))
        assert new.ends[here] == old.ends[there]
        np.testing.assert_array_equal(new.final_observations[here], old.final_observations[there])
    np.testing.assert_array_equal(store.keys("some"), store.keys("walks")[[2, 0]])
    state = store.labels("some").state()
    assert (state.labels.tolist(), state.reasons.tolist()) == (["non_preferred", "none"], ["fell", ""])
    assert state.tags == {"odd": (0, 1)}
    assert store.labels("some").history()[0].origin == "parent"


def test_labels_follow_into_a_version_that_is_here_already(store, file):
    store.add(file, name="walks")
    store.derive("walks", [0, 1], new_name="first", how="two")
    store.labels("first").tag([0], "seen", author="ann")
    store.labels("first").mark([1], "preferred", author="ann")
    store.labels("walks").mark([0, 1], "non_preferred", author="ann")
    assert store.derive("walks", [0, 1], new_name="second", how="two").id == store.info("first").id
    assert store.labels("second").current().tolist() == ["non_preferred", "preferred"]


def test_a_filter_by_a_long_list_of_numbers_is_remembered_by_its_beginning(store, file):
    parent = store.add(file, name="walks")
    store.labels("walks").mark([2], "non_preferred", author="ann")
    how = "kept all of " + ",".join(map(str, range(1, 2_000, 2))) + "\x0b"
    info = store.derive("walks", [2, 0], new_name="some", how=how)
    assert how[193:201] == "119,121,"  # of which 200 characters would end in 121
    said = f"{how[:197]}… (2 trajectories)"
    assert info.parents == (Parent(parent.id, "walks", said),)
    assert store.labels("some").history()[0].note == f"from walks: {said}"


@pytest.mark.parametrize("chosen", [[], [0, 0], [3], [-1]])
def test_a_filter_of_what_is_not_there_keeps_nothing(store, workspace, file, chosen):
    store.add(file, name="walks")
    with pytest.raises(InvalidDataset, match=r"no trajectory is chosen|each chosen trajectory must be there"):
        store.derive("walks", chosen, new_name="some", how="by hand")
    assert len(list(workspace.datasets.iterdir())) == 1


def test_a_merge_has_all_trajectories_and_labels_of_its_parents(store, file, tmp_path):
    store.add(file, name="walks")
    store.add(write_dsrl(tmp_path / "other.hdf5", dsrl_arrays((4, 6), seed=1)), name="hops")
    store.labels("walks").mark([1], "preferred", author="ann")
    store.labels("hops").mark([0], "non_preferred", author="ann")
    info = store.merge(["walks", "hops"], new_name="all")
    assert [parent.name for parent in info.parents] == ["walks", "hops"]
    assert store.open("all").lengths.tolist() == [5, 3, 4, 4, 6]
    assert store.labels("all").current().tolist() == ["none", "preferred", "none", "non_preferred", "none"]
    with pytest.raises(InvalidDataset, match="two or more"):
        store.merge(["walks"], new_name="one")


def test_files_that_name_their_columns_in_another_order_are_not_mixed(store, tmp_path):
    def write(name, header, speed):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"episode,step,{header},act.u\n0,0,1,{speed},0.5\n0,1,2,{speed + 1},0.5\n")
        return path

    paths = [write("a", "obs.x,obs.speed", 10), write("b", "obs.speed,obs.x", 20), write("c", "obs.x,obs.pace", 30)]
    said = r"b(\.csv)? has its observations in another order than a(\.csv)? \('speed' is elsewhere\)"
    with pytest.raises(InvalidDataset, match=said):
        store.add(paths[:2], name="mixed")
    for path in paths:
        store.add(path)
    with pytest.raises(InvalidDataset, match=said):
        store.merge(["a", "b"], new_name="mixed")
    info = store.merge(["a", "c"], new_name="unlike")
    assert info.observation_names == ("obs 0", "obs 1")
    assert "the files call their observations differently, so they have numbers for names" in info.notes


def test_a_dataset_that_was_put_together_again_is_not_its_own_ancestor(store, workspace, file):
    whole = store.add(file, name="walks")
    parts = [store.derive("walks", chosen, new_name=name, how="half") for name, chosen in (("a", [0]), ("b", [1, 2]))]
    shutil.rmtree(workspace.datasets / whole.id)
    info = store.merge(["a", "b"], new_name="again")
    assert info.id == whole.id
    assert info.parents == tuple(Parent(part.id, part.name, "merged") for part in parts)


def test_labels_follow_a_trajectory_that_is_unchanged(store, file, tmp_path):
    store.add(file, name="walks")
    store.labels("walks").mark([0, 1, 2], "non_preferred", author="ann")
    changed = dsrl_arrays()
    changed["actions"][6] = 0  # within trajectory 1
    store.add(write_dsrl(tmp_path / "mended.hdf5", changed), name="mended")
    assert store.labels("mended").current().tolist() == ["non_preferred", "none", "non_preferred"]
    (action,) = store.labels("mended").history()
    assert (action.origin, action.note) == ("parent", "of equal trajectories of walks")


def test_labels_are_carried_to_equal_trajectories_that_nobody_has_labelled(store, file, tmp_path):
    store.add(file, name="walks")
    changed = dsrl_arrays()
    changed["actions"][6] = 0
    store.add(write_dsrl(tmp_path / "mended.hdf5", changed), name="mended")
    store.labels("walks").mark([0, 1, 2], "non_preferred", author="ann")
    store.labels("mended").mark([2], "preferred", author="bea")
    assert store.carry_labels("walks", "mended") == 1
    assert store.labels("mended").current().tolist() == ["non_preferred", "none", "preferred"]
    assert store.carry_labels("walks", "mended") == 0


def test_a_dataset_of_the_first_version_opens_and_gets_what_it_lacks(store, workspace, file):
    info = store.add(file, name="walks")
    table, keys, folder = store.table("walks"), np.array(store.keys("walks")), workspace.datasets / info.id
    for name in ("about.json", "table.parquet", "keys.npy", "ends.npy", "final_observations.npy"):
        (folder / name).unlink()
    values = json.loads((folder / "info.json").read_text())
    for key in ("format", "observations", "actions", "images", "parents", "facts", "author", "statistics"):
        del values[key]
    (folder / "info.json").write_text(json.dumps(values))
    old = store.info("walks")
    assert (old.observations, old.statistics, old.author) == ((Part(shape=(3,)),), {}, "")
    assert store.open("walks").ends is None
    assert store.about("walks").observation_names == info.observation_names
    assert store.table("walks").equals(table)
    np.testing.assert_array_equal(store.keys("walks"), keys)
    assert store.info("walks").statistics == info.statistics
    assert not list(workspace.datasets.glob(".*"))


def test_images_are_mapped_and_nothing_else_is_an_observation_of_no_width(store, tmp_path):
    shown = np.random.default_rng(0).integers(256, size=(12, 32, 40, 3), dtype=np.uint8)
    arrays = {key: values for key, values in dsrl_arrays().items() if key != "next_observations"}
    info = store.add(write_dsrl(tmp_path / "seen.hdf5", {**arrays, "observations": shown}))
    assert (info.n_observations, info.images[0].shape) == (0, (32, 40, 3))
    trajectories = store.open("seen")
    assert trajectories.observations.shape == (12, 0)
    assert isinstance(trajectories.images[""], np.memmap)
    np.testing.assert_array_equal(trajectories.images[""], shown)


def test_a_real_import_goes_through_the_confined_process(workspace):
    store = DatasetStore.of(workspace)
    told = []
    info = store.add(CAR_CIRCLE, on_progress=lambda *steps: told.append(steps))
    assert (info.name, info.n_trajectories, info.env_id) == ("car_circle", 359, "SafetyCarCircle-v0")
    assert told
    assert not list(workspace.datasets.glob(".*"))


def test_one_whose_folder_is_gone_leaves_the_others_and_its_name(store, workspace, file, tmp_path):
    store.add(file, name="walks")
    hops = write_dsrl(tmp_path / "hops.hdf5", dsrl_arrays((4, 6), seed=1))
    shutil.rmtree(workspace.datasets / store.add(hops, name="hops").id)
    assert [info.name for info in store.list()] == ["walks"]
    assert store.missing() == ("hops",)
    ants = store.add(write_dsrl(tmp_path / "ants.hdf5", dsrl_arrays((4, 5), seed=2)), name="ants")
    assert store.add(tmp_path / "ants.hdf5", name="hops").id == ants.id
    assert [info.name for info in store.list()] == ["walks", "ants", "hops"]
    assert store.missing() == ()


@pytest.mark.parametrize(
    "content", [b"", b'{"id": "', b"[]", b"{}", b"\xff", b'{"n_observations": 3, "n_actions": 2, "x": 1}']
)
def test_one_whose_info_is_damaged_leaves_the_others_and_is_mended_by_its_file(
    store, workspace, file, tmp_path, content
):
    walks = store.add(file, name="walks")
    part = store.derive("walks", [0, 1], new_name="part", how="two")
    (workspace.datasets / walks.id / "info.json").write_bytes(content)
    assert store.list() == [part]
    assert store.missing() == ("walks",)
    with pytest.raises(
        NotFound, match=r"dataset 'walks' cannot be read: its info\.json is damaged; import its file again"
    ):
        store.open("walks")
    again = store.add(file, name="walks")
    assert (again.id, again.n_steps, store.missing()) == (walks.id, 12, ())
    (workspace.datasets / walks.id / "info.json").write_bytes(content)
    assert store.forget("walks") == walks.id
    assert [path.name for path in workspace.datasets.iterdir()] == [part.id]


def test_all_of_a_dataset_is_on_disk_before_it_has_a_name(store, workspace, file, monkeypatch):
    synced = {}

    def fsync(number):
        synced[os.fstat(number).st_ino] = any(workspace.datasets.glob("[!.]*"))

    monkeypatch.setattr(os, "fsync", fsync)
    folder = workspace.datasets / store.add(file, name="walks").id
    assert {path.name for path in (*folder.iterdir(), folder) if synced[path.stat().st_ino]} == set()  # else after it
    assert synced[workspace.datasets.stat().st_ino]


def test_an_environment_that_has_a_module_imported_is_named_by_users_alone(store, tmp_path):
    info = store.add(write_dsrl(tmp_path / "walks.hdf5", env_id="evil:Walk-v0"))
    assert info.env_id is None
    said = "the file names the environment evil:Walk-v0, for which a module is to be imported; name it yourself"
    assert any(note.startswith(said) for note in info.notes)
    assert store.derive("walks", [0], new_name="one", how="by hand").env_id is None
    assert store.name_environment("walks", "mine:Walk-v0").env_id == "mine:Walk-v0"
    assert store.derive("walks", [1], new_name="other", how="by hand").env_id == "mine:Walk-v0"
