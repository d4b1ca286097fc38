"""Runs that are to cure what was found of another."""

from __future__ import annotations

import json

import pytest
from factories import add_dataset, new_run, store_of

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.signs import RECENT_ROWS
from safemil_core.running import jobs
from safemil_core.running.corrections import Correction, corrections_of, key_numbers, start_correction
from safemil_core.running.runs import RunStore

FINDING = Finding("bag_size", "collapse", "It has collapsed", "", "", "", 0.9, settings=("cost.bag_size=64",))
ABOUT_LABELS = Finding("contradictions", "labels", "Labels contradict", "", "", "", 0.5)


@pytest.fixture
def run(workspace, monkeypatch):
    monkeypatch.setattr(jobs, "_wake", lambda *_: None)  # it is to stay queued
    add_dataset(workspace)
    return new_run(workspace)


def start(workspace, run, finding):
    dataset = store_of(workspace).info("walks")
    return start_correction(workspace, run, finding, dataset, store_of(workspace).labels("walks"), author="bob")


def test_a_cure_that_is_a_setting_changes_that_alone(workspace, run):
    store_of(workspace).labels("walks").mark([9], "non_preferred", author="ann")
    corrected = start(workspace, run, FINDING)
    assert corrected.config == run.config.with_values(["cost.bag_size=64"])
    assert (corrected.info.label_snapshot, corrected.info.author) == (run.info.label_snapshot, "bob")
    assert Correction.of(corrected) == Correction(run.id, "bag_size")
    assert Correction.of(run) is None
    assert jobs.job_of(workspace, corrected).state == "queued"


def test_where_the_cure_is_another_labelling_the_labels_of_now_are_taken(workspace, run):
    labels = store_of(workspace).labels("walks")
    labels.mark([9], "non_preferred", author="ann")
    corrected = start(workspace, run, ABOUT_LABELS)
    assert corrected.config == run.config
    assert corrected.info.label_snapshot == labels.latest() != run.info.label_snapshot


def test_the_latest_correction_of_each_cause_is_found(workspace, run):
    start(workspace, run, FINDING)
    labelled = start(workspace, run, ABOUT_LABELS)
    runs = RunStore(workspace).list()
    assert corrections_of(run, runs)["contradictions"].id == labelled.id
    assert set(corrections_of(run, runs)) == {"bag_size", "contradictions"}
    assert corrections_of(labelled, runs) == {}


def test_runs_of_earlier_versions_answer_nothing(run):
    values = json.loads((run.folder / "run.json").read_text())
    del values["answers"]
    run.write_json("run.json", values)
    assert run.info.answers is None


def test_the_key_numbers_are_means_of_the_last_rows(run):
    assert key_numbers(run) == {}
    for update in range(10):
        run.append_metrics(
            {
                "update": update,
                "seconds": update,
                "cost_loss": float(update),
                "cost_spread": 0.25,
                "effective_trajectories": update,
            }
        )
    run.append_metrics({"update": 11, "seconds": 11, "policy_loss": 1.0})
    # Of 0 to 9 the mean of the last RECENT_ROWS, and the last itself.
    logged = {"cost_loss": 9 - (RECENT_ROWS - 1) / 2, "cost_spread": 0.25, "effective_trajectories": 9.0}
    assert key_numbers(run) == logged
    episodes = [{"reach": reach, "return": 10.0, "cost": 0.0} for reach in (0.5, 1.0)]
    run.write_json("evaluation/evaluation.json", {"policies": {"safe": {"episodes": episodes}}})
    assert key_numbers(run) == {**logged, "safe_reach": 0.75, "safe_return": 10.0, "safe_cost": 0.0}
