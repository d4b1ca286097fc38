"""Train: settings, a start, a run that lives, one that has ended well or badly, and earlier ones."""

import json

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard import resources
from dashboard.components.settings_form import FIRST, OPEN
from safemil_core.config import CostConfig, RunConfig, setting_names
from safemil_core.running import jobs
from safemil_core.running.runs import RunStore


@pytest.fixture
def started(monkeypatch):
    """The runs that would have been trained: no process is begun."""
    begun = []
    monkeypatch.setattr(jobs, "start_training", lambda workspace, run: begun.append(run))
    return begun


def button(app, label):
    (found,) = [button for button in app.button if button.label == label]
    return found


def curves(app):
    """The panels of curves, as the browser gets them; None where there are none."""
    found = [json.loads(element.proto.json) for element in app.get("bidi_component") if "panels" in element.proto.json]
    return found[0] if found else None


def test_nothing_marked_means_no_start_and_a_way_to_label(workspace):
    runs.add_dataset(workspace)
    app = open_page("train")
    assert not app.exception
    assert button(app, "Train").disabled
    assert "Nothing is marked non-preferred yet" in runs.words(app)
    assert "Mark some trajectories" in runs.links(app)


def test_every_trajectory_marked_means_no_start_either(workspace):
    info = runs.add_dataset(workspace, n=1)
    runs.mark_costliest(workspace, info, n=1)
    app = open_page("train")
    assert button(app, "Train").disabled
    assert "Every trajectory is marked non-preferred" in runs.words(app)


def test_the_form_has_every_setting_with_its_default_and_its_help(workspace, info):
    app = runs.open_settings()
    shown = {
        widget.key: widget
        for kind in ("number_input", "toggle", "text_input", "segmented_control", "selectbox")
        for widget in getattr(app, kind)
    }
    assert {f"settings.{name}" for name in setting_names()} <= set(shown)
    assert shown["settings.cost.bag_size"].value == RunConfig().cost.bag_size
    assert shown["settings.cost.bag_size"].help == CostConfig.model_fields["bag_size"].description
    assert (shown["settings.cost.bag_size"].min, shown["settings.cost.bag_size"].max) == (1, 4096)
    assert [shown[f"settings.{name}"].label for name in FIRST][:2] == ["Method", "Cost updates"]


def test_a_start_makes_a_run_of_the_chosen_settings_and_puts_it_into_the_url(workspace, info, started):
    app = runs.open_settings()
    app.number_input(key="settings.cost.bag_size").set_value(32)
    app.text_input(key="settings.policy.hidden_sizes").set_value("64, 32")
    button(app, "Train").click().run()
    assert not app.exception
    (run,) = started
    assert run.config.cost.bag_size == 32
    assert run.config.policy.hidden_sizes == (64, 32)
    assert run.info.n_non_preferred == 4
    assert app.query_params["run"] == run.id
    assert f"`{run.id}`" in runs.words(app)


def test_a_senseless_setting_is_refused_in_one_sentence(workspace, info, started):
    app = runs.open_settings()
    app.selectbox(key="settings.weights.scheme").set_value("trajectory").run()
    app.number_input(key="settings.weights.beta").set_value(0.0).run()
    assert not app.exception
    assert app.error[0].value == "weights.beta must be greater than 0, got 0.0"
    assert button(app, "Train").disabled
    app.number_input(key="settings.weights.beta").set_value(1.0)
    app.text_input(key="settings.policy.hidden_sizes").set_value("wide").run()
    assert app.error[0].value == "policy.hidden_sizes must be widths like 256, 256, got 'wide'"


def test_a_setting_without_effect_is_greyed_out_until_it_has_one(workspace, info):
    app = runs.open_settings()
    sharpness, beta = (app.number_input(key=f"settings.{name}") for name in ("cost.sharpness", "weights.beta"))
    assert (sharpness.disabled, beta.disabled) == (False, True)
    app.selectbox(key="settings.cost.aggregator").set_value("sum").run()
    sharpness, beta = (app.number_input(key=f"settings.{name}") for name in ("cost.sharpness", "weights.beta"))
    assert (sharpness.disabled, beta.disabled) == (True, True)


def test_a_setting_that_is_changed_out_of_sight_is_named(workspace, info, started):
    app = runs.open_settings()
    app.number_input(key="settings.cost.sharpness").set_value(2.0)
    app.text_input(key="settings.policy.hidden_sizes").set_value("64, 32").run()
    assert "Changed in all settings" not in runs.words(app)
    app.session_state[OPEN] = False
    app.run()
    assert "Changed in all settings: `cost.sharpness=2.0`, `policy.hidden_sizes=64, 32`" in runs.words(app)
    button(app, "Train").click().run()
    assert (started[0].config.cost.sharpness, started[0].config.policy.hidden_sizes) == (2.0, (64, 32))


def test_the_usual_step_size_goes_with_the_kind_of_network_and_one_of_your_own_stays(workspace, info):
    app = runs.open_settings()

    def step_size():
        return app.number_input(key="settings.cost.learning_rate").value

    app.segmented_control(key="settings.cost.network").set_value("mlp").run()
    assert step_size() == 0.001
    app.segmented_control(key="settings.cost.network").set_value("pairwise").run()
    assert step_size() == 0.008
    app.number_input(key="settings.cost.window").set_value(10).run()
    assert step_size() == 0.002
    app.number_input(key="settings.cost.learning_rate").set_value(0.004).run()
    app.number_input(key="settings.cost.window").set_value(1).run()
    assert step_size() == 0.004
    button(app, "The paper's values").click().run()
    assert step_size() == RunConfig.paper().cost.learning_rate


def test_settings_of_an_earlier_run_come_as_they_were(workspace, info):
    """A perceptron that learned in steps which suit curves."""
    run = runs.finish(runs.new_run(workspace, info, RunConfig().with_values(["cost.network=mlp"])), workspace)
    app = open_page("train", run=run.id)
    button(app, "Duplicate with changes").click().run()
    assert "`cost.learning_rate=0.001`" not in runs.words(app)
    button(app, "Our defaults").click().run()
    assert "cost.learning_rate" not in runs.words(app)


def test_the_papers_values_and_our_defaults_are_one_click_away(workspace, info):
    app = open_page("train")
    app.number_input(key="settings.cost.bag_size").set_value(7).run()
    button(app, "The paper's values").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == RunConfig.paper().cost.bag_size
    app.number_input(key="settings.cost.bag_size").set_value(7).run()
    button(app, "The paper's plain network").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == RunConfig().cost.bag_size
    assert app.segmented_control(key="settings.cost.network").value == "mlp"
    assert app.number_input(key="settings.cost.sparsity").value == 0
    button(app, "Our defaults").click().run()
    assert app.segmented_control(key="settings.cost.network").value == "additive"


def test_a_living_run_shows_how_far_it_is_and_can_be_stopped(workspace, info, monkeypatch):
    run = runs.begin(runs.new_run(workspace, info))
    stopped = []
    monkeypatch.setattr(jobs, "stop", lambda workspace, run: stopped.append(run.id))
    app = open_page("train", run=run.id)
    assert not app.exception
    assert "500 of 1,500 updates" in app.get("progress")[0].proto.text
    assert [panel["title"] for panel in curves(app)["panels"]] == [
        "Loss of the cost network",
        "Scores of the bags",
        "Learned cost c",
        "Losses of the policies",
    ]
    assert "Healthy" in app.success[0].value
    assert app.get("popover")[-1].proto.popover.disabled
    assert "100 a second · 10 s left · on cpu" in app.get("progress")[0].proto.text
    app.button(key="run.stop").click().run()
    assert stopped == [run.id]
    assert not [button for button in app.button if button.label == "Resume"]


def test_every_job_of_the_workspace_is_in_the_queue_and_can_be_stopped_there(workspace, info, monkeypatch):
    """A run at work, two that wait for the same device; here no process is begun for them."""
    monkeypatch.setattr(jobs, "_wake", lambda workspace: None)
    at_work = runs.begin(runs.new_run(workspace, info))
    first, second = runs.new_run(workspace, info), runs.new_run(workspace, info)
    for run in (first, second):
        jobs.start_training(workspace, run, "cpu")
    app = open_page("train", run=second.id)
    assert "**Queue** · 1 at work, 2 waiting" in runs.words(app)
    bars = [bar.proto.text for bar in app.get("progress")]
    assert bars[:3] == [
        "500 of 1,500 updates · 100 a second · 10 s left · on cpu",
        "waits until cpu is free, next in turn",
        "waits until cpu is free, number 2 in the queue",
    ]
    assert bars[3] == bars[2]  # of the chosen run
    app.button(key=f"queue.stop.{first.id}").click().run()
    assert jobs.job_of(workspace, first).state == "stopped"
    assert app.get("progress")[-1].proto.text == "waits until cpu is free, next in turn"
    assert jobs.job_of(workspace, at_work).state == "running"


def test_a_job_of_the_run_that_is_shown_anyway_needs_no_queue(workspace, info):
    run = runs.begin(runs.new_run(workspace, info))
    app = open_page("train", run=run.id)
    assert "Queue" not in runs.words(app)
    assert len(app.get("progress")) == 1


def test_what_has_stopped_can_go_on(workspace, info, monkeypatch):
    monkeypatch.setattr(jobs, "_wake", lambda workspace: None)
    run = runs.begin(runs.new_run(workspace, info))
    runs.set_job(run, "stopped", done=500)
    app = open_page("train", run=run.id)
    app.button(key="run.resume").click().run()
    assert not app.exception
    assert jobs.job_of(workspace, run).state == "queued"


def test_a_run_can_be_done_again_with_changes_and_the_labels_of_then(workspace, info, started):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    runs.mark_costliest(workspace, info, n=9)
    app = open_page("train", run=run.id)
    button(app, "Duplicate with changes").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == 64
    assert "**9** non-preferred" in runs.words(app)
    app.toggle(key=f"train.then.{run.id}").set_value(True).run()
    assert "**4** non-preferred" in runs.words(app)
    app.number_input(key="settings.cost.bag_size").set_value(32)
    button(app, "Train").click().run()
    assert not app.exception
    (again,) = started
    assert again.config == run.config.with_values(["cost.bag_size=32"])
    assert again.info.label_snapshot == run.info.label_snapshot


def test_a_run_may_begin_with_the_cost_network_of_an_earlier_one(workspace, info, started):
    parent = runs.finish(runs.new_run(workspace, info, RunConfig()), workspace)
    (parent.folder / "cost.safetensors").write_bytes(b"a network")
    app = open_page("train", run=parent.id)
    app.selectbox(key=f"train.begin.{info.id}").set_value(parent.id).run()
    button(app, "Train").click().run()
    (run,) = started
    assert run.info.warm_start == parent.id
    assert run.warm_file.read_bytes() == b"a network"
    assert f"begins with the cost network of `{parent.id}`" in runs.words(app)
    app.number_input(key="settings.cost.members").set_value(3).run()
    button(app, "Train").click().run()
    assert "members" in app.error[0].value


def test_a_name_that_the_sidebars_box_would_cut_stands_below_it(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("train", run=run.id)
    n = run.info.n_non_preferred
    assert f"{n} non-preferred" in [caption.value for caption in app.sidebar.caption]
    app.text_input(key=f"run.name.{run.id}").set_value("a *long* name for a single run").run()
    assert f"`a *long* name for a single run` · {n} non-preferred" in [caption.value for caption in app.sidebar.caption]


def test_a_name_and_a_note_are_kept_with_who_said_so_and_shown_as_they_are(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("train", run=run.id)
    app.text_input(key="author").set_value("eve").run()
    app.text_input(key=f"run.name.{run.id}").set_value("a *b* :red[c]").run()
    app.text_area(key=f"run.note.{run.id}").set_value("<script>\n**d**").run()
    assert not app.exception
    assert app.subheader[1].value == "Run `a *b* :red[c]`"
    assert app.text[0].value == "<script>\n**d**"
    assert app.selectbox(key="widget.run").options == ["a *b* :red[c]"]
    assert app.dataframe[0].value["name"].tolist() == ["a *b* :red[c]"]
    found = resources.run_notes().of(run.id)
    assert (found.name, found.text, found.author) == ("a *b* :red[c]", "<script>\n**d**", "eve")


def test_event_files_are_offered_only_of_settings_that_can_be_read(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    assert offers(run)["TensorBoard"]
    run.write_json("config.json", {"colour": "red"})
    assert not offers(run)["TensorBoard"]


def test_a_report_is_offered_once_the_costs_are_learned(workspace, info):
    run = runs.begin(runs.new_run(workspace, info))
    assert not offers(run)["Report"]
    assert offers(runs.finish(runs.new_run(workspace, info), workspace))["Report"]


def offers(run):
    """What the page of a run offers to download, and whether it can be."""
    return {it.proto.label: not it.proto.disabled for it in open_page("train", run=run.id).get("download_button")}


def test_a_run_that_has_hardly_begun_is_not_judged(workspace, info):
    run = runs.begin(runs.new_run(workspace, info), done=25, n_rows=3)
    app = open_page("train", run=run.id)
    assert "Too early to say" in runs.words(app)
    assert not app.success


def test_before_the_first_rows_the_page_says_when_curves_begin(workspace, info):
    run = runs.begin(runs.new_run(workspace, info), done=0, n_rows=0)
    app = open_page("train", run=run.id)
    assert "The curves begin" in runs.words(app)
    assert curves(app) is None


def test_a_run_with_settings_of_another_version_still_shows(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    run.write_json("config.json", {"cost": {"colour": "red"}})
    app = open_page("train", run=run.id)
    assert not app.exception
    assert app.error[0].value == "cost.unknown setting 'colour'"
    assert app.dataframe[0].value.iloc[0]["step_auc"] == 0.875


def test_a_collapsed_cost_is_told_and_its_cure_fills_the_form(workspace, info):
    config = RunConfig(cost=CostConfig(bag_size=2, updates=500))
    run = runs.begin(runs.new_run(workspace, info, config), is_collapsed=True)
    app = open_page("train", run=run.id)
    assert not app.success
    assert "The cost has collapsed" in runs.words(app)
    assert "Train again with cost.bag_size=64" in runs.words(app)
    button(app, "Put cost.bag_size=64 into the settings").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == 64
    assert app.number_input(key="settings.cost.updates").value == 500


def test_a_finished_run_tells_its_outcome_and_where_to_look(workspace, info):
    run = runs.evaluate(runs.finish(runs.new_run(workspace, info), workspace))
    app = open_page("train", run=run.id)
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric} == {
        "Step AUC (hidden truth)": "0.88",
        "Rank correlation (hidden truth)": "0.75",
        "Trained in": "1 min 2 s",
    }
    assert {"Where the cost lies", "Who keeps their weight", "Watch the policy"} <= set(runs.links(app))
    assert not [button for button in app.button if button.label == "Stop"]
    row = app.dataframe[0].value.iloc[0]
    assert (row["state"], row["labels"], row["K"], row["step_auc"], row["safe_return"]) == ("done", 4, 64, 0.875, 424.0)


def test_without_true_costs_the_agreement_is_unknown(workspace):
    info = runs.add_dataset(workspace, has_truth=False)
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("train", run=run.id)
    assert [metric.value for metric in app.metric[:2]] == ["unknown", "unknown"]


def test_a_failed_run_says_why_and_shows_the_end_of_its_log(workspace, info):
    run = runs.fail(runs.new_run(workspace, info))
    app = open_page("train", run=run.id)
    assert app.error[0].value == "a loss became NaN; lower the learning rate"
    assert "the end of the log" in app.code[0].value


def test_a_run_whose_process_is_gone_is_lost(workspace, info):
    run = runs.new_run(workspace, info)
    runs.set_job(run, "running", done=1)
    with runs.store(workspace)._database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET born = 'before this boot'")
    app = open_page("train", run=run.id)
    assert app.error[0].value.startswith("its process died without a word")


def test_every_run_is_in_the_table_newest_first(workspace, info):
    runs.finish(runs.new_run(workspace, info), workspace)
    runs.fail(runs.new_run(workspace, info))
    app = open_page("train")
    expected = [job.state for job in jobs.jobs_of(workspace, RunStore(workspace).list(info.id))]
    assert app.dataframe[0].value["state"].tolist() == expected
    assert sorted(expected) == ["done", "failed"]


def test_deleting_asks_first(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("train", run=run.id)
    assert f"removed for good: `{run.id}`" in runs.words(app)
    assert (workspace.runs / run.id).exists()
    button(app, "Delete for good").click().run()
    assert not app.exception
    assert not (workspace.runs / run.id).exists()
