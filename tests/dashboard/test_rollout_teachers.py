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


def marked_by_tick(app, run):
    """The trajectories that the first ticked teacher had marked."""
    episode = app.selectbox(key=f"teachers.episode.{run.id}.safe").value
    step = app.slider(key=f"teachers.step.{run.id}.safe.{episode}").value
    first = int(table(app)["trajectory"].iloc[0])
    app.session_state[f"teachers.table.{run.id}.safe.{episode}.{step}"] = {"selection": {"rows": [0]}}
    app.run()
    app.button(key="teachers.mark").click().run()
    assert not app.exception
    return first


def can_undo(app):
    return "teachers.undo" in [button.key for button in app.button]


def test_a_teacher_is_marked_and_that_is_taken_back(app, workspace, run):
    trajectory = marked_by_tick(app, run)
    labels = runs.store(workspace).labels("walks")
    assert labels.current()[trajectory] == "non_preferred"
    app.button(key="teachers.undo").click().run()
    assert labels.current()[trajectory] == "none"
    assert "Taken back" in [text.value for text in app.markdown]
    assert not can_undo(app)


def test_what_was_done_since_is_not_taken_back_here(app, workspace, run):
    marked_by_tick(app, run)
    runs.store(workspace).labels("walks").mark([0], "preferred", author="bob")
    assert not can_undo(app.run())
    assert "Marked 1 trajectory non-preferred." in [text.value for text in app.markdown]


def test_nor_is_what_somebody_of_another_name_did_before(app, run):
    marked_by_tick(app, run)
    app.session_state["author"] = "bob"
    assert not can_undo(app.run())


def test_of_another_dataset_nothing_is_said(app, workspace, run):
    marked_by_tick(app, run)
    other = runs.add_dataset(workspace, "others", n=20)
    runs.mark_costliest(workspace, other)
    runs.evaluate(runs.finish(runs.new_run(workspace, other), workspace))
    app.run()
    app.selectbox(key="widget.dataset").set_value("others").run()
    assert not app.exception
    assert app.button(key="teachers.mark").disabled
    assert not can_undo(app)
    assert not [text.value for text in app.markdown if text.value.startswith("Marked")]
