"""From a moment of a rollout to the training steps that taught it, and back to the labels."""

from __future__ import annotations

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page

from safemil_core.assessment.rollouts import Episode
from safemil_core.running.rollout_records import read_rollouts, write_rollouts


@pytest.fixture
def app(workspace, info, run):
    return open_page("rollouts", run=runs.evaluate(run).id)


def table(app):
    (found,) = [frame.value for frame in app.dataframe if "share" in frame.value.columns]
    return found


def test_at_first_the_worst_moment_of_the_costliest_episode_of_the_safe_policy_is_looked_at(app, workspace, run):
    assert not app.exception
    episode = app.selectbox(key=f"teachers.episode.{run.id}.safe")
    recorded = runs.store(workspace).open("walks")
    costs = recorded.true_costs()[:8]
    assert episode.value == int(costs.argmax())
    step = app.slider(key=f"teachers.step.{run.id}.safe.{episode.value}").value
    true = recorded[episode.value].costs
    assert step == (
        int(true.argmax()) if true.any() else int(np.abs(recorded[episode.value].observations[:, 0]).argmax())
    )


def test_an_episode_that_repeats_a_trajectory_was_taught_by_it(app, run):
    app.selectbox(key=f"teachers.episode.{run.id}.safe").set_value(3).run()
    app.slider(key=f"teachers.step.{run.id}.safe.3").set_value(21).run()
    assert not app.exception
    found = table(app)
    row = found[found["trajectory"] == 3].iloc[0]
    assert (row["step"], row["distance"], row["action_difference"]) == (21, 0, 0)
    assert set(found["label"]) == {"unlabelled"}  # what is marked is not cloned
    assert found["share"].is_monotonic_decreasing


def test_plain_cloning_has_teachers_too_and_each_weighs_1(app, run):
    app.segmented_control(key="teachers.policy").set_value("bc").run()
    assert not app.exception
    assert set(table(app)["weight"]) == {1.0}


def test_steps_of_an_earlier_version_were_not_kept(workspace, info, run):
    runs.evaluate(run)
    run.rollouts("safe").unlink()
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "The steps of these episodes were not kept" in app.info[0].value


def test_a_state_unlike_all_of_the_data_was_taught_by_nobody(workspace, info, run):
    runs.evaluate(run)
    kept = read_rollouts(run.rollouts("safe"))
    lived = kept.steps[0]
    strange = Episode(0, lived.rewards, lived.costs, kept.learned_costs_of(0), lived.observations + 9, lived.actions)
    write_rollouts(run.rollouts("safe"), [strange])
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "Nobody taught it this" in app.warning[0].value


def test_an_episode_of_one_step_has_one_moment(workspace, info, run):
    runs.evaluate(run)
    kept = read_rollouts(run.rollouts("safe"))
    lived = kept.steps[0]
    first = [values[:1] for values in (lived.rewards, lived.costs, kept.learned_costs_of(0))]
    write_rollouts(run.rollouts("safe"), [Episode(0, *first, lived.observations[:1], lived.actions[:1])])
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    found = table(app)
    assert found[found["trajectory"] == 0].iloc[0][["step", "distance"]].tolist() == [0, 0]
