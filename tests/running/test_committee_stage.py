"""A committee of a dataset: its file, its process, and when it is out of date."""

import dataclasses

import numpy as np
import pytest
from factories import add_dataset, crossing_arrays, store_of
from test_jobs import wait

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, InvalidLabels
from safemil_core.learning.committee import QUICK, train_committee
from safemil_core.running import committee_stage, tasks
from safemil_core.running.committee_stage import ask_committee
from safemil_core.running.committees import Committee, CommitteeInfo, committee_file, read_committee
from safemil_core.running.tasks import Task

MARKED = (1, 3, 5, 7, 9)


@pytest.fixture
def walks(workspace):
    """A dataset of walkers with five of those marked that cross a limit."""
    info = add_dataset(workspace)
    store_of(workspace).labels("walks").mark(MARKED, "non_preferred", author="ann")
    return info


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(committee_stage, "QUICK", QUICK.model_copy(update={"updates": 60, "hidden_sizes": (8,)}))


def test_what_a_committee_says_is_kept_and_read_back(workspace, walks, quick):
    assert read_committee(workspace, walks) is None
    ask_committee(workspace, "walks", "ann", "cpu")
    committee = read_committee(workspace, walks)
    labels = store_of(workspace).labels("walks")
    assert committee.labels.tolist() == labels.current().tolist()
    assert committee.held_out_rank.shape == (40,)
    assert ((committee.held_out_rank > 0) & (committee.held_out_rank <= 1)).all()
    assert (committee.disagreement >= 0).all()
    assert (committee.info.label_snapshot, committee.info.author) == (labels.latest(), "ann")
    assert (committee.info.n_members, committee.info.updates) == (5, 60)
    progress = Task.of_dataset("committee", workspace, walks).progress
    assert (progress.state, progress.done, progress.total) == ("done", 60, 60)
    assert {path.name for path in workspace.committee(walks.id).iterdir()} == {"committee.parquet", "progress.json"}


def test_it_is_outdated_when_something_was_said_since(workspace, walks, quick):
    ask_committee(workspace, "walks", "ann", "cpu")
    labels, committee = store_of(workspace).labels("walks"), read_committee(workspace, walks)
    assert not committee.is_outdated(labels.latest())
    labels.mark([2], "preferred", author="bob")
    assert committee.is_outdated(labels.latest())
    ask_committee(workspace, "walks", "bob", "cpu")
    assert not read_committee(workspace, walks).is_outdated(labels.latest())


def test_segments_reach_it(workspace, walks, quick, monkeypatch):
    store_of(workspace).labels("walks").mark_segment(1, 10, 15, n_steps=16, author="ann")
    seen = []

    def train(data, *settings, **options):
        seen.append(data.segments)
        return train_committee(data, *settings, **options)

    monkeypatch.setattr(committee_stage, "train_committee", train)
    ask_committee(workspace, "walks", "ann", "cpu")
    assert seen == [{1: ((10, 15),)}]


def test_rewards_and_true_costs_never_reach_it(workspace, quick):
    arrays = crossing_arrays()
    shuffled = {**arrays, "rewards": arrays["rewards"][::-1].copy(), "costs": arrays["costs"][::-1].copy()}
    said = []
    for name, each in (("as-they-are", arrays), ("shuffled", shuffled)):
        info = add_dataset(workspace, name, each)
        store_of(workspace).labels(name).mark(MARKED, "non_preferred", author="ann")
        ask_committee(workspace, name, "ann", "cpu")
        said.append(read_committee(workspace, info).held_out_rank.tobytes())
    assert said[0] == said[1]


def test_it_runs_in_a_process_of_its_own_one_at_a_time(workspace, walks):
    first = tasks.start_committee(workspace, walks, "ann")
    again = tasks.start_committee(workspace, walks, "bob")
    assert first.state == "starting"
    assert again.started_at == first.started_at or again.pid != 0  # the process that is at work by now
    progress = wait(lambda: (p := Task.of_dataset("committee", workspace, walks).progress).is_finished and p)
    assert progress.state == "done", (workspace.committee(walks.id) / "log.txt").read_text()
    committee = read_committee(workspace, walks)
    assert committee.info.author == "ann"
    assert committee.held_out_rank[1::2].mean() > committee.held_out_rank[::2].mean() + 0.1


def test_one_that_is_stopped_leaves_the_earlier_one(workspace, quick):
    # With fewer steps it would be done before it is stopped.
    walks = add_dataset(workspace, arrays=crossing_arrays(1_500, 100))
    store_of(workspace).labels("walks").mark(MARKED, "non_preferred", author="ann")
    ask_committee(workspace, "walks", "ann", "cpu")
    before = committee_file(workspace, walks).read_bytes()
    tasks.start_committee(workspace, walks, "bob")
    wait(lambda: Task.of_dataset("committee", workspace, walks).progress.pid, every_s=0.01)
    tasks.stop(Task.of_dataset("committee", workspace, walks))
    progress = wait(lambda: (p := Task.of_dataset("committee", workspace, walks).progress).is_finished and p)
    assert progress.state == "stopped"
    assert committee_file(workspace, walks).read_bytes() == before


def test_without_marks_or_with_images_too_large_it_does_not_begin(workspace):
    info = add_dataset(workspace)
    with pytest.raises(InvalidLabels, match="0 of 40 trajectories of 'walks' are marked non-preferred; mark at least"):
        tasks.start_committee(workspace, info, "ann")
    store_of(workspace).labels("walks").mark([1], "non_preferred", author="ann")
    too_large = dataclasses.replace(info, images=(Part("eye", (480, 640, 3), "uint8"),))
    with pytest.raises(InvalidConfig, match="images 'eye' of 'walks' are 480 x 640 pixels, the networks read up to"):
        tasks.start_committee(workspace, too_large, "ann")
    assert Task.of_dataset("committee", workspace, info).progress is None


def test_columns_of_different_lengths_are_our_mistake():
    info = CommitteeInfo(3, 5, 400, 1.0, "ann", "2026-01-01")
    four, five = np.zeros(4), np.zeros(5)
    with pytest.raises(ValueError, match="expected one value a trajectory in every column"):
        Committee(info, four, five, np.full(4, "none"))
