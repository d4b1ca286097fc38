"""The doctor: findings in order of harm, each with its figure, cause and cure, and whether the cure helped."""

from __future__ import annotations

import pytest
import run_fixtures as runs
from run_fixtures import open_page

from safemil_core.assessment.doctor.causes import CAUSES
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.running import jobs, tasks
from safemil_core.running.corrections import Correction, corrections_of
from safemil_core.running.doctor_results import write_findings
from safemil_core.running.runs import RunStore

SMALL_BAGS = Finding(
    cause="bag_size",
    symptom="collapse",
    title="The bags are too small",
    evidence="a bag of 1 outscores another 70% of the time",
    why="an unlabelled bag often holds no safe trajectory",
    cure="Larger bags",
    harm=0.9,
    settings=("cost.bag_size=64",),
    figure=Evidence("bars", "bag", "share", (Series("right", ("1", "64"), (0.7, 0.99), "learned cost"),), 0.5),
)
CONTRADICTIONS = Finding(
    cause="contradictions",
    symptom="labels",
    title="Labels contradict one another",
    evidence="2 pairs",
    why="people differ",
    cure="Settle them on the Audit page.",
    harm=0.3,
    trajectories=(20, 21, 3),
)
ODD_NAMES = Finding(
    cause="constant_dimensions",
    symptom="dataset",
    title="Some inputs never vary",
    evidence="1 of 6 inputs is constant: [x](http://x.org)",
    why="values of $a$ are padding",
    cure="Give :red[b] other values.",
    harm=0.5,
)
"""The columns of a file may have any name."""
RETURNS = Finding("overlap_with_return", "immobile", "Marks name what earns", "80%", "", "", 0.2)


@pytest.fixture
def ill(run):
    write_findings(run, [SMALL_BAGS, CONTRADICTIONS])
    return run


@pytest.fixture
def still_queued(monkeypatch):
    monkeypatch.setattr(jobs, "_wake", lambda *_: None)


def test_a_run_that_was_not_examined_offers_to(workspace, info, run):
    run.findings_file.unlink()
    app = open_page("doctor", run=run.id)
    assert not app.exception
    assert "has not been examined yet" in app.info[0].value
    assert app.button(key="doctor.examine").label == "Examine"


def test_a_healthy_run_says_so_and_what_was_looked_at(workspace, info, run):
    write_findings(run, [])
    app = open_page("doctor", run=run.id)
    assert not app.exception
    assert "Nothing was found" in app.success[0].value
    assert app.expander[0].label == f"What was looked at: {len(CAUSES) - 1} of {len(CAUSES) - 1} checks passed"
    assert all(words in runs.words(app) for words in CAUSES.values())
    assert "a policy that hardly moves (after rollouts)" in runs.words(app)
    assert "spread of c **0." in runs.words(app)


@pytest.mark.parametrize("page", ["doctor", "train"])
def test_the_names_of_columns_in_a_finding_are_text(workspace, info, run, page):
    write_findings(run, [ODD_NAMES])
    app = open_page(page, run=run.id)
    assert not app.exception
    for text in (r"\[x\](http://x.org)", r"values of \$a\$ are padding", r"Give \:red\[b\] other values."):
        assert text.lower() in runs.words(app).lower()


def test_findings_stand_in_order_of_harm_with_evidence_cause_cure_and_figure(workspace, info, ill):
    app = open_page("doctor", run=ill.id)
    assert not app.exception
    said = runs.words(app)
    assert said.index("1. The bags are too small") < said.index("2. Labels contradict one another")
    for words in (
        "A bag of 1 outscores another 70% of the time.",
        "An unlabelled bag often",
        "Larger bags. `cost.bag_size=64`",
    ):
        assert words in said
    (bars,) = runs.figure(app, "doctor.figure.bag_size")["data"]
    assert bars["x"] == ["1", "64"]
    assert "Audit the labels" in runs.links(app)
    assert app.expander[-1].label.endswith(f"{len(CAUSES) - 3} of {len(CAUSES) - 1} checks passed")


def test_the_button_queues_the_corrected_run_and_the_card_watches_it(workspace, info, ill, still_queued):
    app = open_page("doctor", run=ill.id)
    app.button(key=f"doctor.start.{ill.id}.bag_size").click().run()
    assert not app.exception
    corrected = corrections_of(ill, RunStore(workspace).list())["bag_size"]
    assert corrected.config == ill.config.with_values(["cost.bag_size=64"])
    assert "Corrected run" in runs.words(app)
    assert app.button(key=f"doctor.start.{ill.id}.contradictions").disabled  # no label has changed


def test_once_it_has_ended_both_pages_say_whether_it_helped(workspace, info, ill):
    answers = str(Correction(ill.id, "bag_size"))
    config = ill.config.with_values(["cost.bag_size=64"])
    corrected = RunStore(workspace).create(
        info, runs.store(workspace).labels(info.name), config, author="ann", answers=answers
    )
    runs.finish(corrected, workspace)
    write_findings(corrected, [CONTRADICTIONS])
    for page in (ill, corrected):
        app = open_page("doctor", run=page.id)
        assert not app.exception
        assert app.success[0].value == "It helped: this is gone. What is left: Labels contradict one another."
        (numbers,) = [frame.value for frame in app.dataframe if "before" in frame.value.columns]
        assert numbers.set_index("number").loc["spread of c"].notna().all()
        assert "step AUC (hidden truth)" in set(numbers["number"])


def test_whether_a_policy_moves_is_not_told_before_it_is_rolled_out(workspace, info, run, monkeypatch):
    immobile = Finding("immobile_policy", "immobile", "It hardly moves", "", "", "", 0.9, ("weights.scheme=step",))
    write_findings(run, [immobile])
    answers = str(Correction(run.id, "immobile_policy"))
    labels = runs.store(workspace).labels(info.name)
    corrected = RunStore(workspace).create(info, labels, run.config, author="ann", answers=answers)
    runs.finish(corrected, workspace)
    asked = []
    monkeypatch.setattr(tasks, "start_evaluation", lambda workspace, run, *numbers: asked.append((run.id, *numbers)))
    app = open_page("doctor", run=run.id)
    assert "It helped" not in "".join(success.value for success in app.success)
    app.button(key=f"doctor.roll.{corrected.id}").click().run()
    assert not app.exception
    assert asked == [(corrected.id, 5, 0)]
    runs.evaluate(corrected)
    app = open_page("doctor", run=run.id)
    assert app.success[0].value == "It helped: this is gone, and the corrected run is healthy."
    (numbers,) = [frame.value for frame in app.dataframe if "before" in frame.value.columns]
    assert numbers.set_index("number").loc["return of the safe policy", "after"] > 400


def test_trajectories_of_a_finding_lead_on_to_the_label_page(workspace, info, ill):
    app = open_page("doctor", run=ill.id)
    app.button(key="doctor.select.contradictions").click().run()
    assert not app.exception
    assert app.title[0].value == "Label"
    assert "3 trajectories selected" in runs.words(app)


def test_every_page_of_the_run_has_the_banner(workspace, info, ill):
    runs.evaluate(ill)
    for page in ("train", "costs", "weights", "rollouts"):
        app = open_page(page, run=ill.id)
        assert not app.exception
        assert "**The bags are too small** · and 1 more" in runs.words(app)
        assert "Doctor" in runs.links(app)


def test_while_it_trains_the_metrics_tell_and_it_can_be_corrected_already(workspace, info):
    live = runs.begin(runs.new_run(workspace, info), is_collapsed=True)
    app = open_page("train", run=live.id)
    assert not app.exception
    assert "1 found so far" in runs.words(app)
    app = open_page("doctor", run=live.id)
    assert not app.exception
    assert "1. The cost has collapsed" in runs.words(app)
    assert app.button(key="doctor.examine").disabled


def test_the_table_of_runs_says_what_the_doctor_found(workspace, info, ill):
    runs.finish(runs.new_run(workspace, info), workspace)
    app = open_page("compare")
    assert not app.exception
    assert set(app.dataframe[0].value["doctor"].dropna()) == {"The bags are too small (+1)", "healthy"}


def test_what_only_returns_tell_of_is_hidden_with_the_truth(workspace, info, run):
    write_findings(run, [RETURNS])
    assert "Marks name what earns" in runs.words(open_page("doctor", run=run.id))
    app = open_page("doctor", run=run.id)
    app.toggle(key=truth_key(app)).set_value(True).run()
    assert not app.exception
    assert "Marks name what earns" not in runs.words(app)


def truth_key(app):
    (key,) = [toggle.key for toggle in app.toggle if "truth" in str(toggle.label)]
    return key
