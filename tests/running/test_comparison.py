"""Runs side by side, on values worked out by hand."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from factories import TINY, add_dataset, new_run

from safemil_core.running.comparison import (
    Compared,
    best,
    configurations,
    curve,
    differences,
    final_values,
    results,
    smoothed,
)
from safemil_core.running.job_store import Job
from safemil_core.running.run_notes import RunNote

METRICS = pd.DataFrame(
    {
        "update": [1.0, 2, 3, 4],
        "seconds": [0.5, 1.0, 1.5, 2.0],
        "cost_loss": [0.75, 0.5, np.nan, np.nan],  # the cost is learned, the policy goes on
        "score_non_preferred": [0.5, 0.75, np.nan, np.nan],
        "score_unlabelled": [0.5, 0.25, np.nan, np.nan],
        "policy_loss": [np.nan, np.nan, 3.0, 1.0],
    }
)

FIRST = {"updates": 500.0, "seconds": 10.0, "gap": 0.5}


def job(**values):
    nothing = dict.fromkeys(("queued_at", "started_at", "updated_at", "ended_at", "rate"), 0.0)
    texts = {
        "subject": "",
        "author": "ann",
        "asked": "auto",
        "device": "cpu",
        "born": "",
        "message": "",
    }
    return Job(
        **{**nothing, **texts, "id": 1, "state": "done", "attempt": 1, "pid": 0, "done": 0, "total": 0, **values}
    )


@pytest.fixture
def two(workspace):
    """A run that is evaluated, and one that still trains, with other settings and labels."""
    add_dataset(workspace)
    first = new_run(workspace)
    first.write_json("outcome.json", {"step_auc": 0.75, "trajectory_spearman": 0.5, "seconds": 10.0})
    safe = {"return": {"mean": 400.0}, "cost": {"mean": 2.5}}
    first.write_json("evaluation/evaluation.json", {"policies": {"safe": safe}})
    second = new_run(workspace, marked=(9,), config=TINY.with_values(["cost.hidden_sizes=[8, 4]", "normalise=false"]))
    return [
        Compared(first, job(), RunNote("base", "as *before*"), FIRST),
        Compared(second, job(state="running"), RunNote(), {"updates": 100.0, "seconds": 4.0, "gap": 0.25}),
    ]


def test_a_curve_is_what_was_logged_and_the_gap_is_that_of_the_bag_scores():
    assert curve(METRICS, "cost_loss").to_dict() == {1.0: 0.75, 2.0: 0.5}
    assert curve(METRICS, "gap").to_dict() == {1.0: 0.0, 2.0: 0.5}
    assert curve(METRICS, "policy_loss", over="seconds").to_dict() == {1.5: 3.0, 2.0: 1.0}
    assert curve(METRICS, "cost_spread").empty
    assert curve(pd.DataFrame(), "gap").empty


def test_a_final_value_is_the_mean_of_the_last_eight_logged():
    assert final_values(METRICS) == {"updates": 4, "seconds": 2, "cost_loss": 0.625, "gap": 0.25, "policy_loss": 2.0}
    losses = [100.0] * 12 + [1, 2, 3, 4, 5, 6, 7, 8]
    longer = pd.DataFrame({"update": range(20), "seconds": range(20), "cost_loss": losses})
    assert final_values(longer) == {"updates": 19, "seconds": 19, "cost_loss": 4.5}
    assert final_values(pd.DataFrame()) == {}


def test_smoothing_is_an_exponential_mean_that_begins_without_bias():
    values = pd.Series([0.0, 1.0, 1.0])
    assert smoothed(values, 0.0).tolist() == [0, 1, 1]
    # weights 1, 1/2, 1/4 of the latest, the one before, the one before that
    np.testing.assert_allclose(smoothed(values, 0.5), [0, 1 / 1.5, 1.5 / 1.75])


def test_results_tell_of_each_run_what_is_known(two):
    table = results(two)
    assert table.index.tolist() == [it.run.id for it in two]
    first, second = table.to_dict("records")
    assert (first["name"], first["note"], first["author"], first["state"]) == ("base", "as *before*", "ann", "done")
    assert abs((datetime.now(UTC) - first["created"]).total_seconds()) < 60
    names = ["step_auc", "trajectory_spearman", "gap", "safe_return", "safe_cost", "seconds", "updates", "rate"]
    assert [first[name] for name in names] == [0.75, 0.5, 0.5, 400.0, 2.5, 10.0, 500, 50.0]
    assert [second[name] for name in ("gap", "seconds", "updates", "rate")] == [0.25, 4.0, 100, 25.0]
    assert table[["step_auc", "safe_return", "cost_loss"]].loc[two[1].run.id].isna().all()


def test_the_best_is_marked_only_where_runs_differ():
    table = pd.DataFrame(
        {
            "step_auc": [0.5, 0.75, 0.75],
            "trajectory_spearman": [0.5, None, None],
            "cost_loss": [0.25, 0.5, None],
            "gap": [0.5, 0.5, 0.5],
            "policy_loss": [None, None, None],
            "safe_return": [1.0, 2.0, 3.0],
            "safe_cost": [0.0, 0.5, 1.0],
            "seconds": [3.0, 2.0, 1.0],
            "rate": [1.0, 2.0, 3.0],
        },
        index=["a", "b", "c"],
    )
    assert best(table) == {
        "step_auc": ["b", "c"],
        "cost_loss": ["a"],
        "safe_return": ["c"],
        "safe_cost": ["a"],
        "seconds": ["c"],
        "rate": ["c"],
    }


def test_differences_are_the_settings_and_facts_in_which_runs_are_not_alike(two):
    first, second = (it.run.id for it in two)
    everything = configurations(two)
    assert everything.columns.tolist() == [first, second]
    assert everything.loc["cost.bag_size"].tolist() == [str(TINY.cost.bag_size)] * 2
    assert everything.loc["dataset", first].startswith("walks (")
    differing = differences(everything)
    assert differing.index.tolist() == ["labels", "cost.hidden_sizes", "normalise"]
    assert differing.loc["cost.hidden_sizes", second] == "8, 4"
    assert differing.loc["normalise"].tolist() == ["on", "off"]
    assert differing.loc["labels"].str.extract(r"(\d+) non-preferred")[0].tolist() == ["4", "5"]


def test_versions_and_device_count_as_differences_once_they_are_known(two):
    first, second = two
    about = {**vars(first.run.info), "versions": {"torch": "2.13.0"}, "device": "cuda:0"}
    first.run.write_json("run.json", about)
    second.run.write_json("run.json", {**vars(second.run.info), "versions": {"torch": "2.14.0"}, "device": "cuda:0"})
    differing = differences(configurations(two))
    assert differing.loc["version of torch"].tolist() == ["2.13.0", "2.14.0"]
    assert "device" not in differing.index


def test_settings_of_another_version_are_a_blank_and_the_rest_still_compares(two):
    two[1].run.write_json("config.json", {"colour": "red"})
    table = configurations(two)
    assert table.loc["cost.bag_size"].tolist() == [str(TINY.cost.bag_size), "—"]
    assert table.loc["dataset"].nunique() == 1
