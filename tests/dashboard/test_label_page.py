import numpy as np
import pytest
from run_fixtures import APP, N, add_dataset, figure, finish, mark_costliest, new_run, staged, store
from streamlit.testing.v1 import AppTest

from dashboard import resources, state
from dashboard.components import hotkeys, label_actions
from dashboard.components.label_filters import filters_key
from dashboard.components.label_history import OPEN
from safemil_core.assessment.replays import read_replay
from safemil_core.data.labels.files import ledger_lines
from safemil_core.data.labels.filters import Filters
from safemil_core.data.labels.records import LONGEST_NAME
from safemil_core.running import tasks
from safemil_core.running.dataset_removal import remove_dataset
from safemil_core.running.progress import Progress
from safemil_core.running.tasks import Task


@pytest.fixture(autouse=True)
def wishes(monkeypatch):
    """The replays that the page asked for; none is rendered."""
    asked = []
    monkeypatch.setattr(tasks, "want_replays", lambda workspace, info, wanted: asked.append(wanted))
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


def page_with_history():
    """The history is made once it is opened."""
    at = page()
    assert not at.tabs
    at.session_state[OPEN] = True
    return at.run()


def labels(workspace):
    return store(workspace).labels("walks")


def marked(workspace, label="non_preferred"):
    return np.flatnonzero(labels(workspace).current() == label).tolist()


def counts(at):
    """The three badges in the header."""
    words = ("non-preferred]", " preferred]", " unlabelled]")
    return [next(m.value for m in at.markdown if word in m.value and "badge" in m.value) for word in words]


def table(at):
    return at.dataframe[0].value


def selected_rows(at, info):
    """What the table shows as selected, while nothing is filtered."""
    return at.session_state[f"label.table.{info.id}.{filters_key(Filters())}.trajectory"]["selection"]["rows"]


def select(at, info, *trajectories):
    """As a lasso does it, which only a browser has."""
    at.session_state["kept.label.selection"] = (info.id, trajectories)
    return at.run()


def said(at):
    return [m.value for m in at.markdown]


def test_without_a_dataset_the_page_says_where_to_get_one(workspace):
    at = page()
    assert not at.exception
    assert at.title[0].value == "Label"
    assert "There is no dataset in this workspace yet." in [each.value for each in at.caption]


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
    select(at, info, 3, 5, 8)
    assert selected_rows(at, info) == [3, 5, 8]
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
    assert "trajectory 3: non-preferred" in at.toast[0].value
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


def test_a_selection_is_previewed_and_marked_and_undone_as_one(workspace, info):
    labels(workspace).mark([3], "non_preferred", author="somebody else")
    labels(workspace).mark([5], "unsure", author="somebody else")
    labels(workspace).add_reason("too fast")
    at = select(page(trajectory="3"), info, 3, 5, 8, 9)
    preview = "**4 trajectories selected**: 1 already non-preferred, 1 already unsure, 2 unlabelled"
    assert preview in said(at)
    at.selectbox(key="label.reason").set_value("too fast")
    at.button(key="label.non_preferred").click().run()
    assert marked(workspace) == [3, 5, 8, 9]
    (action, *_) = labels(workspace).history()
    assert (action.origin, action.n_trajectories, action.reason) == ("bulk", 4, "too fast")
    assert at.selectbox(key="label.reason").value is None
    assert at.selectbox(key="label.reason").options == ["too fast"]
    at.button(key="label.undo").click().run()
    assert (marked(workspace), marked(workspace, "unsure")) == ([3], [5])
    at.button(key="label.redo").click().run()
    assert marked(workspace) == [3, 5, 8, 9]


def test_one_may_be_unsure(workspace, info):
    at = page(trajectory="3")
    at.button(key="label.unsure").click().run()
    assert marked(workspace, "unsure") == [3]
    assert any("1 unsure" in words for words in said(at))
    at.button_group(key="label.show").set_value("unsure").run()
    assert table(at)["#"].tolist() == [3]


def test_tags_are_put_on_and_taken_off_all_that_is_selected(workspace, info):
    labels(workspace).tag([9], "night", author="bob")
    at = select(page(trajectory="3"), info, 3, 5)
    at.selectbox(key="label.tag").set_value("night")
    at.button(key="label.tag.add").click().run()
    assert labels(workspace).state().tags == {"night": (3, 5, 9)}
    at = select(at, info, 3)
    at.button(key="label.tag.remove").click().run()
    assert labels(workspace).state().tags == {"night": (5, 9)}
    at.button(key="label.undo").click().run()
    assert labels(workspace).state().tags == {"night": (3, 5, 9)}


def test_a_tag_without_a_name_is_said(workspace, info):
    at = page()
    at.button(key="label.tag.add").click().run()
    assert "a tag is empty" in at.toast[0].value


def test_filters_combine_and_count(workspace, info):
    store = labels(workspace)
    store.mark([1, 2, 3], "non_preferred", author="ann", reason="fast")
    store.mark([4, 5], "non_preferred", author="bob", reason="fast")
    store.mark([6], "preferred", author="ann")
    store.tag([2, 3, 4, 9], "night", author="bob")
    at = page()
    assert f"{N} trajectories" in said(at)
    at.multiselect(key=f"label.filter.{info.id}.tag").set_value(["night"]).run()
    assert table(at)["#"].tolist() == [2, 3, 4, 9]
    at.multiselect(key=f"label.filter.{info.id}.reason").set_value(["fast"]).run()
    assert table(at)["#"].tolist() == [2, 3, 4]
    at.multiselect(key=f"label.filter.{info.id}.author").set_value(["ann"]).run()
    assert table(at)["#"].tolist() == [2, 3]
    assert f"**2** of {N} trajectories" in said(at)
    at.button(key="label.select_all").click().run()
    assert "**2 trajectories selected**: 2 already non-preferred" in said(at)
    at.button(key="label.unfilter").click().run()
    assert len(table(at)) == N


def test_a_range_filters_by_a_number(workspace, info):
    at = page()
    costs = table(at)["true cost"].to_numpy()
    slider = next(s for s in at.slider if s.label == "True cost")
    slider.set_value((1.0, slider.max)).run()
    assert table(at)["#"].tolist() == np.flatnonzero(costs >= 1).tolist()


def test_small_costs_can_be_filtered(workspace, info):
    mark_costliest(workspace, info)
    run = finish(new_run(workspace, info), workspace)
    costs = np.linspace(0.981, 0.997, N)
    run.trajectories().assign(cost_sum=costs).to_parquet(run.folder / "trajectories.parquet")
    at = page(run=run.id)
    slider = next(s for s in at.slider if s.label == "Learned cost")
    assert slider.min <= costs[0] < costs[-1] <= slider.max
    assert slider.step < np.diff(costs).min()
    assert len({slider.proto.format % cost for cost in costs}) == N
    slider.set_value((0.99, slider.max)).run()
    assert table(at)["#"].tolist() == np.flatnonzero(costs >= 0.99).tolist()


def test_a_filter_that_takes_the_focus_off_the_list_leads_to_its_first(workspace, info):
    labels(workspace).mark([5, 8], "preferred", author="ann")
    labels(workspace).tag([8], "night", author="ann")
    at = page(trajectory="3")
    at.button_group(key="label.show").set_value("preferred").run()
    assert at.subheader[0].value == "Trajectory 5"
    at.multiselect(key=f"label.filter.{info.id}.tag").set_value(["night"]).run()
    assert at.subheader[0].value == "Trajectory 8"
    assert not at.button(key="label.select_all").disabled
    at.button(key="label.unfilter").click().run()
    assert at.subheader[0].value == "Trajectory 8"


def go_to(at, text):
    return at.text_input(key="label.go_to").set_value(text).run()


def test_a_trajectory_is_gone_to_by_its_number(workspace, info):
    at = go_to(page(), "16")
    assert at.subheader[0].value == "Trajectory 16"
    assert selected_rows(at, info) == [16]
    assert at.text_input(key="label.go_to").value == "", "ready for the next one"
    assert go_to(at, " #7 ").subheader[0].value == "Trajectory 7"
    assert not at.toast


@pytest.mark.parametrize("asked_for", [str(N), "-1", "1.5", "six", "9" * 50])
def test_a_number_that_no_trajectory_has_is_said(workspace, info, asked_for):
    at = go_to(page(trajectory="3"), asked_for)
    assert not at.exception
    assert at.toast[0].value == f"There is no trajectory `{asked_for}` in `walks`; they are 0 to {N - 1}."
    assert at.subheader[0].value == "Trajectory 3"


def test_a_number_that_the_filters_leave_out_is_shown_with_a_word_for_it(workspace, info):
    labels(workspace).mark([5, 8], "preferred", author="ann")
    at = page()
    at.button_group(key="label.show").set_value("preferred").run()
    go_to(at, "3")
    assert at.subheader[0].value == "Trajectory 3"
    assert at.toast[0].value == "Trajectory 3 is shown, but not in the list: the filters leave it out."
    at.button(key="label.next").click().run()
    assert at.subheader[0].value == "Trajectory 5", "the list goes on from there"


def test_nothing_passes_is_said(workspace, info):
    at = page()
    at.button_group(key="label.show").set_value("unsure").run()
    assert at.info[0].value.startswith("No trajectory passes the filters.")


def test_those_most_like_one_are_selected(workspace, info):
    at = page(trajectory="3")
    at.number_input(key="label.similar.n").set_value(4)
    at.button(key="label.similar.select").click().run()
    rows = selected_rows(at, info)
    assert len(rows) == 5
    assert 3 in rows
    assert any(words.startswith("**5 trajectories selected**") for words in said(at))
    at.button(key="label.deselect").click().run()
    assert selected_rows(at, info) == [3]


def test_the_axes_of_the_points_are_a_choice(workspace, info):
    at = page()
    at.selectbox(key=f"label.axis.{info.id}.across").set_value("embedding 1").run()
    at.selectbox(key=f"label.axis.{info.id}.up").set_value("mean 1").run()
    layout = figure(at, "label.scatter")["layout"]
    assert layout["xaxis"]["title"]["text"] == "embedding 1"
    assert layout["yaxis"]["title"]["text"] == f"mean {info.observation_names[1]}"


def test_no_legend_lies_under_the_tools_of_the_points(workspace, info):
    assert figure(page(), "label.scatter")["layout"]["showlegend"] is False


def test_paths_can_be_drawn_on(workspace, info):
    at = page()
    at.button_group(key="label.map").set_value("Paths").run()
    assert figure(at, "label.region")["layout"]["dragmode"] == "lasso"


def test_others_labels_are_there_and_the_selection_stays(workspace, info):
    at = select(page(trajectory="3"), info, 3, 5, 8)
    labels(workspace).mark([5], "preferred", author="bob")
    at.run()
    assert counts(at)[1].startswith(":green-badge[1 preferred")
    assert "**3 trajectories selected**: 1 already preferred, 2 unlabelled" in said(at)


def test_changes_since_an_action_are_listed(workspace, info):
    first = labels(workspace).mark([1], "preferred", author="ann")
    labels(workspace).mark([1, 2], "non_preferred", author="bob")
    at = page_with_history()
    at.button(key=f"label.since.{first}").click().run()
    changes = at.dataframe[-1].value
    assert changes[["trajectory", "before", "after", "by"]].to_numpy().tolist() == [
        [1, "preferred", "non-preferred", "bob"],
        [2, "unlabelled", "non-preferred", "bob"],
    ]


def test_a_snapshot_has_a_name_and_knows_its_runs(workspace, info):
    mark_costliest(workspace, info)
    run = new_run(workspace, info)
    at = page_with_history()
    at.text_input(key="label.snapshot.name").set_value("first-pass")
    at.button(key="label.snapshot.save").click().run()
    assert [s.name for s in labels(workspace).snapshots()] == ["first-pass"]
    assert any("first-pass" in words and run.id in words for words in said(at))
    labels(workspace).mark([0], "preferred", author="bob")
    at.run()
    at.button(key="label.restore_snapshot.first-pass").click().run()
    assert marked(workspace, "preferred") == []
    at.text_input(key="label.snapshot.name").set_value("first-pass")
    at.button(key="label.snapshot.save").click().run()
    assert "already here" in at.toast[0].value


@pytest.mark.parametrize("name", ["1", "name", "save"])
def test_a_snapshot_may_have_any_name(workspace, info, name):
    labels(workspace).mark([1], "preferred", author="ann")
    labels(workspace).save_snapshot(name, author="ann")
    labels(workspace).mark([2], "preferred", author="ann")
    at = page_with_history()
    assert not at.exception
    at.button(key=f"label.restore_snapshot.{name}").click().run()
    assert marked(workspace, "preferred") == [1]


def test_the_name_of_an_author_is_text(workspace, info):
    author = "![](http://x.org/x.png)"
    first = labels(workspace).mark([1], "preferred", author=author)
    labels(workspace).mark([2], "preferred", author=author)
    at = page_with_history()
    at.button(key=f"label.since.{first}").click().run()
    assert any(words.startswith(f"**1 change** from `after 1 · {author}") for words in said(at))


def test_a_name_may_be_as_long_as_labels_can_keep(workspace, info):
    assert page().text_input(key="author").max_chars == LONGEST_NAME


def test_a_history_comes_in_from_json_lines(workspace, info):
    store = labels(workspace)
    store.mark([1, 2], "non_preferred", author="ann", reason="fast")
    store.tag([2], "night", author="ann")
    content, before = "".join(ledger_lines(store)), store.state()
    store.restore(0, author="ann")
    at = page_with_history()
    at.file_uploader[0].upload("all.jsonl", content.encode(), "application/jsonl")
    next(b for b in at.button if "import" in b.key).click().run()
    assert not at.exception
    after = labels(workspace).state()
    assert (after.tags, after.labels.tolist()) == (before.tags, before.labels.tolist())


def test_going_on_after_a_mark_is_a_choice(workspace, info):
    at = page(trajectory="3")
    at.toggle(key="label.advance").set_value(True).run()
    at.button(key="label.non_preferred").click().run()
    at.button(key="label.non_preferred").click().run()
    assert marked(workspace) == [3, 4]
    assert at.subheader[0].value == "Trajectory 5"


def test_a_mark_that_takes_a_trajectory_off_the_list_leaves_it_in_focus(workspace, info):
    at = page()
    at.button_group(key="label.show").set_value("none").run()
    at.button(key="label.non_preferred").click().run()
    assert at.subheader[0].value == "Trajectory 0"
    at.button(key="label.preferred").click().run()
    assert (marked(workspace), marked(workspace, "preferred")) == ([], [0])


def test_going_on_leaves_out_none_where_a_mark_takes_it_off_the_list(workspace, info):
    at = page()
    at.button_group(key="label.show").set_value("none").run()
    at.toggle(key="label.advance").set_value(True).run()
    for _ in range(2):
        at.button(key="label.non_preferred").click().run()
    assert marked(workspace) == [0, 1]
    assert at.subheader[0].value == "Trajectory 2"


def test_keys_are_applied_in_their_order_and_once(workspace, info, monkeypatch):
    monkeypatch.setattr(hotkeys, "_hotkeys", lambda on_events_change, **_: on_events_change())  # AppTest calls none
    at = page(trajectory="3")
    events = [{"number": i, "key": key, "about": info.id} for i, key in enumerate("njnjpzkq", start=1)]
    for so_far in (events[:6], events):
        at.session_state["label.keys"] = {"events": so_far}
        at.run()
    assert marked(workspace) == [3, 4]
    assert marked(workspace, "preferred") == []
    assert [action.origin for action in labels(workspace).history()] == ["undo", "hand", "hand", "hand"]
    assert at.subheader[0].value == "Trajectory 4"


@pytest.mark.parametrize("late", ["key", "choice"])
def test_a_key_is_void_where_another_dataset_is_chosen_than_it_was_pressed_for(workspace, info, monkeypatch, late):
    def apply(on_events_change, **_):
        if late == "choice":  # heard with the key: the callbacks are still those of the dataset before
            state.dataset.set("other")
        on_events_change()

    monkeypatch.setattr(hotkeys, "_hotkeys", apply)
    pressed_for = add_dataset(workspace, "other", n=N + 1) if late == "key" else info
    at = page(dataset="walks")
    at.session_state["label.keys"] = {"events": [{"number": 1, "key": "u", "about": pressed_for.id}]}
    at.run()
    assert marked(workspace, "unsure") == []


def test_a_key_that_fails_does_not_come_again(workspace, info, monkeypatch):
    def fail(info, key):
        pressed.append(key)
        raise ValueError(key)

    pressed = []
    monkeypatch.setattr(hotkeys, "_hotkeys", lambda on_events_change, **_: on_events_change())
    monkeypatch.setattr(label_actions, "press", fail)
    at = page()
    at.session_state["label.keys"] = {"events": [{"number": 1, "key": "u", "about": info.id}]}
    at.run()
    assert at.exception
    assert not at.run().exception
    assert pressed == ["u"]


@pytest.mark.parametrize("action", ["preferred", "undo", "redo", "next", "tag.add"])
def test_an_action_is_told_that_somebody_has_removed_the_dataset(workspace, info, action):
    other = add_dataset(workspace, "other", n=N + 1)
    at = page(dataset="walks", trajectory="3")
    remove_dataset(workspace, "walks")
    at.button(key=f"label.{action}").click().run()
    assert not at.exception
    assert [toast.value for toast in at.toast] == [
        "there is no dataset 'walks'; `safemil datasets` lists them",
        "There is no dataset `walks`; this is `other`.",
    ]
    assert not store(workspace).labels(other.name).history()


def test_the_history_can_be_gone_back_to(workspace, info):
    first = labels(workspace).mark([1], "preferred", author="ann")
    labels(workspace).mark([2, 3], "non_preferred", author="ann", note="too fast")
    at = page_with_history()
    assert any("2 trajectories: non-preferred · `too fast`" in words for words in said(at))
    assert any("trajectory 1: preferred" in words for words in said(at))
    at.button(key=f"label.restore.{first}").click().run()
    assert (marked(workspace), marked(workspace, "preferred")) == ([], [1])
    at.button(key="label.restore.0").click().run()
    assert marked(workspace, "preferred") == []


def test_labels_come_in_from_a_file(workspace, info):
    at = page_with_history()
    at.file_uploader[0].upload("mine.csv", b"trajectory,label\n4,non_preferred\n5,preferred\n", "text/csv")
    next(b for b in at.button if "import" in b.key).click().run()
    assert not at.exception
    assert (marked(workspace), marked(workspace, "preferred")) == ([4], [5])
    assert labels(workspace).history()[0].origin == "file"
    assert "History as JSON lines" in [button.proto.label for button in at.get("download_button")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"trajectory,label\n4,bad\n", "row 1: unknown label 'bad'"),
        (b"a,b\n1,2\n", "expected the columns trajectory,label"),
        (b"trajectory,label\n99,preferred\n", "there is no trajectory 99"),
        (b"\xff\xfe\x00", "this is not a text file in UTF-8"),
    ],
)
def test_a_bad_label_file_changes_nothing(workspace, info, content, sentence):
    at = page_with_history()
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
    data = staged(at)
    assert (data["film"], data["busy"], data["message"]) == (None, True, "Rendering the replay…")
    np.testing.assert_array_equal(data["lines"]["true cost"], store(workspace).open("walks")[3].costs)
    assert list(data["lines"]) == ["true cost", "reward", "action 0", "action 1"]
    path = workspace.replay(info.replays, 3)
    path.with_suffix(".json").write_text('{"fps": 20, "stride": 5, "exact": false, "note": "placed"}')
    path.write_bytes(b"mp4")
    at.run()
    data = staged(at)
    assert data["film"] == f"film/{info.replays}/3", "another environment shows the same content otherwise"
    film = data["items"][data["film"]]
    assert (film["video"], film["stride"], film["exact"], film["note"]) == ("bXA0", 5, False, "placed")
    assert data["shown"] not in data["items"], "the browser has it already"


def test_a_video_is_read_once_the_browser_lacks_it(workspace, info, monkeypatch):
    path = workspace.replay(info.replays, 3)
    path.with_suffix(".json").write_text('{"fps": 20, "stride": 5, "exact": false, "note": "placed"}')
    path.write_bytes(b"mp4")
    read = []
    monkeypatch.setattr(resources, "read_replay", lambda path: read.append(path.name) or read_replay(path))
    at = page(trajectory="3")
    assert read == ["000003.mp4"]
    assert staged(at.run())["film"] == f"film/{info.replays}/3"
    assert read == ["000003.mp4"]


def test_what_a_run_has_learned_anew_is_sent_anew(workspace, info):
    mark_costliest(workspace, info)
    run = finish(new_run(workspace, info), workspace)
    at = page(trajectory="3", run=run.id)
    first = staged(at)
    assert staged(at.run())["shown"] == first["shown"]
    costs = run.costs()
    costs.assign(cost=costs["cost"] / 2).to_parquet(run.folder / "costs.parquet")
    again = staged(at.run())
    assert again["shown"] != first["shown"]
    np.testing.assert_array_equal(again["lines"]["learned cost"], first["lines"]["learned cost"] / 2)


def test_a_failed_renderer_is_said(workspace, info, monkeypatch):
    failed = Progress("failed", message="no simulator; install it")
    monkeypatch.setattr(Task, "progress", property(lambda task: failed))
    data = staged(page())
    assert (data["message"], data["busy"]) == ("No replay: no simulator; install it", False)


def test_without_an_environment_there_is_no_replay(workspace, wishes):
    add_dataset(workspace, env_id=None)
    data = staged(page())
    assert data["message"].startswith("No replay: this dataset names no environment.")
    assert (data["hasScreen"], wishes) == (False, [])


def test_a_finished_run_adds_its_learned_cost(workspace, info):
    mark_costliest(workspace, info)
    run = finish(new_run(workspace, info), workspace)
    at = page(trajectory="3")
    np.testing.assert_allclose(table(at)["learned cost"], run.trajectories()["cost_sum"])
    learned = run.costs().query("trajectory == 3")["cost"]
    np.testing.assert_array_equal(staged(at)["lines"]["learned cost"], learned.astype(np.float32))


def test_without_the_truth_the_page_still_works(workspace):
    add_dataset(workspace, has_truth=False)
    at = page()
    assert not at.exception
    assert list(table(at).columns) == ["#", "label"]
    assert list(staged(at)["lines"]) == ["action 0", "action 1"]
