import h5py
import numpy as np
import pytest
from run_fixtures import APP, add_dataset, store
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
    at.file_uploader[0].upload(path.name, path.read_bytes(), "application/x-hdf5")
    if name:
        at.text_input(key="datasets.upload.0.name").set_value(name)
    return next(b for b in at.button if "upload" in b.key).click().run()


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
    assert at.success[0].value == "`three_walks` is valid: 3 trajectories, 12 steps."
    assert [info.name for info in store(workspace).list()] == ["three_walks"]
    assert not any(workspace.uploads.iterdir())
    assert {metric.label: metric.value for metric in at.metric}["Steps each"] == "4"


def test_a_broken_upload_is_named_in_one_sentence_and_leaves_nothing(workspace, tmp_path):
    bad = np.zeros((12, 1), dtype=np.float32)
    bad[6] = np.nan
    at = upload(page(), hdf5(tmp_path, actions=bad))
    assert not at.exception
    assert "'actions' has a value that is not finite in trajectory 1 at step 2" in at.error[0].value
    assert is_clean(workspace)


def test_what_is_no_hdf5_is_refused(workspace, tmp_path):
    path = tmp_path / "fake.h5"
    path.write_bytes(b"not really")
    at = upload(page(), path)
    assert at.error[0].value == "fake.h5 is not a DSRL HDF5 file; convert it or choose another"
    assert is_clean(workspace)


def test_a_bad_name_is_refused_with_a_better_one(workspace, tmp_path):
    at = upload(page(), hdf5(tmp_path), name="My Walks")
    assert "like 'my-walks'" in at.error[0].value
    assert is_clean(workspace)


def test_a_path_is_imported_under_the_given_name_and_environment(workspace, tmp_path):
    path = hdf5(tmp_path)
    at = page()
    next(t for t in at.text_input if t.label == "Path").set_value(str(path))
    at.text_input(key="datasets.path.name").set_value("walks")
    at.text_input(key="datasets.path.env").set_value("SafetyCarCircle-v0")
    next(b for b in at.button if "path" in b.key).click().run()
    assert not at.exception
    assert store(workspace).info("walks").env_id == "SafetyCarCircle-v0"
    assert path.exists()


@pytest.mark.parametrize(("text", "words"), [("/nowhere/at.hdf5", "there is no such file"), ("/tmp", "no such file")])
def test_a_path_that_is_no_file_is_said(workspace, text, words):
    at = page()
    next(t for t in at.text_input if t.label == "Path").set_value(text)
    next(b for b in at.button if "path" in b.key).click().run()
    assert words in at.error[0].value


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
