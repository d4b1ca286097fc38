"""The Weights page beyond its live weights: what if, bags, enough labels."""

import base64

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import open_page, words

from dashboard.components import what_if, what_if_edits
from safemil_core.running import tasks
from safemil_core.running.what_ifs import Request, WhatIfs

MARKED = runs.N - 1
"""A trajectory that is marked non-preferred."""


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def numbers(values):
    """Of an array as Plotly sends it."""
    return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]) if "bdata" in values else values


def button(app, label):
    (found,) = [button for button in app.button if button.label == label]
    return found


def add(app, numbers, label="none"):
    app.text_input(key=what_if_edits.NUMBERS).set_value(numbers)
    app.segmented_control(key=what_if_edits.LABEL).set_value(label)
    return button(app, "Add").click().run()


@pytest.fixture
def started(monkeypatch):
    """What was asked for; no process begins."""
    asked = []
    monkeypatch.setattr(what_if, "start_what_if", lambda workspace, run, request: asked.append((run.id, request)))
    return asked


def test_edits_are_put_together_and_can_be_cleared(workspace, info, run):
    app = open_page("weights", run=run.id, section="what_if")
    assert not app.exception
    assert button(app, "Refit").disabled
    add(app, f"{MARKED},0")
    assert f"**1 label would change:** {MARKED} from non-preferred to unlabelled" in words(app)  # 0 has no label anyway
    add(app, "0-2", "preferred")
    assert "0, 1, 2 from unlabelled to preferred" in words(app)
    assert not button(app, "Refit").disabled
    button(app, "Clear").click().run()
    assert "would change" not in words(app)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ("99", "There is no trajectory 99; they are 0 to 23."),
        ("x", "'x' is not a trajectory number or range; write them like 3,17,40-60"),
        ("", "No trajectory is named; write numbers like 3,17,40-60."),
    ],
)
def test_numbers_that_make_no_sense_are_answered_in_a_sentence(workspace, info, run, numbers, sentence):
    app = add(open_page("weights", run=run.id, section="what_if"), numbers)
    assert not app.exception
    assert [toast.value for toast in app.toast] == [sentence]


def test_the_trajectory_in_view_can_be_taken(workspace, info, run):
    app = open_page("weights", run=run.id, section="what_if", trajectory=MARKED)
    button(app, f"Add trajectory {MARKED}, which is in view").click().run()
    assert f"{MARKED} from non-preferred to unlabelled" in words(app)


def test_refits_begin_with_the_edits_and_who_asked(workspace, info, run, started):
    app = add(open_page("weights", run=run.id, section="what_if"), str(MARKED))
    app.segmented_control(key="what_if.seeds").set_value(3)
    app.segmented_control(key="what_if.start").set_value("network")
    button(app, "Refit").click().run()
    ((run_id, request),) = started
    assert run_id == run.id
    assert (dict(request.edits), request.n_seeds, request.start) == ({MARKED: "none"}, 3, "network")


def test_the_preview_has_to_be_prepared_once(workspace, info, run, started):
    app = add(open_page("weights", run=run.id, section="what_if"), str(MARKED))
    button(app, "Prepare the preview").click().run()
    assert [request for _, request in started] == [Request({}, 1, "seed", started[0][1].author)]


def test_the_preview_shows_at_once_with_how_far_it_can_be_trusted(workspace, info, run):
    runs.answer_what_if(run, {MARKED: "none"})
    app = add(open_page("weights", run=run.id, section="what_if"), "20")
    assert not app.exception
    chart = runs.figure(app, "what_if.preview")
    strength = np.concatenate([numbers(trace["y"]) for trace in chart["data"]])
    assert len(strength) == runs.N
    assert np.abs(strength).max() == pytest.approx(1)
    (rho,) = WhatIfs(run).agreements().values()
    assert f"with 1 real refit of this run so far: median {rho:.2f}" in words(app)


def test_what_came_of_it_stands_beside_the_noise(workspace, info, run):
    runs.answer_what_if(run, {MARKED: "none", 0: "preferred"})
    app = open_page("weights", run=run.id, section="what_if")
    assert not app.exception
    assert metrics(app)["Costs changed beyond the noise"] == str(runs.N)
    movers = app.dataframe[0].value
    assert len(movers) == runs.N
    assert movers["trajectory"].iloc[0] == MARKED
    assert movers["C"].iloc[0].startswith("+5.23 ± 0.")
    assert movers["beyond noise"].all()
    assert app.selectbox(key=f"what_if.{run.id}.shown").options == [
        f"1: 0 from unlabelled to preferred; {MARKED} from non-preferred to unlabelled (1 refit)"
    ]


def test_labels_are_made_as_one_action_that_can_be_undone(workspace, info, run):
    runs.answer_what_if(run, {MARKED: "none", 0: "preferred"})
    app = open_page("weights", run=run.id, section="what_if")
    button(app, "Make these labels").click().run()
    labels = runs.store(workspace).labels(info.name)
    assert (labels.current()[0], labels.current()[MARKED]) == ("preferred", "none")
    (newest,) = labels.history(limit=1)
    assert (newest.n_trajectories, newest.note, newest.origin) == (2, "what if 1", "bulk")
    assert [toast.value for toast in app.toast] == ["2 labels changed as one action; undo it on the Label page."]
    assert button(app, "Make these labels").disabled
    assert labels.undo(author=newest.author).id == newest.id
    assert labels.current()[MARKED] == "non_preferred"


def test_without_an_audit_bags_are_shown_for_several_shares(workspace, info, run):
    app = open_page("weights", run=run.id, section="bags")
    assert not app.exception
    assert "(alpha) is not known.** With the run's K = 64" in words(app)
    assert "from alpha = 4.6% on" in words(app)
    assert len(runs.figure(app, "weights.bags")["data"]) == 4
    assert "Judge about 30 drawn at random to find out" in runs.links(app)


def test_an_audit_says_how_sure_the_run_s_k_is(workspace, info, run):
    labels = runs.store(workspace).labels(info.name)
    labels.save_snapshot("random-audit-1", author="ann")
    labels.mark([0, 1, 2], "preferred", author="ann")
    app = open_page("weights", run=run.id, section="bags")
    assert not app.exception
    assert "3 of 3 judged trajectories are preferred: alpha is 29.2% to 100.0%" in words(app)
    assert "K = 9 would do for 95 % of them" in words(app)
    assert [note["text"] for note in runs.figure(app, "weights.bags")["layout"]["annotations"]] == [
        "the run: K = 64", "asked for: K = 9",
    ]  # fmt: skip


def test_a_bag_too_small_can_be_trained_larger(workspace, info, run):
    labels = runs.store(workspace).labels(info.name)
    labels.save_snapshot("random-audit-1", author="ann")
    labels.mark([0], "preferred", author="ann")
    labels.mark([*range(1, 20)], "unsure", author="ann")
    app = open_page("weights", run=run.id, section="bags")
    button(app, "Train with K = 2367").click().run()
    assert app.title[0].value == "Train"
    assert app.number_input(key="settings.cost.bag_size").value == 2367


def test_the_curve_says_whether_more_marks_matter(workspace, info, run):
    runs.draw_curve(run, snapshot=runs.store(workspace).labels(info.name).latest())
    app = open_page("weights", run=run.id, section="enough")
    assert not app.exception
    assert "The last 10 marks changed the weights by 0.4% (0.2% to 0.8% over 3 seeds), no more than the 0.9%" in words(
        app
    )
    assert "drawn at random" in words(app)
    assert "outdated" not in str([badge.value for badge in app.markdown])
    assert len(runs.figure(app, "weights.enough")["data"]) == 2


def test_a_curve_of_older_labels_says_so(workspace, info, run):
    runs.draw_curve(run, snapshot=0)
    app = open_page("weights", run=run.id, section="enough")
    assert "outdated: labels changed since" in words(app)


def test_too_few_marks_for_a_curve_are_answered_in_a_sentence(workspace, info, run):
    app = open_page("weights", run=run.id, section="enough")
    button(app, "Draw the curve").click().run()
    assert [toast.value for toast in app.toast] == ["4 trajectories are marked, too few for a curve; mark more than 10"]
    assert tasks.Task.of_run("label_curve", run).progress is None
