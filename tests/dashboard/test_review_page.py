import numpy as np
import pytest
import streamlit as st
from run_fixtures import APP, N, T, add_dataset, finish, mark_costliest, new_run, store
from streamlit.testing.v1 import AppTest

from dashboard.components import review_player
from dashboard.components.review_player import KEYS
from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.review_queue import review_queue
from safemil_core.running import tasks


class Stage:
    """In the place of the component: AppTest has no browser, so that this one keeps the data and plays the keys."""

    def __init__(self):
        self.data, self.heard = {}, None
        self._count = 0

    def __call__(self, *, data, on_report_change, **_):
        if self.heard is not None:  # a callback, and the page is drawn after it
            self.heard = None
            on_report_change()
            st.rerun()
        self.data = data

    def press(self, at, keys, trajectory=None, reason=None, segment=None, dataset=None):
        """Press keys, each on what is shown then or on the given trajectory."""
        for key in [keys] if keys in KEYS else keys:
            self._count += 1
            seen = self.shown if trajectory is None else trajectory
            event = {"number": self._count, "key": key, "dataset": dataset or self.data["dataset"]}
            self.say(at, {**event, "trajectory": seen, "reason": reason, "segment": segment})

    def say(self, at, *events, missing=(), mount=1):
        self.heard = {"mount": mount, "missing": list(missing), "events": list(events)}
        at.session_state["review.stage"] = {"report": self.heard}
        at.run()

    @property
    def received(self):
        return list(self.data["items"])

    @property
    def shown(self):
        return int(self.data["shown"].split("/")[1])

    @property
    def kept(self):
        return [int(name.split("/")[1]) for name in self.data["keep"] if not name.startswith(("scene", "film"))]


@pytest.fixture
def stage(monkeypatch):
    stage = Stage()
    monkeypatch.setattr(review_player, "_player", stage)
    monkeypatch.setattr(tasks, "want_replays", lambda workspace, info, wanted: None)
    return stage


@pytest.fixture
def info(workspace):
    return add_dataset(workspace)


@pytest.fixture
def run(workspace, info):
    mark_costliest(workspace, info)
    return finish(new_run(workspace, info), workspace)


def page(order="number", **query):
    at = AppTest.from_file(str(APP), default_timeout=20)
    for key, value in query.items():
        at.query_params[key] = value
    at.session_state["review.order"] = order
    at.run()
    at.switch_page("views/review.py").run()
    assert not at.exception
    return at


def labels(workspace):
    return store(workspace).labels("walks")


def marked(workspace, label="non_preferred"):
    return np.flatnonzero(labels(workspace).current() == label).tolist()


def test_without_a_dataset_the_page_says_where_to_get_one(workspace):
    at = page()
    assert "There is no dataset in this workspace yet." in [each.value for each in at.caption]


def test_the_page_begins_with_the_first_and_sends_the_next_three_ahead(workspace, info, stage):
    page()
    assert stage.shown == 0
    assert stage.kept == [0, 1, 2, 3]
    assert stage.data["keep"] == stage.received, "the browser has nothing yet"
    assert stage.data["status"]["why"] == "Next by number."


def test_after_a_key_only_what_the_browser_lacks_is_sent(workspace, info, stage):
    at = page()
    stage.press(at, "j")
    assert (stage.shown, stage.kept) == (1, [1, 2, 3, 4, 0])
    assert stage.received == [stage.data["keep"][4]]


def test_what_did_not_reach_the_browser_is_sent_again(workspace, info, stage):
    at = page()
    at.run()
    assert stage.received == []
    stage.say(at, missing=[stage.data["keep"][2], "nonsense"])
    assert stage.received == [stage.data["keep"][2]]
    at.run()
    assert stage.received == []


def test_another_browser_page_gets_everything(workspace, info, stage):
    at = page()
    stage.say(at, mount=1)
    assert stage.received == []
    stage.say(at, mount=2)
    assert stage.received == stage.data["keep"]


@pytest.mark.parametrize(("key", "label"), [("n", "non_preferred"), ("p", "preferred"), ("u", "unsure")])
def test_a_judgement_is_on_disk_and_the_next_one_shows(workspace, info, stage, key, label):
    at = page()
    stage.press(at, key, reason="too fast")
    assert marked(workspace, label) == [0]
    assert labels(workspace).state().reasons[0] == "too fast"
    assert stage.shown == 1
    assert stage.data["progress"]["judged"] == 1
    assert "1 of 24 judged" in stage.data["progress"]["words"]


def test_the_same_as_last_takes_label_and_reason(workspace, info, stage):
    at = page()
    assert stage.data["last"] == ""
    stage.press(at, "r")
    assert (labels(workspace).latest(), stage.shown) == (0, 0)
    stage.press(at, "p", reason="smooth")
    stage.press(at, "r")
    assert marked(workspace, "preferred") == [0, 1]
    assert labels(workspace).state().reasons[:2].tolist() == ["smooth", "smooth"]
    assert stage.data["last"] == "preferred, smooth"


def test_undo_goes_back_to_what_it_was_about(workspace, info, stage):
    at = page()
    stage.press(at, "nnjz")
    assert (marked(workspace), stage.shown) == ([0], 1)
    stage.press(at, "z")
    assert (marked(workspace), stage.shown) == ([], 0)
    stage.press(at, "z")
    assert "nothing to undo" in stage.data["said"]["text"]


def test_undo_takes_back_what_was_done_before_the_page_was_opened(workspace, info, stage):
    at = page()
    stage.press(at, "jn")
    at = page()
    stage.press(at, "z")
    assert (marked(workspace), stage.shown) == ([], 1)


def test_skipping_labels_nothing_and_next_and_previous_walk(workspace, info, stage):
    at = page()
    stage.press(at, "sjk")
    assert (labels(workspace).latest(), stage.shown) == (0, 1)
    stage.press(at, "kk")
    assert stage.shown == 0


def test_a_key_judges_what_was_on_the_screen_when_it_was_pressed(workspace, info, stage):
    at = page()
    stage.press(at, "n")
    stage.press(at, "n", trajectory=0)  # twice in a hurry: nobody has seen trajectory 1 yet
    assert (marked(workspace), stage.shown, labels(workspace).latest()) == ([0], 1, 1)
    stage.press(at, "p", trajectory=0)  # a correction
    assert (marked(workspace), marked(workspace, "preferred"), stage.shown) == ([], [0], 1)


def test_a_segment_says_where_it_went_wrong(workspace, info, stage):
    at = page()
    stage.press(at, "Enter", segment=[5, 12], reason="left the lane")
    assert (stage.shown, stage.data["status"]["segments"]) == (0, ((5, 12),))
    assert (marked(workspace), labels(workspace).state().reasons[0]) == ([0], "left the lane")
    stage.press(at, "n", segment=[20, 30])
    assert stage.shown == 1
    assert labels(workspace).state().segments == {0: ((5, 12), (20, 30))}
    stage.press(at, "k")
    stage.press(at, "Backspace", segment=[5, 12])
    assert labels(workspace).state().segments == {0: ((20, 30),)}
    stage.press(at, "z")
    assert stage.data["status"]["segments"] == ((5, 12), (20, 30))


def test_a_segment_beyond_the_end_is_refused_in_words(workspace, info, stage):
    at = page()
    stage.press(at, "n", segment=[5, T])
    assert not at.exception
    assert stage.data["said"] == {
        "text": f"trajectory 0 cannot have a segment from step 5 to {T}; its steps are 0 to {T - 1}",
        "bad": True,
        "canUndo": False,
    }
    assert stage.shown == 0


def test_a_trajectory_that_is_not_there_is_ignored(workspace, info, stage):
    at = page()
    stage.press(at, "n", trajectory=999)
    assert not at.exception
    assert (labels(workspace).latest(), stage.shown) == (0, 0)


def test_a_key_on_its_way_while_the_dataset_changes_labels_nothing_there(workspace, info, stage):
    at = page()
    stage.press(at, "n", dataset="another")
    assert (labels(workspace).latest(), stage.shown) == (0, 0)


def test_somebody_elses_label_shows(workspace, info, stage):
    at = page()
    labels(workspace).mark([0, 2], "preferred", author="bea")
    at.run()
    assert (stage.shown, stage.data["status"]["label"], stage.data["status"]["details"]) == (0, "preferred", "by bea")
    assert stage.data["progress"]["judged"] == 2
    assert stage.kept == [0, 1, 3, 4], "what she has judged need not be looked at"


def lanes(stage, place=0):
    """Names of the curves of one of the items that the page just sent."""
    made = [item for item in stage.data["items"].values() if item["kind"] == "item"]
    return [line["name"] for lane in made[place]["lanes"] for line in lane["lines"]]


def test_scores_are_shown_on_request(workspace, run, stage):
    at = page("number")
    assert lanes(stage) == ["learned cost", "action 0", "action 1"]
    at.toggle(key="review.truth").set_value(True).run()
    assert lanes(stage) == ["true cost", "learned cost", "reward", "action 0", "action 1"]


def test_scores_can_be_hidden_until_the_first_judgement(workspace, run, stage):
    at = page("learned cost")
    assert stage.data["status"]["why"].startswith("Learned cost ")
    at.toggle(key="review.blind").set_value(True)
    at.toggle(key="review.truth").set_value(True).run()
    assert lanes(stage, 0) == lanes(stage, 1) == ["action 0", "action 1"], "nor are they sent"
    assert stage.data["status"]["why"] == "The highest learned cost among the unmarked."
    first = stage.shown
    stage.press(at, "p")
    stage.press(at, "k")
    stage.say(at, missing=stage.data["keep"])
    assert stage.shown == first
    shown = stage.data["items"][stage.data["shown"]]
    assert [line["name"] for lane in shown["lanes"] for line in lane["lines"]][:2] == ["true cost", "learned cost"]
    assert stage.data["status"]["why"].startswith("Learned cost ")


def test_the_order_is_the_learned_costs(workspace, run, stage):
    page("learned cost")
    costs, unmarked = run.trajectories()["cost_sum"].to_numpy(), labels(workspace).current() == "none"
    expected = [t for t in np.argsort(-costs, kind="stable").tolist() if unmarked[t]]
    assert stage.kept == expected[:4]


def test_an_order_that_needs_what_is_not_there_says_so(workspace, info, stage):
    at = page("near a marked one")
    assert "mark one trajectory first" in at.info[0].value
    assert stage.shown == 0
    stage.press(at, "n")
    at.run()
    assert not at.info
    assert stage.data["status"]["why"].startswith("Near trajectory 0 that you marked")


def test_the_queue_is_made_anew_on_request(workspace, info, stage):
    at = page("unlike all marked")
    first = stage.shown
    stage.press(at, "jj")
    at.button(key="review.anew").click().run()
    assert stage.shown == first, "it still has no label"


def test_an_order_by_labels_follows_them_while_nobody_waits(workspace, info, stage):
    labels(workspace).mark([23], "non_preferred", author="ann")
    at = page("near a marked one")
    planned = stage.kept
    labels(workspace).mark([next(t for t in range(23) if t not in planned)], "non_preferred", author="ann")
    at.run()
    assert stage.kept == planned, "what is planned stays"
    for _ in planned[1:]:
        stage.press(at, "j")
    described = describe(store(workspace).table("walks"))
    queue = review_queue("near a marked one", labels=labels(workspace).current(), descriptors=described)
    following = [item.trajectory for item in queue if item.trajectory not in planned]
    assert stage.kept[1:4] == following[:3]


def test_the_url_chooses_the_trajectory_and_follows(workspace, info, stage):
    at = page(trajectory="7")
    assert stage.shown == 7
    stage.press(at, "j")
    assert stage.shown == 0, "the first of the queue is still to come"
    assert at.query_params["trajectory"] == "0"


def test_a_link_puts_the_cursor_at_a_step_of_its_trajectory_alone(workspace, info, stage):
    at = page(trajectory="7", step="9")
    assert stage.data["cursor"] == [7, 9]
    stage.press(at, "j")
    assert stage.data["cursor"] is None
    at.run()
    assert stage.data["cursor"] is None


def test_reasons_are_the_users_own_words(workspace, info, stage):
    at = page()
    at.text_input(key="review.reason").set_value("too fast").run()
    at.text_input(key="review.reason").set_value("left the lane").run()
    assert stage.data["reasons"] == ["too fast", "left the lane"]
    assert at.text_input(key="review.reason").value == ""


def test_when_all_is_judged_the_page_says_so(workspace, info, stage):
    at = page()
    labels(workspace).mark(range(1, 24), "preferred", author="bea")
    stage.press(at, "n")
    assert not at.exception
    assert stage.data["progress"]["judged"] == 24
    assert stage.data["said"]["text"] == "Trajectory 0: non-preferred · nothing else is left to judge"
    assert stage.shown == 0


def test_what_a_key_did_is_not_said_of_another_dataset(workspace, info, stage):
    add_dataset(workspace, "others", n=N - 4)
    at = page(dataset="walks")
    stage.press(at, "n")
    assert stage.data["said"]["text"] == "Trajectory 0: non-preferred"
    at.selectbox(key="widget.dataset").set_value("others").run()
    assert stage.data["said"] == {"text": "", "bad": False, "canUndo": False}
