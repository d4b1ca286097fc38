"""What pages share is made once, and again once it would be another."""

import shutil

import pytest
import run_fixtures as runs

from dashboard import label_resources, resources
from dashboard.caches import shared
from safemil_core.errors import NotFound


def test_a_name_that_other_content_has_now_gives_that(workspace, info):
    before = resources.descriptors(info)
    runs.store(workspace).forget(info.name)
    other = runs.add_dataset(workspace, n=6)
    assert other.name == info.name
    assert len(resources.trajectories(other)) == len(resources.summary(other)) == len(resources.plane(other)) == 6
    runs.store(workspace).forget(other.name)
    again = runs.add_dataset(workspace)
    assert resources.descriptors(again) is before


def test_of_a_dataset_that_is_gone_it_is_said_so(workspace, info):
    shutil.rmtree(workspace.datasets / info.id)
    for ask in (resources.trajectories, resources.plane, resources.label_state, label_resources.label_files):
        with pytest.raises(NotFound):
            ask(info)


def test_labels_are_read_again_only_after_another_action(workspace, info):
    before, files = resources.label_state(info), label_resources.label_files(info)
    assert resources.label_state(info) is before
    resources.labels(info).mark([0], "non_preferred", author="ann")
    assert resources.label_state(info).labels[0] == "non_preferred"
    assert label_resources.label_files(info) != files


def test_a_file_is_another_one_once_it_has_changed_or_gone(tmp_path):
    @shared(max_entries=2)
    def words(path):
        return path.read_text() if path.exists() else None

    path = tmp_path / "words.txt"
    assert words(path) is None
    path.write_text("one")
    assert words(path) == "one"
    path.write_text("three")
    assert words(path) == "three"
    path.unlink()
    assert words(path) is None


def test_no_more_is_kept_than_was_said():
    made = []

    @shared(max_entries=2)
    def kept(number):
        made.append(number)
        return number

    for number in (1, 2, 3, 3, 1):
        kept(number)
    assert made == [1, 2, 3, 1]
