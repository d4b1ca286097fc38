"""Compare: which runs are chosen, their results, curves, differences, names and notes."""

import json

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from dashboard import resources
from safemil_core.running.runs import RunStore


@pytest.fixture
def three(workspace, info):
    """Runs oldest first: done and evaluated; done with other settings; still training."""
    labels = runs.store(workspace).labels(info.name)

    def made(*changes):
        return RunStore(workspace).create(info, labels, runs.CONFIG.with_values(changes), author="ann")

    first = runs.evaluate(runs.finish(made(), workspace))
    second = runs.finish(made("cost.bag_size=16", "seed=9"), workspace)
    second.write_json("outcome.json", {**second.outcome, "step_auc": 0.5})
    third = runs.begin(made("seed=9"), n_rows=4)
    resources.run_notes().write(first.id, author="ann", name="base", note="the first")
    return sorted([first, second, third], key=lambda run: run.id)


def page_of(*chosen):
    return open_page("compare", runs=",".join(run.id for run in chosen))


def by_settings(three):
    """The first, second and third run as they were made: ids of one second are in no order."""
    return sorted(three, key=lambda run: (run.config.seed, run.config.cost.bag_size != 16))


def results(app):
    return app.dataframe[0].value


def panel(app):
    (found,) = [json.loads(it.proto.json) for it in app.get("bidi_component") if "panels" in it.proto.json]
    return found["panels"][0]


@pytest.mark.parametrize(("n_runs", "words"), [(0, "No run has been trained"), (1, "Only one run has been trained")])
def test_with_nothing_to_compare_the_page_says_what_to_do(workspace, info, n_runs, words):
    for _ in range(n_runs):
        runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("compare")
    assert words in runs.words(app)
    assert any(link.startswith("Train") for link in runs.links(app))
    assert not app.dataframe


def test_until_somebody_chooses_the_newest_ten_are_compared(workspace, info):
    for seed in range(12):
        runs.finish(runs.new_run(workspace, info, runs.CONFIG.with_values([f"seed={seed}"])), workspace)
    app = open_page("compare")
    assert not app.exception
    assert len(results(app)) == 12
    assert "**10** of 12 runs ticked" in runs.words(app)
    ids = [run.id for run in RunStore(workspace).list(info.id)]
    assert app.session_state[f"compare.table.12.{ids[0]}.{ids[-1]}"]["selection"]["rows"] == list(range(10))
    app.toggle(key="compare.short").set_value(True).run()
    assert results(app).index.tolist() == ids[:10]
    assert len({(curve["colour"], str(curve["dash"])) for curve in panel(app)["curves"]}) == 10


def test_every_run_has_its_results_and_the_best_of_the_chosen_is_starred(three):
    first, second, third = by_settings(three)
    app = page_of(first, second)
    assert not app.exception
    table = results(app)
    assert table.index.tolist() == [run.id for run in reversed(three)]
    row = table.loc[first.id]
    assert [row[name] for name in ("name", "state", "step_auc", "safe_return", "note")] == [
        "base", "done", 0.875, 424.0, "the first",
    ]  # fmt: skip
    assert table.loc[third.id, "state"] == "running"
    styler = app.dataframe[0].proto.arrow_data.styler.display_values
    assert b"0.875" in styler
    assert "★ 0.875".encode() in styler
    assert "★ 0.500".encode() not in styler


def test_curves_of_the_chosen_lie_over_one_another_in_colours_that_stay(three):
    first, second, third = by_settings(three)
    both = {curve["name"]: curve["colour"] for curve in panel(page_of(first, second))["curves"]}
    assert len(set(both.values())) == 2
    others = {curve["name"]: curve["colour"] for curve in panel(page_of(first, third))["curves"]}
    assert others["base"] == both["base"]
    app = page_of(first, second)
    app.segmented_control(key="compare.curve").set_value("gap").run()
    assert panel(app)["title"] == "gap of bag scores"
    app.segmented_control(key="compare.over").set_value("seconds").run()
    assert panel(app)["xName"] == "seconds"
    app.slider(key="compare.smoothing").set_value(0.9).run()
    assert not app.exception


def test_only_what_differs_is_shown_until_everything_is_asked_for(three):
    first, second, _ = by_settings(three)
    app = page_of(first, second)
    table = app.dataframe[1].value
    assert table.index.tolist() == ["", "cost.bag_size", "seed"]
    assert table["base"].tolist()[1:] == ["64", "3"]
    app.toggle(key="compare.differences").set_value(False).run()
    everything = app.dataframe[1].value
    assert {"dataset", "labels", "cost.window", "machine"} <= set(everything.index)
    assert len(everything) > 30


def test_runs_that_are_the_same_differ_in_nothing(workspace, info):
    labels = runs.store(workspace).labels(info.name)
    for _ in range(2):
        runs.finish(RunStore(workspace).create(info, labels, runs.CONFIG, author="ann"), workspace)
    app = open_page("compare")
    assert app.info[0].value.startswith("Nothing differs")


def test_less_than_two_ticks_ask_for_more(three):
    app = page_of(three[0])
    assert app.info[0].value.startswith("Tick two runs or more")
    assert len(app.dataframe) == 1


def test_a_link_with_runs_that_are_gone_shows_the_others(three):
    first, second, _ = by_settings(three)
    app = open_page("compare", runs=f"nothing,{first.id},{second.id},<b>")
    assert not app.exception
    assert len(panel(app)["curves"]) == 2


def test_names_and_notes_are_changed_where_the_runs_are_compared(three):
    first, second, _ = by_settings(three)
    app = page_of(first, second)
    app.text_input(key=f"run.name.{second.id}").set_value("small *bags*").run()
    app.text_area(key=f"run.note.{second.id}").set_value("too small").run()
    assert not app.exception
    assert (results(app).loc[second.id, "name"], results(app).loc[second.id, "note"]) == ("small *bags*", "too small")
    assert "small *bags*" in [curve["name"] for curve in panel(app)["curves"]]
    assert resources.run_notes().of(first.id).text == "the first"


def test_two_runs_of_one_name_are_told_apart(three):
    first, second, _ = by_settings(three)
    resources.run_notes().write(second.id, author="bob", name="base")
    names = [curve["name"] for curve in panel(page_of(first, second))["curves"]]
    assert sorted(names) == sorted([f"base ({first.id[-6:]})", f"base ({second.id[-6:]})"])


def test_settings_of_another_version_still_compare(three):
    first, second, _ = by_settings(three)
    second.write_json("config.json", {"colour": "red"})
    app = page_of(first, second)
    assert not app.exception
    assert "cost.bag_size" in app.dataframe[1].value.index
