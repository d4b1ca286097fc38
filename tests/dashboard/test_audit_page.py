from dataclasses import replace

import numpy as np
import pytest
import run_fixtures as runs
from run_fixtures import N, links, mark_costliest, new_run, open_page, store, words

from dashboard.components.audit_agreement import kappa_words
from dashboard.components.audit_share import share_words
from safemil_core.assessment.agreement import cohen_kappa
from safemil_core.assessment.preferred_share import PreferredShare, audit_sample
from safemil_core.running import tasks
from safemil_core.running.committees import Committee, CommitteeInfo, committee_file
from safemil_core.running.progress import Progress
from safemil_core.running.tasks import Task

AUTHOR = "ann"


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    """What the page started; nothing runs."""
    started = []
    monkeypatch.setenv("SAFEMIL_AUTHOR", AUTHOR)
    monkeypatch.setattr(tasks, "want_replays", lambda workspace, info, wanted: None)
    monkeypatch.setattr(tasks, "start_committee", lambda workspace, info, author: started.append((info.name, author)))
    return started


@pytest.fixture
def unlabelled(workspace):
    return runs.add_dataset(workspace)


def labels(workspace):
    return store(workspace).labels("walks")


def write_committee(workspace, info, held_out_rank):
    """As the job would leave it: these ranks, after the labels of now."""
    said = labels(workspace).state()
    made = CommitteeInfo(labels(workspace).latest(), 5, 400, 9.5, "bob", "2026-01-02T03:04:05+00:00")
    ranks = np.asarray(held_out_rank)
    Committee(made, ranks, np.zeros(len(ranks)), said.labels).write(committee_file(workspace, info))


def suspicious(workspace, info):
    """The costliest four are marked, the cheapest too; the networks and its neighbours find that odd."""
    mark_costliest(workspace, info)
    labels(workspace).mark([0], "non_preferred", author=AUTHOR)
    write_committee(workspace, info, (np.arange(N) + 1) / N)


def test_without_a_dataset_the_page_says_where_to_get_one(workspace):
    at = open_page("audit")
    assert not at.exception
    assert "There is no dataset in this workspace yet." in words(at)


def test_the_sections_come_in_order_each_with_its_question(workspace, info):
    at = open_page("audit")
    assert not at.exception
    assert [s.value for s in at.subheader] == [
        "Label audit",
        "Agreement",
        "Blind re-test",
        "Share of preferred trajectories",
    ]
    assert sum("?" in caption.value for caption in at.caption) >= 4


def test_the_audit_starts_as_a_job(workspace, info, processes):
    at = open_page("audit")
    at.button(key="audit.start").click().run()
    assert processes == [("walks", AUTHOR)]


def test_without_marks_there_is_nothing_to_learn_from(workspace, unlabelled):
    at = open_page("audit")
    assert at.button(key="audit.start").disabled
    assert "Mark some" in links(at)


def test_its_progress_is_shown_while_it_runs(workspace, info, monkeypatch):
    running = Progress("running", 100, 400, 0.0, 1.0)
    monkeypatch.setattr(Task, "progress", property(lambda task: running))
    at = open_page("audit")
    assert at.get("progress")[0].proto.text.startswith("100 of 400 updates")
    assert at.button(key="audit.start").disabled
    failed = replace(running, state="failed", message="a cost became NaN")
    monkeypatch.setattr(Task, "progress", property(lambda task: failed))
    assert open_page("audit").error[0].value == "a cost became NaN"


def test_a_finding_has_evidence_a_look_and_a_click_to_relabel(workspace, unlabelled):
    suspicious(workspace, unlabelled)
    at = open_page("audit")
    assert "**Trajectory 0** :orange-badge[non-preferred] · Marked, looks preferred" in words(at)
    assert "Networks that have not seen it rank it above 4% of all" in words(at)
    assert "Look" in links(at)
    at.button(key="audit.finding.0.0.relabel").click().run()
    assert labels(workspace).current()[0] == "none"
    (action, *_) = labels(workspace).history()
    assert (action.origin, action.note) == ("settle", "label audit: marked but looks preferred")
    assert "**Trajectory 0**" not in words(at)
    assert "outdated: 1 trajectory changed" not in words(at)
    assert "outdated: 1 label changed since" in words(at)


def test_what_is_kept_is_settled_and_not_listed_again(workspace, unlabelled):
    suspicious(workspace, unlabelled)
    at = open_page("audit")
    at.button(key="audit.finding.0.0.keep").click().run()
    assert labels(workspace).current()[0] == "non_preferred"
    assert labels(workspace).history()[0].origin == "settle"
    assert "**Trajectory 0**" not in words(at)
    assert "outdated" not in words(at)
    labels(workspace).undo(author=AUTHOR)
    assert "**Trajectory 0**" in words(at.run())


def test_what_was_settled_is_listed_again_once_somebody_labels_it_without_settling(workspace, unlabelled):
    suspicious(workspace, unlabelled)
    at = open_page("audit")
    at.button(key="audit.finding.0.0.keep").click().run()
    assert "**Trajectory 0**" not in words(at)
    labels(workspace).mark([0], "non_preferred", author="bob")  # the same label, but the one kept is not this one
    assert "**Trajectory 0**" in words(at.run())


def test_people_who_judged_alike_have_their_kappa(workspace, unlabelled):
    store_ = labels(workspace)
    store_.mark([0, 1, 2, 3], "non_preferred", author="ann")
    store_.mark([4, 5, 6, 7], "preferred", author="ann")
    store_.mark([0, 1, 2, 4], "non_preferred", author="bob")
    store_.mark([3, 5, 6, 7], "preferred", author="bob")
    at = open_page("audit")
    table = next(d.value for d in at.dataframe if "first" in d.value)
    first = table.iloc[0].tolist()
    assert first[:4] == ["ann", "bob", 8, "75%"]
    assert first[4].startswith("0.50 [")
    assert "**2 conflicts to settle**" in words(at)
    assert "**Trajectory 3** · `ann`: non-preferred · `bob`: preferred" in words(at)
    at.button(key="audit.conflict.3.preferred").click().run()
    assert labels(workspace).current()[3] == "preferred"
    assert labels(workspace).history()[0].origin == "settle"
    assert "**1 conflict to settle**" in words(at)
    at.button(key="audit.conflict.4.non_preferred").click().run()
    assert at.success[-1].value == "Nothing to settle."


def test_one_person_agrees_with_nobody(workspace, info):
    assert "No two people have judged the same trajectory yet." in words(open_page("audit"))


def test_kappa_in_words():
    assert kappa_words(cohen_kappa(["a", "a"], ["a", "a"])).startswith("not defined: both gave all 2 the same label")


def test_a_retest_hides_labels_changes_none_and_gives_kappa(workspace, unlabelled):
    for trajectory in range(8):
        label = "non_preferred" if trajectory % 2 else "preferred"
        labels(workspace).mark([trajectory], label, author=AUTHOR)
    before = labels(workspace).latest()
    at = open_page("audit")
    at.button(key="audit.retest.start").click().run()
    judged = []
    while any(b.key == "audit.retest.preferred" for b in at.button):
        panel = next(m.value for m in at.markdown if "to go" in m.value)
        trajectory = int(panel.rsplit(" ", 1)[1])
        judged.append(trajectory)
        assert not any(colour in panel for colour in ("badge", "preferred"))
        label = "non_preferred" if trajectory % 2 else "preferred"
        at.button(key=f"audit.retest.{label}").click().run()
    assert len(judged) == len(set(judged)) == 4  # the newest half is fresh in memory
    assert labels(workspace).latest() == before
    assert [retest.trajectory for retest in labels(workspace).retests()] == judged
    assert "`ann` judged 4 trajectories twice, **100%** alike" in words(at)


def test_the_share_of_preferred_comes_from_a_random_audit(workspace, info):
    mark_costliest(workspace, info)
    run = new_run(workspace, info)
    at = open_page("audit")
    at.button(key="audit.share.start").click().run()
    then = labels(workspace).current(labels(workspace).snapshot("random-audit-1").action)
    sample = audit_sample(then).tolist()
    assert f"**{len(sample)} of {len(sample)} to go** · trajectory {sample[0]}" in words(at)
    for label in ("preferred", "preferred", "non_preferred", "preferred"):
        at.button(key=f"audit.share.{label}").click().run()
    now = labels(workspace).current()
    assert now[sample[:4]].tolist() == ["preferred", "preferred", "non_preferred", "preferred"]
    at.button(key="audit.share.end").click().run()
    assert f"3 of 4 judged are preferred, so 19.4% to 99.4% of the {len(sample)} unlabelled are" in words(at)
    assert "too wide to decide anything" in words(at)
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Share of preferred, 95 %"] == "19.4% – 99.4%"
    assert shown["K by Lemma 1"] == "14"
    assert shown["K that the chosen run uses"] == str(run.config.cost.bag_size)
    assert f"Judge the {len(sample) - 4} that are left" in [button.label for button in at.button]


@pytest.mark.parametrize(("low", "high", "part"), [(0, 1, "too wide"), (0.3, 0.7, "wide: good"), (0.4, 0.6, "narrow")])
def test_the_width_of_the_interval_in_words(low, high, part):
    assert part in share_words(PreferredShare(1, 2, 30, 300, low, high))


def test_only_one_panel_hears_the_keys(workspace, info):
    labels(workspace).mark([1, 2], "preferred", author=AUTHOR)
    labels(workspace).mark([3, 4], "non_preferred", author=AUTHOR)
    at = open_page("audit")
    at.button(key="audit.share.start").click().run()
    at.button(key="audit.retest.start").click().run()
    panels = [b.key for b in at.button if b.key and b.key.endswith(".end")]
    assert panels == ["audit.retest.end"]
