"""Against the truth: nothing before it is revealed, who revealed it, and the numbers of a run after."""

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard import cost_resources, resources
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.data.labels.reader import LabelReader


def shown(app):
    return {metric.label: metric.value for metric in app.metric}


def open_truth(run):
    app = open_page("costs", run=run.id, section="truth")
    assert not app.exception
    return app


def button(app, words):
    (found,) = [each for each in app.button if each.label == words]
    return found


@pytest.fixture
def blind_run(workspace):
    """A run whose marks were given while the truth was hidden."""
    info = runs.add_dataset(workspace)
    resources.hidden_truth(info).hide("ann")
    runs.mark_costliest(workspace, info)
    return info, runs.finish(runs.new_run(workspace, info), workspace)


def test_the_truth_is_behind_a_button_until_somebody_reveals_it_which_is_kept(blind_run):
    info, run = blind_run
    app = open_truth(run)
    assert "ROC AUC" not in shown(app)
    assert "**The truth is hidden.**" in runs.words(app)
    button(app, "Reveal the truth").click().run()
    assert "ROC AUC" in shown(app)
    assert [event.hides for event in resources.hidden_truth(info).history()] == [True, False]
    assert "Of the 4 labels that this run began with, 4 were given while it was hidden." in runs.words(app)


def test_labels_that_were_given_with_the_truth_in_sight_do_not_count_as_blind(info, run):
    resources.hidden_truth(info).hide("ann")
    resources.hidden_truth(info).reveal("ann")
    assert "Of the 4 labels that this run began with, 0 were given" in runs.words(open_truth(run))


def test_a_threshold_that_is_moved_reads_no_history(blind_run, monkeypatch):
    info, run = blind_run
    resources.hidden_truth(info).reveal("ann")
    app = open_truth(run)
    monkeypatch.delattr(LabelReader, "history")
    app.slider(key="costs.truth.threshold").set_value(0.9).run()
    assert not app.exception
    assert "Of the 4 labels that this run began with, 4 were given while it was hidden." in runs.words(app)


def test_labels_that_were_taken_back_do_not_count(workspace):
    info = runs.add_dataset(workspace)
    resources.hidden_truth(info).hide("ann")
    runs.mark_costliest(workspace, info)
    labels = runs.store(workspace).labels(info.name)
    labels.mark([0], "non_preferred", author="bob")
    labels.mark([0], "none", author="bob")
    run = runs.finish(runs.new_run(workspace, info), workspace)
    resources.hidden_truth(info).reveal("ann")
    assert "Of the 4 labels that this run began with, 4 were given while it was hidden." in runs.words(open_truth(run))


def test_numbers_of_steps_are_those_of_plain_definitions(workspace, info, run):
    app = open_truth(run)
    app.segmented_control(key="costs.truth.among").set_value("all").run()
    costs, true = run.costs()["cost"].to_numpy(), runs.store(workspace).open("walks").costs
    found = shown(app)
    assert found["ROC AUC"] == f"{roc_auc(costs, true > 0):.3f}"
    called = costs >= 0.5
    assert found["Precision at the threshold"] == f"{(true[called] > 0).mean():.1%}"
    assert found["Found at the threshold"] == f"{(called & (true > 0)).sum() / (true > 0).sum():.1%}"
    app.slider(key="costs.truth.threshold").set_value(0.9).run()
    assert shown(app)["Precision at the threshold"] == f"{(true[costs >= 0.9] > 0).mean():.1%}"


def test_at_first_those_that_it_learned_from_as_non_preferred_are_left_out(workspace, info, run):
    trajectories = runs.store(workspace).open("walks")
    kept = slice(0, int(trajectories.offsets[runs.N - 4]))
    costs, true = run.costs()["cost"].to_numpy()[kept], trajectories.costs[kept]
    assert shown(open_truth(run))["ROC AUC"] == f"{roc_auc(costs, true > 0):.3f}"


def test_what_is_judged_of_the_unmarked_is_theirs_alone(workspace):
    info = runs.add_dataset(workspace)
    marked = [0, 5, runs.N - 1]
    runs.store(workspace).labels(info.name).mark(marked, "non_preferred", author="ann")
    run = runs.finish(runs.new_run(workspace, info), workspace)
    found = cost_resources.judged(info, run, "unmarked")
    kept = np.delete(np.arange(runs.N), marked)
    true = runs.store(workspace).open("walks").costs.reshape(runs.N, runs.T)[kept]
    np.testing.assert_array_equal(found.costs, run.costs()["cost"].to_numpy().reshape(runs.N, runs.T)[kept].ravel())
    np.testing.assert_array_equal(found.sums, run.trajectories()["cost_sum"].to_numpy()[kept])
    np.testing.assert_array_equal(found.true_costs, true.ravel())
    np.testing.assert_allclose(found.true_sums, true.sum(axis=1))
    assert len(cost_resources.judged(info, run, "all").sums) == runs.N


def test_numbers_of_trajectories(workspace, info, run):
    app = open_truth(run)
    app.segmented_control(key="costs.truth.level").set_value("trajectories")
    app.segmented_control(key="costs.truth.among").set_value("all").run()
    sums = run.trajectories()["cost_sum"].to_numpy()
    true = runs.store(workspace).open("walks").true_costs()
    assert shown(app)["ROC AUC"] == f"{roc_auc(sums, true > 0):.3f}"
    assert len(app.get("plotly_chart")) >= 4
    app.number_input(key="costs.truth.limit").set_value(5.0).run()
    assert shown(app)["ROC AUC"] == f"{roc_auc(sums, true > 5):.3f}"
    app.number_input(key="costs.truth.limit").set_value(1e6).run()
    assert not app.exception
    assert f"Of {runs.N} trajectories none violates" in app.info[0].value


def test_the_threshold_of_trajectories_is_as_fine_as_their_costs(workspace, info, run):
    app = open_truth(run)
    app.segmented_control(key="costs.truth.level").set_value("trajectories").run()
    (threshold,) = [slider for slider in app.slider if slider.label == "Called violating from C"]
    assert threshold.step == pytest.approx((threshold.max - threshold.min) / 200)


def test_a_dataset_without_true_costs_says_so(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    assert "no true costs" in open_truth(run).info[0].value
