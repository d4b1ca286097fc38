"""What pages share is made once, and again once it would be another."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import run_fixtures as runs

from dashboard import cost_resources, label_resources, map_resources, resources, run_resources
from dashboard.caches import shared
from safemil_core.errors import NotFound, NotReady
from safemil_core.running.run_folder import Run


def learn_anew(run, add=0.5):
    """As where a run was resumed and its costs are others now."""
    path = run.table("costs")
    costs = pd.read_parquet(path)
    costs.assign(cost=costs["cost"] + np.float32(add)).to_parquet(path)


def test_what_a_run_has_learned_is_read_once_whoever_asks(run):
    assert run_resources.run_costs(run) is run_resources.run_costs(Run(run.folder))


def test_what_a_resumed_run_has_learned_is_read_again(info, run):
    costs = run_resources.run_costs(run)
    highest = run_resources.raster_table(info, run)["highest"]
    _, high = run_resources.step_levels(info, run, "learned")
    learn_anew(run)
    np.testing.assert_allclose(run_resources.run_costs(run), costs + 0.5, rtol=1e-5)
    np.testing.assert_allclose(run_resources.raster_table(info, run)["highest"], highest + 0.5, rtol=1e-5)
    assert run_resources.step_levels(info, run, "learned")[1] == pytest.approx(high + 0.5)


def test_a_network_that_was_trained_on_is_another_function(workspace, info):
    run = runs.finish_with_curves(workspace, info)
    before = cost_resources.cost_function(info, run)
    assert cost_resources.cost_function(info, run) is before
    os.utime(run.model("cost"), ns=(0, 1))
    assert cost_resources.cost_function(info, run) is not before


def test_what_a_run_has_lost_is_missed_though_it_was_read(info, run):
    run_resources.run_costs(run)
    run_resources.raster_table(info, run)
    run.table("costs").unlink()
    for ask in (lambda: run_resources.run_costs(run), lambda: run_resources.raster_table(info, run)):
        with pytest.raises(NotReady, match="has no costs"):
            ask()


def test_before_training_ended_nothing_is_kept_and_afterwards_it_is_there(workspace, info):
    run = runs.new_run(workspace, info)
    with pytest.raises(NotReady, match="yet; let its training end"):
        map_resources.run_labels(run)
    with pytest.raises(NotReady, match="has no cost"):
        cost_resources.mean_cost(info, run)
    runs.finish(run, workspace)
    assert (map_resources.run_labels(run) == "non_preferred").sum() == 4


def test_runs_of_one_dataset_are_told_apart(workspace, info, run):
    other = runs.finish(runs.new_run(workspace, info), workspace)
    learn_anew(other)
    assert not np.array_equal(run_resources.run_costs(run), run_resources.run_costs(other))
    own, others = (map_resources.map_sums(info, one, "learned", 0, 1, of=run, is_full=False) for one in (run, other))
    assert own is not others
    true = [map_resources.map_sums(info, one, "true", 0, 1, of=run, is_full=False) for one in (run, other)]
    assert true[0] is true[1]


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


def test_nothing_made_of_the_truth_outlasts_its_being_hidden(info, run):
    shown = run_resources.raster_table(info, run), run_resources.weighed(info, run, run.config.weights)
    cost_resources.judged(info, run, "all")
    run_resources.step_levels(info, run, "true")
    resources.hidden_truth(info).hide("ann")
    assert "true_cost" in shown[0]
    assert "true_cost" not in run_resources.raster_table(info, run)
    assert run_resources.weighed(info, run, run.config.weights) is not shown[1]
    for ask in (
        lambda: cost_resources.judged(info, run, "all"),
        lambda: cost_resources.step_truth(info, run, "all"),
        lambda: run_resources.step_levels(info, run, "true"),
    ):
        with pytest.raises(AssertionError):
            ask()
    resources.hidden_truth(info).reveal("ann")
    assert "true_cost" in run_resources.raster_table(info, run)
    assert len(cost_resources.judged(info, run, "all").sums) == runs.N


def test_settings_and_other_arguments_are_told_apart_by_value(info, run):
    weights = run.config.weights
    known = run_resources.weighed(info, run, weights)
    assert run_resources.weighed(info, run, weights.model_copy()) is known
    assert run_resources.weighed(info, run, weights.model_copy(update={"beta": 9.0})) is not known
    cells = np.array([0, 1, 2])
    inside = map_resources.inside_cells(info, run, 0, 1, 20, cells, is_full=True)
    assert map_resources.inside_cells(info, run, 0, 1, 20, cells.copy(), is_full=True) is inside
    assert map_resources.inside_cells(info, run, 0, 1, 20, cells + 1, is_full=True) is not inside
    assert map_resources.inside_cells(info, run, 0, 1, 20, cells, is_full=False) is not inside


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
