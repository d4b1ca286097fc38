"""Event files, read back by TensorBoard itself."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest
from factories import add_dataset, new_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from safemil_core.errors import AlreadyExists, InvalidConfig
from safemil_core.running.event_files import event_file_zip, write_event_file
from safemil_core.running.run_notes import RunNote

NOTE = RunNote(name="**small** bags", text="<b>why</b>")


@pytest.fixture
def run(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    run.append_metrics({"update": 25, "seconds": 0.5, "cost_loss": 0.75})
    run.append_metrics({"update": 50, "seconds": 2.0, "cost_loss": 0.5, "policy_loss": 4.0})
    run.write_json("outcome.json", {"step_auc": 0.875, "trajectory_spearman": None, "seconds": 2.5})
    return run


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_every_logged_value_comes_back_with_its_update_and_time(run, tmp_path):
    path = write_event_file(run, NOTE, tmp_path / "board")
    assert path.parent == tmp_path / "board" / run.id
    events = read(path.parent)
    assert events.Tags()["scalars"] == ["train/cost_loss", "train/policy_loss", "outcome/step_auc"]
    loss = events.Scalars("train/cost_loss")
    assert [(event.step, event.value) for event in loss] == [(25, 0.75), (50, 0.5)]
    assert loss[1].wall_time - loss[0].wall_time == 1.5
    assert [(event.step, event.value) for event in events.Scalars("train/policy_loss")] == [(50, 4.0)]
    assert [(event.step, event.value) for event in events.Scalars("outcome/step_auc")] == [(50, 0.875)]


def test_settings_are_there_for_the_hparams_tab(run, tmp_path):
    events = read(write_event_file(run, NOTE, tmp_path).parent)
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    session = metadata.parse_session_start_info_plugin_data(content)
    assert session.hparams["cost.bag_size"].number_value == run.config.cost.bag_size
    assert session.hparams["normalise"].bool_value is True
    assert session.hparams["cost.hidden_sizes"].string_value == str(run.config.cost.hidden_sizes)


def test_what_people_say_of_the_run_is_shown_as_code_not_as_markup(run, tmp_path):
    events = read(write_event_file(run, NOTE, tmp_path).parent)
    (tensor,) = events.Tensors("run")
    lines = tensor.tensor_proto.string_val[0].decode().splitlines()
    assert all(line.startswith("    ") for line in lines)
    about = json.loads("\n".join(lines))
    assert (about["name"], about["note"], about["id"]) == (NOTE.name, NOTE.text, run.id)


def test_writing_again_replaces_what_was_there(run, tmp_path):
    path = write_event_file(run, NOTE, tmp_path)
    run.append_metrics({"update": 75, "seconds": 3.0, "cost_loss": 0.25})
    assert write_event_file(run, NOTE, tmp_path) == path
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert [event.step for event in read(path.parent).Scalars("train/cost_loss")] == [25, 50, 75]


def test_a_run_without_rows_still_has_its_settings(workspace, tmp_path):
    add_dataset(workspace)
    events = read(write_event_file(new_run(workspace), RunNote(), tmp_path).parent)
    assert events.Tags()["scalars"] == []
    assert "_hparams_/session_start_info" in events.Tags()["tensors"]


def test_while_the_truth_is_hidden_it_is_left_out(run, tmp_path):
    with ZipFile(BytesIO(event_file_zip(run, NOTE, shows_truth=False))) as archive:
        archive.extractall(tmp_path)
    assert read(tmp_path / run.id).Tags()["scalars"] == ["train/cost_loss", "train/policy_loss"]


def test_the_zip_holds_the_same_folder(run, tmp_path):
    path = write_event_file(run, NOTE, tmp_path)
    with ZipFile(BytesIO(event_file_zip(run, NOTE, shows_truth=True))) as archive:
        archive.extractall(tmp_path / "unpacked")
    (unpacked,) = (file for file in (tmp_path / "unpacked").rglob("*") if file.is_file())
    assert unpacked.relative_to(tmp_path / "unpacked") == path.relative_to(tmp_path)
    assert read(unpacked.parent).Scalars("train/cost_loss") == read(path.parent).Scalars("train/cost_loss")


def test_a_file_is_no_folder_to_write_into(run, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(AlreadyExists, match="taken is a file; name a folder"):
        write_event_file(run, NOTE, tmp_path / "taken")


def test_settings_of_another_version_are_refused_and_nothing_is_left_half_written(run, tmp_path):
    run.write_json("config.json", {"colour": "red"})
    with pytest.raises(InvalidConfig, match="unknown setting 'colour'"):
        write_event_file(run, NOTE, tmp_path)
    assert [path.name for path in (tmp_path / run.id).iterdir()] == []
