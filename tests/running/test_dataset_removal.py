"""Removing a dataset: its name, with the last name its content and what was made of it; never somebody's runs."""

import pytest
from factories import add_dataset, new_run, store_of

from safemil_core.errors import NotFound, NotReady
from safemil_core.running.dataset_removal import remove_dataset
from safemil_core.running.runs import RunStore


def made_of(workspace, dataset):
    return [workspace.replays(dataset.replays), workspace.committee(dataset.id), workspace.state_axes(dataset.id)]


def test_files_go_and_what_was_said_stands_again_when_the_same_data_come(workspace):
    info = add_dataset(workspace)
    store = store_of(workspace)
    store.labels("walks").mark([3], "non_preferred", author="ann")
    shown = made_of(workspace, info)
    remove_dataset(workspace, "walks")
    assert store.list() == []
    assert not any(folder.exists() for folder in (*shown, workspace.datasets / info.id))
    with pytest.raises(NotFound, match="there is no dataset 'walks'"):
        remove_dataset(workspace, "walks")
    assert add_dataset(workspace).id == info.id
    assert store.labels("walks").current()[3] == "non_preferred"


def test_content_with_another_name_stays_and_a_folder_that_is_gone_already_is_no_matter(workspace):
    info = add_dataset(workspace)
    store = store_of(workspace)
    everything = range(info.n_trajectories)
    assert store.derive("walks", everything, new_name="again", how="all").id == info.id
    shown = made_of(workspace, info)
    remove_dataset(workspace, "walks")
    assert [other.name for other in store.list()] == ["again"]
    assert all(folder.exists() for folder in (*shown, workspace.datasets / info.id))
    (workspace.datasets / info.id).rename(workspace.root / "elsewhere")
    remove_dataset(workspace, "again")
    assert store.missing() == ()


def test_what_a_run_was_made_of_stays(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    with pytest.raises(NotReady, match=r"runs were made of dataset 'walks' \(1\); delete them first"):
        remove_dataset(workspace, "walks")
    RunStore(workspace).delete(run.id)
    remove_dataset(workspace, "walks")
