import json

import numpy as np
import pytest
from run_fixtures import APP, N, T, add_dataset, finish, mark_costliest, new_run, store
from streamlit.testing.v1 import AppTest

from dashboard.components import hotkeys
from safemil_core.running import jobs
from safemil_core.running.progress import Progress


@pytest.fixture(autouse=True)
def wishes(monkeypatch):
    """The replays that the page asked for; none is rendered."""
    asked = []
    monkeypatch.setattr(jobs, "want_replays", lambda workspace, info, wanted: asked.append(wanted))
    return asked


@pytest.fixture
def info(workspace):
    return add_dataset(workspace)


def page(**query):
    at = AppTest.from_file(str(APP), default_timeout=20)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    return at.switch_page("views/label.py").run()


def labels(workspace):
    return store(workspace).labels("walks")


def marked(workspace, label="non_preferred"):
    return np.flatnonzero(labels(workspace).current() == label).tolist()


def counts(at):
    """The three badges in the header."""
    words = ("non-preferred]", " preferred]", " unlabelled]")
    return [next(m.value for m in at.markdown if word in m.value and "badge" in m.value) for word in words]


def player(at):
    return next(
        json.loads(element.proto.json) for element in at.get("bidi_component") if "curves" in element.proto.json
    )


def table(at):
    return at.dataframe[0].value


def table_key(info, show="all", order="trajectory"):
    return f"label.table.{info.id}.{show}.{order}"


def test_without_a_dataset_the_page_says_where_to_get_one(workspace):
    at = page()
    assert not at.exception
    assert at.title[0].value == "Label"
    assert "There is no dataset in this workspace yet." in [m.value for m in at.markdown]


def test_the_url_chooses_the_trajectory(workspace, info):
    at = page(trajectory="7")
    assert at.subheader[0].value == "Trajectory 7"
    assert page(trajectory="999").subheader[0].value == "Trajectory 0"
    assert page(trajectory="x").subheader[0].value == "Trajectory 0"


def test_the_table_says_what_is_known(workspace, info):
    at = page()
    assert list(table(at).columns) == ["#", "label", "return", "true cost"]
    truth = store(workspace).open("walks").true_costs()
    np.testing.assert_allclose(table(at)["true cost"], truth)


def test_a_mark_is_on_disk_and_shown(workspace, info):
    at = page(trajectory="3")
    at.text_input(key="label.note").set_value("left the lane")
    at.button(key="label.non_preferred").click().run()
    assert marked(workspace) == [3]
    assert labels(workspace).history()[0].note == "left the lane"
    assert table(at)["label"].iloc[3] == ["non-preferred"]
    assert counts(at)[0].startswith(":orange-badge[1 non-preferred")
    assert at.text_input(key="label.note").value == ""


def test_marks_go_to_everything_that_is_selected(workspace, info):
    at = page(trajectory="3")
    at.session_state["kept.label.selection"] = (info.id, (3, 5, 8))
    at.run()
    assert at.session_state[table_key(info)]["selection"]["rows"] == [3, 5, 8]
    assert at.button(key="label.preferred").label == "Preferred 3 `P`"
    at.button(key="label.preferred").click().run()
    assert marked(workspace, "preferred") == [3, 5, 8]
    at.button(key="label.clear").click().run()
    assert marked(workspace, "preferred") == []


def test_undo_takes_back_only_ones_own_last_action(workspace, info):
    labels(workspace).mark([1], "preferred", author="somebody else")
    at = page(trajectory="3")
    at.button(key="label.non_preferred").click().run()
    at.button(key="label.undo").click().run()
    assert marked(workspace) == []
    at.button(key="label.undo").click().run()
    assert "has nothing to undo" in at.toast[0].value
    assert marked(workspace, "preferred") == [1]


def test_next_and_previous_follow_filter_and_order(workspace, info):
    mark_costliest(workspace, info, n=4)
    at = page()
    at.button_group(key="label.show").set_value("non_preferred").run()
    assert table(at)["#"].tolist() == [N - 4, N - 3, N - 2, N - 1]
    at.selectbox(key="label.order").set_value("true_cost").run()
    costs = store(workspace).open("walks").true_costs()[N - 4 :]
    order = (N - 4 + np.argsort(-costs, kind="stable")).tolist()
    assert table(at)["#"].tolist() == order


def test_going_on_after_a_mark_is_a_choice(workspace, info):
    at = page(trajectory="3")
    at.toggle(key="label.advance").set_value(True).run()
    at.button(key="label.non_preferred").click().run()
    at.button(key="label.non_preferred").click().run()
    assert marked(workspace) == [3, 4]
    assert at.subheader[0].value == "Trajectory 5"


def test_keys_are_applied_in_their_order_and_once(workspace, info, monkeypatch):
    monkeypatch.setattr(hotkeys, "_hotkeys", lambda on_events_change, **_: on_events_change())  # AppTest calls none
    at = page(trajectory="3")
    events = [{"number": i, "key": key} for i, key in enumerate("njnjpu", start=1)]
    at.session_state["label.keys"] = {"events": events}
    at.run()
    at.session_state["label.keys"] = {"events": [*events, {"number": 7, "key": "k"}, {"number": 8, "key": "q"}]}
    at.run()
    assert marked(workspace) == [3, 4]
    assert marked(workspace, "preferred") == []
    assert [action.origin for action in labels(workspace).history()] == ["undo", "hand", "hand", "hand"]
    assert at.subheader[0].value == "Trajectory 4"


def test_the_history_can_be_gone_back_to(workspace, info):
    first = labels(workspace).mark([1], "preferred", author="ann")
    labels(workspace).mark([2, 3], "non_preferred", author="ann", note="too fast")
    at = page()
    assert any("2 trajectories · `too fast`" in m.value for m in at.markdown)
    at.button(key=f"label.restore.{first}").click().run()
    assert (marked(workspace), marked(workspace, "preferred")) == ([], [1])
    at.button(key="label.restore.0").click().run()
    assert marked(workspace, "preferred") == []


def test_labels_come_in_from_a_file(workspace, info):
    at = page()
    at.file_uploader[0].upload("mine.csv", b"trajectory,label\n4,non_preferred\n5,preferred\n", "text/csv")
    next(b for b in at.button if "import" in b.key).click().run()
    assert not at.exception
    assert (marked(workspace), marked(workspace, "preferred")) == ([4], [5])
    assert labels(workspace).history()[0].origin == "file"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"trajectory,label\n4,bad\n", "row 1: unknown label 'bad'"),
        (b"a,b\n1,2\n", "expected the columns trajectory,label"),
        (b"trajectory,label\n99,preferred\n", "there is no trajectory 99"),
        (b"\xff\xfe\x00", "this is not a CSV file in UTF-8"),
    ],
)
def test_a_bad_label_file_changes_nothing(workspace, info, content, sentence):
    at = page()
    at.file_uploader[0].upload("mine.csv", content, "text/csv")
    next(b for b in at.button if "import" in b.key).click().run()
    assert sentence in at.error[0].value
    assert labels(workspace).latest() == 0


def test_replays_of_this_and_the_next_two_are_wished_for(workspace, info, wishes):
    page(trajectory="3")
    assert wishes[-1] == [3, 4, 5]
    page(trajectory=str(N - 1))
    assert wishes[-1] == [N - 1]


def test_the_player_waits_then_shows_the_video_with_the_true_cost(workspace, info):
    at = page(trajectory="3")
    data = player(at)
    assert (data["video"], data["busy"], data["message"]) == (None, True, "Rendering the replay…")
    path = workspace.replay(info.id, 3)
    path.with_suffix(".json").write_text('{"fps": 20, "stride": 5, "exact": false, "note": "placed"}')
    path.write_bytes(b"mp4")
    at.run()
    data = player(at)
    assert (data["video"], data["stride"], data["steps"]) == ("bXA0", 5, T)
    assert [curve["name"] for curve in data["curves"]] == ["true cost"]
    assert data["curves"][0]["values"] == store(workspace).open("walks")[3].costs.tolist()
    assert any("approximate" in m.value for m in at.markdown)


def test_a_failed_renderer_is_said(workspace, info, monkeypatch):
    failed = Progress("failed", message="no simulator; install it")
    monkeypatch.setattr(jobs, "replay_progress", lambda workspace, info: failed)
    data = player(page())
    assert (data["message"], data["busy"]) == ("No replay: no simulator; install it", False)


def test_without_an_environment_there_is_no_replay(workspace, wishes):
    add_dataset(workspace, env_id=None)
    data = player(page())
    assert data["message"].startswith("No replay: this dataset names no environment.")
    assert wishes == []


def test_a_finished_run_adds_its_learned_cost(workspace, info):
    mark_costliest(workspace, info)
    run = finish(new_run(workspace, info), workspace)
    at = page(trajectory="3")
    np.testing.assert_allclose(table(at)["learned cost"], run.trajectories()["cost_sum"])
    curve = player(at)["curves"][1]
    assert curve["name"] == "learned cost"
    np.testing.assert_allclose(curve["values"], run.costs().query("trajectory == 3")["cost"], atol=1e-4)


def test_without_the_truth_the_page_still_works(workspace):
    add_dataset(workspace, has_truth=False)
    at = page()
    assert not at.exception
    assert list(table(at).columns) == ["#", "label"]
    assert player(at)["curves"] == []
