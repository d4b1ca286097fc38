"""Rollouts: both policies in the environment, side by side."""

import base64
import json

import numpy as np
import run_fixtures as runs
from run_fixtures import open_page

from dashboard import resources
from dashboard.charts_theme import run_style
from safemil_core.running import tasks
from safemil_core.running.offline_checks import OfflineCheck, write_checks
from safemil_core.running.rollout_records import read_rollouts
from safemil_core.running.tasks import Task


def test_without_an_environment_the_page_says_how_to_name_one(workspace):
    info = runs.add_dataset(workspace, env_id=None)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "does not say which environment" in runs.words(app)
    assert "Import it with an environment" in runs.links(app)
    assert not app.slider


def test_a_start_asks_for_the_chosen_numbers(workspace, info, run, monkeypatch):
    asked = []
    other = runs.finish(runs.new_run(workspace, info), workspace)
    monkeypatch.setattr(tasks, "start_evaluation", lambda workspace, run, *chosen: asked.append((run.id, *chosen)))
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "Nothing has been run yet" in runs.words(app)
    app.slider(key="rollouts.episodes").set_value(10)
    app.slider(key="rollouts.videos").set_value(2)
    app.multiselect(key=f"rollouts.beside.{run.id}").set_value([other.id])
    app.button[0].click().run()
    (found,) = asked
    assert found[:3] == (run.id, 10, 2)
    assert [each.id for each in found[3]] == [other.id]


def test_a_run_alone_has_nothing_to_choose_beside_it(workspace, info, run):
    assert not open_page("rollouts", run=run.id).multiselect


def test_progress_is_shown_while_it_lives_and_no_second_one_can_start(workspace, info, run):
    runs.begin_evaluation(run)
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "3 of 10 episodes" in app.get("progress")[0].proto.text
    assert app.button[0].disabled


def test_both_policies_side_by_side(workspace, info, run):
    runs.evaluate(run)
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert "**1%** of plain cloning's cost and **93%** of its return" in runs.words(app)
    table = app.dataframe[0].value.set_index("metric")
    assert table.loc["Return", "Safe policy"] == "424.0  [412.0, 436.0]"
    assert table.loc["Cost", "Plain cloning"] == "48.9  [43.9, 53.9]"
    assert table.loc["CVaR@20 % cost", "Plain cloning"] == "97.8  [92.8, 102.8]"
    assert "Return: 0 is a random policy" in runs.words(app)
    plot = runs.figure(app, "rollouts.episodes_plot")
    assert [len(trace["customdata"]) for trace in plot["data"] if "customdata" in trace] == [8, 8]


def test_the_policy_of_another_run_stands_beside_both_under_its_name_and_in_its_colour(workspace, info, run):
    other = runs.finish(runs.new_run(workspace, info, runs.CONFIG.model_copy(update={"method": "bc"})), workspace)
    resources.run_notes().write(other.id, author="ann", name="everything")
    app = open_page("rollouts", run=runs.evaluate(run, beside=[other]).id)
    assert not app.exception
    assert app.multiselect(key=f"rollouts.beside.{run.id}").value == [other.id]
    assert list(app.dataframe[0].value.columns) == ["metric", "Safe policy", "Plain cloning", "Everything · bc"]
    colours = {trace["name"]: trace["marker"]["color"] for trace in runs.figure(app, "rollouts.episodes_plot")["data"]}
    oldest_first = [each.id for each in reversed(resources.runs().list(info.id))]
    assert colours["everything · bc"] == run_style(oldest_first.index(other.id)).colour
    app.selectbox(key="rollouts.pair.1").set_value(other.id).run()
    assert runs.staged(app)["legend"] == ["safe policy", "everything · bc"]
    app.toggle(key="rollouts.all").set_value(True).run()
    assert [(cell["policy"], cell["episode"]) for cell in wall(app)["cells"]] == [
        (policy, 0) for policy in ("safe policy", "plain cloning", "everything · bc")
    ]


def test_who_is_better_from_the_same_starts_is_said_with_intervals_and_in_words(workspace, info, run):
    app = open_page("rollouts", run=runs.evaluate(run).id)
    table = next(t.value for t in app.dataframe if "so" in t.value).set_index("safe policy against")
    assert table.loc["Plain cloning", "chance that it is safer"] == "100%"
    assert table.loc["Plain cloning", "so"] == "safer, earns less"
    (difference,) = [each for each in run.evaluation["comparisons"] if each["against"] == "bc"]
    assert table.loc["Plain cloning", "cost"].startswith(f"{difference['cost']['mean']:+.1f}")
    drawn = runs.figure(app, "rollouts.differences")["data"]
    assert [trace["x"] for trace in drawn] == [[difference["cost"]["mean"]], [difference["return"]["mean"]]]


def test_runs_that_differ_in_their_seed_alone_are_shown_as_one(workspace, info, run):
    other = runs.finish(runs.new_run(workspace, info), workspace)
    resources.run_notes().write(other.id, author="ann", name="seed 4")
    app = open_page("rollouts", run=runs.evaluate(run, beside=[other]).id)
    assert "Over training seeds" in runs.words(app)
    (table,) = [t.value.set_index("metric") for t in app.dataframe if "Safe policy, Seed 4" in t.value]
    assert table.loc["Return", "Safe policy, Seed 4"] == "362.0  [350.0, 374.0]"


def test_a_baseline_that_learns_no_costs_shows_all_but_what_follows_from_costs(workspace, info):
    run = runs.finish(runs.new_run(workspace, info, runs.CONFIG.model_copy(update={"method": "bc"})), workspace)
    for name in ("costs.parquet", "trajectories.parquet"):
        (run.folder / name).unlink()
    app = open_page("rollouts", run=runs.evaluate(run).id)
    assert not app.exception
    assert "learned cost" not in runs.staged(app)["lines"]
    assert "is not kept, so that nobody can be named" in runs.words(app)


def test_without_a_simulator_held_out_steps_are_asked_about_in_the_background(workspace, monkeypatch):
    info = runs.add_dataset(workspace, env_id=None)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    asked = []
    monkeypatch.setattr(tasks, "start", lambda workspace, task: asked.append((task.name, task.subject)))
    app = open_page("rollouts", run=run.id)
    app.button(key="rollouts.offline.start").click().run()
    assert asked == [("offline", run.id)]
    found = {"mean": 0.5, "low": 0.25, "high": 0.75}
    Task.of_run("offline", run).folder.mkdir()
    write_checks(run, [OfflineCheck(policy, "held out", 4, 40, found, found) for policy in ("safe", "bc")])
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert list(app.dataframe[0].value["agreement"]) == ["0.50  [0.25, 0.75]"] * 2
    assert [trace["y"] for trace in runs.figure(app, "rollouts.agreement")["data"]] == [[0.5], [0.5]]


def test_another_cost_limit_satisfies_other_episodes(workspace, info, run):
    app = open_page("rollouts", run=runs.evaluate(run).id)
    satisfaction = lambda app: app.dataframe[0].value.set_index("metric").loc["Satisfaction"]  # noqa: E731
    assert satisfaction(app)["Safe policy"] == "100%  [63%, 100%]"
    assert satisfaction(app)["Plain cloning"] == "0%  [0%, 37%]"
    app.number_input(key="rollouts.limit.10").set_value(1e4).run()
    assert satisfaction(app)["Plain cloning"] == "100%  [63%, 100%]"


def test_an_evaluation_of_an_earlier_version_still_shows(workspace, info, run):
    runs.evaluate(run)
    old = {key: value for key, value in run.evaluation.items() if key not in ("comparisons", "cost_limit")}
    run.write_json("evaluation/evaluation.json", old)
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert app.dataframe[0].value.set_index("metric").loc["Satisfaction", "Plain cloning"] == "0%  [0%, 37%]"


def wall(app):
    (drawn,) = [json.loads(it.proto.json) for it in app.get("bidi_component") if '"cells"' in it.proto.json]
    return drawn


def test_the_chosen_episode_of_both_policies_is_shown_in_lock_step_with_its_numbers(workspace, info, run):
    runs.evaluate(run, videos=(b"one", b"two"))
    app = open_page("rollouts", run=run.id)
    app.number_input(key="rollouts.episode").set_value(1).run()
    assert not app.exception
    shown, lived = runs.staged(app), read_rollouts(run.rollouts("safe"))
    np.testing.assert_array_equal(shown["lines"]["learned cost"], lived.learned_costs_of(1))
    np.testing.assert_array_equal(shown["lines"]["true cost"], lived.steps[1].costs)
    assert shown["items"][shown["beside"]]["trajectory"] == 1
    for film in (shown["items"][shown["film"]], shown["items"][shown["besideFilm"]]):
        assert (film["video"], film["stride"], film["exact"]) == (base64.b64encode(b"two").decode(), 3, True)
    assert (shown["legend"], shown["canLabel"]) == (["safe policy", "plain cloning"], False)
    played = run.evaluation["policies"]["bc"]["episodes"][1]
    numbers = next(table.value for table in app.dataframe if "policy" in table.value).set_index("policy")
    assert numbers.loc["Plain cloning", "return"] == round(played["return"], 1)


def test_an_episode_that_was_not_rendered_still_has_its_paths_and_costs(workspace, info, run):
    runs.evaluate(run, videos=())
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    shown = runs.staged(app)
    assert (shown["film"], shown["hasScreen"], shown["hasBesideScreen"]) == (None, False, False)
    assert list(shown["lines"]) == ["true cost", "learned cost", "reward", "action 0", "action 1"]


def test_episodes_whose_steps_were_not_kept_ask_for_another_evaluation(workspace, info, run):
    runs.evaluate(run)
    run.rollouts("bc").unlink()
    app = open_page("rollouts", run=run.id)
    assert "The steps of these episodes were not kept" in app.info[0].value


def test_the_name_of_an_environment_is_text(workspace, info, run):
    runs.store(workspace).name_environment("walks", "a`[b](http://x.org)")
    app = open_page("rollouts", run=run.id)
    assert not app.exception
    assert any(caption.value.startswith("In `a'[b](http://x.org)`, simulated") for caption in app.caption)


def test_films_whose_steps_were_not_kept_are_shown(workspace, info, run):
    runs.evaluate(run)
    for path in run.all_rollouts():
        path.unlink()
    app = open_page("rollouts", run=run.id)
    app.toggle(key="rollouts.all").set_value(True).run()
    assert not app.exception
    assert [cell["episode"] for cell in wall(app)["cells"]] == [0, 0]


def test_films_that_were_rendered_anew_have_another_name(workspace, info, run):
    runs.evaluate(run)
    app = open_page("rollouts", run=run.id)
    app.toggle(key="rollouts.all").set_value(True).run()
    first = wall(app)["name"]
    assert wall(app.run())["name"] == first
    run.film("safe", 0).write_bytes(b"another film")
    assert wall(app.run())["name"] != first


def test_whether_the_policies_move_shows_among_the_data(workspace, info, run):
    app = open_page("rollouts", run=runs.evaluate(run).id)
    assert not app.exception
    series = {trace["name"]: trace for trace in runs.figure(app, "rollouts.movement")["data"]}
    assert list(series) == ["unlabelled", "non-preferred", "safe policy", "plain cloning"]
    assert len(series["unlabelled"]["x"]) + len(series["non-preferred"]["x"]) == runs.N
    assert series["safe policy"]["x"] == [1.1] * 8


def test_a_failed_evaluation_says_why(workspace, info, run):
    runs.begin_evaluation(run)
    runs.write_progress(
        run.folder / "evaluation" / "progress.json",
        runs.Progress("failed", 0, 10, 1.0, 2.0, message="the simulator is not installed"),
    )
    app = open_page("rollouts", run=run.id)
    assert app.error[0].value == "the simulator is not installed"
