"""Train: settings, a start, a run that lives, one that has ended well or badly, and earlier ones."""

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard.components.settings_form import FIRST
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


def test_nothing_marked_means_no_start_and_a_way_to_label(workspace):
    runs.add_dataset(workspace)
    app = open_page("train")
    assert not app.exception
    assert button(app, "Train").disabled
    assert "Nothing is marked non-preferred yet" in runs.words(app)
    assert "Mark some trajectories" in runs.links(app)


def test_the_form_has_every_setting_with_its_default_and_its_help(workspace, info):
    app = open_page("train")
    shown = {
        widget.key: widget
        for kind in ("number_input", "toggle", "text_input", "button_group")
        for widget in app.get(kind)
    }
    shown |= {widget.key: widget for widget in app.segmented_control}
    assert {f"settings.{name}" for name in setting_names()} <= set(shown)
    assert shown["settings.cost.bag_size"].value == RunConfig().cost.bag_size
    assert shown["settings.cost.bag_size"].help == CostConfig.model_fields["bag_size"].description
    assert (shown["settings.cost.bag_size"].min, shown["settings.cost.bag_size"].max) == (1, 4096)
    assert [shown[f"settings.{name}"].label for name in FIRST][:2] == ["Cost updates", "Bag size K"]


def test_a_start_makes_a_run_of_the_chosen_settings_and_puts_it_into_the_url(workspace, info, started):
    app = open_page("train")
    app.number_input(key="settings.cost.bag_size").set_value(32)
    app.text_input(key="settings.policy.hidden_sizes").set_value("64, 32")
    button(app, "Train").click().run()
    assert not app.exception
    (run,) = started
    assert run.config.cost.bag_size == 32
    assert run.config.policy.hidden_sizes == (64, 32)
    assert run.info.n_non_preferred == 4
    assert app.query_params["run"] == run.id
    assert f"Run `{run.id}`" in app.subheader[1].value


def test_a_senseless_setting_is_refused_in_one_sentence(workspace, info, started):
    app = open_page("train")
    app.number_input(key="settings.weights.beta").set_value(0.0).run()
    assert not app.exception
    assert app.error[0].value == "weights.beta must be greater than 0, got 0.0"
    assert button(app, "Train").disabled
    app.number_input(key="settings.weights.beta").set_value(1.0)
    app.text_input(key="settings.cost.hidden_sizes").set_value("wide").run()
    assert app.error[0].value == "cost.hidden_sizes must be widths like 256, 256, got 'wide'"


def test_the_papers_values_and_our_defaults_are_one_click_away(workspace, info):
    app = open_page("train")
    app.number_input(key="settings.cost.bag_size").set_value(7).run()
    button(app, "The paper's values").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == RunConfig.paper().cost.bag_size
    app.number_input(key="settings.cost.bag_size").set_value(7).run()
    button(app, "Our defaults").click().run()
    assert app.number_input(key="settings.cost.bag_size").value == RunConfig().cost.bag_size


def test_a_living_run_shows_how_far_it_is_and_can_be_stopped(workspace, info, monkeypatch):
    run = runs.begin(runs.new_run(workspace, info))
    stopped = []
    monkeypatch.setattr(jobs, "stop", lambda workspace, run: stopped.append(run.id))
    app = open_page("train", run=run.id)
    assert not app.exception
    assert "500 of 1,500 updates" in app.get("progress")[0].proto.text
    assert len(app.get("vega_lite_chart")) == 4
    assert "Healthy" in app.success[0].value
    assert button(app, "Delete").disabled
    button(app, "Stop").click().run()
    assert stopped == [run.id]


def test_a_run_that_has_hardly_begun_is_not_judged(workspace, info):
    run = runs.begin(runs.new_run(workspace, info), done=25, n_rows=3)
    app = open_page("train", run=run.id)
    assert "Too early to say" in runs.words(app)
    assert not app.success


def test_before_the_first_rows_the_page_says_when_curves_begin(workspace, info):
    run = runs.begin(runs.new_run(workspace, info), done=0, n_rows=0)
    app = open_page("train", run=run.id)
    assert "The curves begin" in runs.words(app)
    assert not app.get("vega_lite_chart")


def test_a_run_with_settings_of_another_version_still_shows(workspace, info):
    run = runs.finish(runs.new_run(workspace, info), workspace)
    run.write_json("config.json", {"cost": {"colour": "red"}})
    app = open_page("train", run=run.id)
    assert not app.exception
    assert app.error[0].value == "cost.unknown setting 'colour'"
    assert app.dataframe[0].value.iloc[0]["auc"] == 0.875


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
        "Trajectory Spearman (hidden truth)": "0.75",
        "Trained in": "1 min 2 s",
    }
    assert {"Where the cost lies", "Who keeps their weight", "Watch the policy"} <= set(runs.links(app))
    assert not [button for button in app.button if button.label == "Stop"]
    row = app.dataframe[0].value.iloc[0]
    assert (row["state"], row["labels"], row["K"], row["auc"], row["return"]) == ("done", 4, 64, 0.875, 424.0)


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
    button(app, "Delete").click().run()
    assert f"`{run.id}`" in runs.words(app)
    assert (workspace.runs / run.id).exists()
    confirm = [button for button in app.button if button.label == "Delete"][-1]
    confirm.click().run()
    assert not app.exception
    assert not (workspace.runs / run.id).exists()
