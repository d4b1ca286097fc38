"""The evaluation of a run: which policies play, what is kept of it, and what it costs the second time."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from factories import CAR, CAR_SIZES, add_dataset, dsrl_arrays, new_run, save_untrained

from safemil_core.errors import NotFound, NotReady
from safemil_core.learning.networks import Sizes
from safemil_core.running import evaluation_stage
from safemil_core.running.evaluation_stage import evaluate_run
from safemil_core.running.rollout_records import read_rollouts


@pytest.fixture
def run(workspace):
    # One trajectory is very long, so that films have few frames.
    add_dataset(workspace, "cars", dsrl_arrays((4, 4, 6_000), *CAR_SIZES), env_id=CAR)
    return with_networks(new_run(workspace, "cars", marked=(0,)))


def with_networks(run):
    save_untrained(run.folder, Sizes(*CAR_SIZES))
    return run


def test_another_run_plays_beside_both_policies_and_is_compared_with(workspace, run):
    other, told = with_networks(new_run(workspace, "cars", marked=(0,), config=run.config.with_values(["seed=9"]))), []
    other.write_json("run.json", {**vars(other.info), "label_snapshot": run.info.label_snapshot})  # of the same labels
    report = evaluate_run(workspace, run, 1, n_videos=1, beside=[other], cost_limit=7.0, on_progress=told.append)
    assert list(report["policies"]) == ["safe", "bc", other.id]
    assert [each["against"] for each in report["comparisons"]] == ["bc", other.id]
    (seeds,) = report["seeds"]
    assert seeds["policies"] == ["safe", other.id]
    assert seeds["return"]["mean"] == pytest.approx(
        np.mean([report["policies"][name]["return"]["mean"] for name in seeds["policies"]])
    )
    assert report["cost_limit"] == {"limit": 7.0, "why": "as you chose"}
    for policy, metrics in report["policies"].items():
        (episode,) = metrics["episodes"]
        assert episode["seed"] == 1_000
        assert metrics["satisfaction"]["mean"] == (episode["cost"] <= 7)
        assert episode["reach"] > 0
        assert len(read_rollouts(run.rollouts(policy))) == 1
        assert run.film(policy, 0).read_bytes()[4:8] == b"ftyp"
    assert (told[0].done, told[-1].done, told[-1].state) == (0, 3, "done")

    kept = {path: path.stat().st_mtime_ns for path in (workspace.root / "episodes").rglob("*.*")}
    again = evaluate_run(workspace, run, 1, n_videos=1, cost_limit=7.0)
    assert again["policies"]["safe"] == report["policies"]["safe"]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # no episode was played again, none rendered
    assert run.films() == [run.film("bc", 0), run.film("safe", 0)]  # nothing is left of who does not play any more
    assert run.all_rollouts() == [run.rollouts("bc"), run.rollouts("safe")]


def test_runs_of_other_labels_are_no_seeds_of_one_training(workspace, run):
    other = with_networks(new_run(workspace, "cars", marked=(1,), config=run.config.with_values(["seed=9"])))
    assert other.info.label_snapshot != run.info.label_snapshot
    assert evaluate_run(workspace, run, 1, beside=[other])["seeds"] == []


def test_an_evaluation_that_is_cut_off_as_it_replaces_the_one_before_leaves_none(workspace, run, monkeypatch):
    evaluate_run(workspace, run, 1)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(evaluation_stage, "write_rollouts", lambda *_: sys.exit("stopped"))
        with pytest.raises(SystemExit):
            evaluate_run(workspace, run, 2)
    assert run.evaluation == {}
    assert evaluate_run(workspace, run, 2) == run.evaluation != {}


def test_what_other_policies_did_is_no_evaluation_of_the_run(workspace, run):
    evaluate_run(workspace, run, 1)
    assert run.evaluation != {}
    run.model("bc").touch()  # cloned anew since
    assert run.evaluation == {}


def test_what_is_trained_on_while_it_plays_is_not_evaluated(workspace, run):
    def train_on(progress):
        if progress.done == 1:
            run.model("safe").write_bytes(run.model("bc").read_bytes())

    with pytest.raises(NotReady, match="a run was trained on or deleted while its policies played; evaluate again"):
        evaluate_run(workspace, run, 1, on_progress=train_on)
    assert run.evaluation == {}


def test_only_runs_of_several_seeds_are_summed_up_over_their_seeds(workspace, run):
    like = {"label_snapshot": run.info.label_snapshot}
    warm = with_networks(new_run(workspace, "cars", marked=(0,), config=run.config.with_values(["seed=9"])))
    warm.write_json("run.json", {**vars(warm.info), **like, "warm_start": run.id})
    twin = with_networks(new_run(workspace, "cars", marked=(0,), config=run.config))
    twin.write_json("run.json", {**vars(twin.info), **like})
    assert evaluate_run(workspace, run, 1, beside=[warm, twin])["seeds"] == []


def test_a_run_of_another_dataset_cannot_play_beside(workspace, run):
    add_dataset(workspace)
    with pytest.raises(NotFound, match="is not the one that run"):
        evaluate_run(workspace, run, 1, beside=[new_run(workspace)])
