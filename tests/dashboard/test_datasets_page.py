import shutil
import time

import h5py
import numpy as np
from run_fixtures import APP, add_dataset, mark_costliest, new_run, store
from streamlit.testing.v1 import AppTest

from dashboard import resources


def page():
    return AppTest.from_file(str(APP), default_timeout=20).run()


def hdf5(tmp_path, **changes):
    """A valid file of 3 trajectories of 4 steps, with some arrays changed."""
    arrays = {
        "observations": np.arange(24, dtype=np.float32).reshape(12, 2),
        "actions": np.zeros((12, 1), dtype=np.float32),
        "terminals": np.zeros(12, dtype=bool),
        "timeouts": np.arange(12) % 4 == 3,
        "rewards": np.ones(12),
        "costs": np.zeros(12),
        **changes,
    }
    path = tmp_path / "outside" / "Three Walks.hdf5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[key] = values
    return path


def upload(at, path, name=""):
    at.file_uploader[0].upload(path.name, path.read_bytes(), "application/octet-stream")
    at.run()
    if name:
        at.text_input(key="datasets.upload.0.name").set_value(name)
    buttons = [b for b in at.button if b.key == "datasets.upload.0.import"]
    return buttons[0].click().run() if buttons else at


def is_clean(workspace):
    return not any(workspace.uploads.iterdir()) and not any(workspace.datasets.iterdir())


def test_an_empty_workspace_says_what_to_do(workspace):
    at = page()
    assert not at.exception
    assert at.info[0].value == "No dataset yet. Add a file of demonstrations on the right, and it is shown here."
    assert at.file_uploader


def test_a_valid_upload_becomes_the_chosen_dataset_and_nothing_else_stays(workspace, tmp_path):
    at = upload(page(), hdf5(tmp_path))
    assert not at.exception
    assert at.success[0].value == "`three_walks` was imported: 3 trajectories, 12 steps."
    assert [info.name for info in store(workspace).list()] == ["three_walks"]
    assert not any(workspace.uploads.iterdir())
    assert {metric.label: metric.value for metric in at.metric}["Steps each"] == "4"


def test_the_name_that_an_upload_will_have_is_proposed(workspace, tmp_path):
    at = page()
    at.file_uploader[0].upload("Three Walks.hdf5", hdf5(tmp_path).read_bytes(), "application/octet-stream")
    assert at.run().text_input(key="datasets.upload.0.name").placeholder == "three_walks"


def test_a_broken_upload_is_named_in_one_sentence_and_leaves_nothing(workspace, tmp_path):
    bad = np.zeros((12, 1), dtype=np.float32)
    bad[6] = np.nan
    at = upload(page(), hdf5(tmp_path, actions=bad))
    assert not at.exception
    assert "'actions' has a value that is not finite in trajectory 1 at step 2" in at.error[0].value
    assert is_clean(workspace)


def test_what_is_in_no_known_format_is_refused_at_once(workspace, tmp_path):
    path = tmp_path / "fake.h5"
    path.write_bytes(b"not really")
    at = upload(page(), path)
    assert "fake.h5" in at.error[0].value
    assert "Minari" in at.error[0].value
    assert is_clean(workspace)


def test_several_files_make_one_dataset(workspace, tmp_path):
    one = hdf5(tmp_path).rename(tmp_path / "one.hdf5")
    two = hdf5(tmp_path, rewards=np.zeros(12)).rename(tmp_path / "two.hdf5")
    at = page()
    at.file_uploader[0].set_value([(p.name, p.read_bytes(), "application/octet-stream") for p in (one, two)])
    at.run()
    at.button(key="datasets.upload.0.import").click().run()
    assert not at.exception
    assert at.success[0].value == "`one` was imported: 6 trajectories, 24 steps."


def test_the_columns_of_a_table_are_mapped_in_a_dialogue(workspace, tmp_path):
    path = tmp_path / "walks.csv"
    path.write_text("who,px,force\n0,0.5,1\n0,1.5,1\n1,2.5,0\n")
    at = page()
    at.file_uploader[0].upload(path.name, path.read_bytes(), "text/csv")
    at.run()
    at.selectbox(key="datasets.upload.0.trajectory").set_value("who")
    at.multiselect(key="datasets.upload.0.observations").set_value(["px"])
    at.multiselect(key="datasets.upload.0.actions").set_value(["force"])
    at.run()
    at.button(key="datasets.upload.0.import").click().run()
    assert not at.exception
    assert at.success[0].value == "`walks` was imported: 2 trajectories, 3 steps."
    assert store(workspace).open("walks").observations.tolist() == [[0.5], [1.5], [2.5]]


def test_a_bad_name_is_refused_with_a_better_one(workspace, tmp_path):
    at = upload(page(), hdf5(tmp_path), name="My Walks")
    assert "like 'my-walks'" in at.error[0].value
    assert is_clean(workspace)


def wait_for_the_import(at, seconds=60):
    """What the page's own fragment does every second."""
    for _ in range(seconds * 4):
        if (ended := resources.intakes().list()[0].progress).is_finished:
            return at.run(), ended
        time.sleep(0.25)
    raise AssertionError("the import did not end")


def test_a_file_of_this_machine_is_imported_in_a_process_of_its_own(workspace, tmp_path, monkeypatch):
    path = hdf5(tmp_path)
    monkeypatch.setenv("SAFEMIL_DATA_ROOTS", str(path.parent))
    at = page()
    at.multiselect(key="datasets.path.0.paths").set_value([path.name]).run()
    at.text_input(key="datasets.path.0.name").set_value("walks")
    at.text_input(key="datasets.path.0.env").set_value("SafetyCarCircle-v0")
    at.button(key="datasets.path.0.import").click().run()
    assert not at.exception
    told = [success.value for success in at.success]  # once: already here where the import was quick
    at, ended = wait_for_the_import(at)
    assert ended.state == "done", ended
    assert store(workspace).info("walks").env_id == "SafetyCarCircle-v0"
    assert [*told, *(success.value for success in at.success)] == ["`walks` was imported: 3 trajectories, 12 steps."]
    assert not at.run().success
    assert path.exists()


def test_what_the_import_finds_wrong_is_said_on_the_page(workspace, tmp_path, monkeypatch):
    path = hdf5(tmp_path, timeouts=np.zeros(12, dtype=bool))
    monkeypatch.setenv("SAFEMIL_DATA_ROOTS", str(path.parent))
    at = page()
    at.multiselect(key="datasets.path.0.paths").set_value([path.name]).run()
    at.button(key="datasets.path.0.import").click().run()
    at, ended = wait_for_the_import(at)
    assert ended.state == "failed"
    assert ended.message in at.error[0].value
    assert is_clean(workspace)
    next(b for b in at.button if b.label == "Dismiss").click().run()
    assert not at.error


def test_without_data_roots_the_page_says_where_files_belong(workspace):
    at = page()
    assert any(str(workspace.root / "incoming") in m.value for m in at.markdown)


def test_a_version_keeps_what_the_labels_say(workspace):
    info = add_dataset(workspace, n=20)
    store(workspace).labels(info.name).mark([3, 4], "non_preferred", author="ann")
    at = page()
    at.selectbox(key="versions.keep").set_value("not_non_preferred").run()
    assert any("18 trajectories of 20" in c.value for c in at.caption)
    at.button(key="versions.filtered.make").click().run()
    assert not at.exception
    made = store(workspace).info(f"{info.name}-filtered")
    assert (made.n_trajectories, made.parents[0].name) == (18, info.name)
    assert at.subheader[0].value == f"`{made.name}`"


def test_an_export_can_be_downloaded_and_comes_back_the_same(workspace):
    info = add_dataset(workspace, n=6)
    store(workspace).labels(info.name).mark([2], "non_preferred", author="ann")
    at = page()
    at.selectbox(key="export.format").set_value("Parquet").run()
    at.button(key="export.write").click().run()
    assert not at.exception
    assert any(m.value.startswith("6 trajectories as Parquet") for m in at.markdown)
    (path,) = workspace.exports.iterdir()
    store(workspace).add(path, name="back")
    assert store(workspace).labels("back").current().tolist() == ["none"] * 2 + ["non_preferred"] + ["none"] * 3


def test_an_export_is_read_once_it_is_downloaded(workspace, monkeypatch):
    add_dataset(workspace, n=6)
    at, offered = page(), {}
    at.button(key="export.write").click().run()
    monkeypatch.setattr("streamlit.download_button", lambda *args, key, **_: offered.update({key: args[1]}))
    assert not at.run().exception
    (path,) = workspace.exports.iterdir()
    assert offered["export.download"]() == path.read_bytes()


def test_the_card_says_what_is_known(workspace):
    add_dataset(workspace, n=6)
    assert any("## How it is labelled" in code.value for code in page().code)


def test_a_trajectory_alone_is_no_example(workspace):
    add_dataset(workspace, n=1, length=100)
    assert not any(b.label.startswith("Mark the") for b in page().button)


def test_one_click_marks_the_50_costliest_as_an_example(workspace):
    info = add_dataset(workspace, n=220, length=100)
    at = page()
    button = next(b for b in at.button if b.label.startswith("Mark the"))
    assert button.label == "Mark the 50 costliest as an example"
    at = button.click().run()
    labels = store(workspace).labels(info.name)
    costs = store(workspace).open(info.name).true_costs()
    marked = labels.current() == "non_preferred"
    assert marked.sum() == 50
    assert costs[marked].min() >= costs[~marked].max()
    assert labels.history()[0].origin == "example"
    assert not any(b.label.startswith("Mark the") for b in at.button)
    assert "**50 trajectories** marked non-preferred." in [m.value for m in at.markdown]


def test_without_true_costs_there_is_no_example(workspace):
    add_dataset(workspace, has_truth=False)
    at = page()
    assert not at.exception
    assert not any(b.label.startswith("Mark the") for b in at.button)
    assert any("neither rewards nor costs" in m.value for m in at.markdown)


def test_the_dataset_in_the_url_is_shown_and_a_wrong_one_is_not(workspace):
    add_dataset(workspace, "first")
    add_dataset(workspace, "second", n=5)
    at = AppTest.from_file(str(APP), default_timeout=20)
    at.query_params["dataset"] = "second"
    assert at.run().subheader[0].value == "`second`"
    at = AppTest.from_file(str(APP), default_timeout=20)
    at.query_params["dataset"] = "../../etc"
    assert at.run().subheader[0].value == "`first`"


def test_the_bundled_dataset_is_there_from_the_start(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "BUNDLED", hdf5(tmp_path))
    at = page()
    assert at.subheader[0].value == "`car_circle`"


def test_a_harmful_file_name_stays_in_the_uploads_folder(workspace, tmp_path):
    with workspace.received("../../![x](http://e)/.hdf5", (hdf5(tmp_path)).open("rb")) as path:
        assert path.is_relative_to(workspace.uploads)
        assert path.name == "x_http_e_.hdf5"
    assert not any(workspace.uploads.iterdir())


def test_a_dataset_whose_folder_is_gone_is_named_and_the_others_are_there(workspace, tmp_path):
    walks = add_dataset(workspace)
    gone = store(workspace).add(hdf5(tmp_path), name="hops")
    shutil.rmtree(workspace.datasets / gone.id)
    at = page()
    assert not at.exception
    assert at.warning[0].value == "Gone from the workspace: `hops`. Import their files again."
    assert at.subheader[0].value == f"`{walks.name}`"


def test_a_dataset_is_removed_after_a_question_unless_runs_need_it(workspace, tmp_path):
    walks = add_dataset(workspace)
    store(workspace).add(hdf5(tmp_path), name="hops")
    at = page()
    at.button(key="datasets.removal.walks.sure").click().run()
    assert [info.name for info in store(workspace).list()] == ["hops"]
    assert at.subheader[0].value == "`hops`"
    mark_costliest(workspace, add_dataset(workspace))
    new_run(workspace, walks)
    at = AppTest.from_file(str(APP), default_timeout=20)
    at.query_params["dataset"] = "walks"
    at.run()
    assert not at.exception
    assert "Runs that were made of it need it (1)" in " ".join(each.value for each in at.markdown)
    assert not [button for button in at.button if button.label == "Remove for good"]
