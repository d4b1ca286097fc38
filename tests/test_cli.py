"""The command line: JSON and nothing else on standard output, one line and exit code 2 for what the user can mend."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import imageio.v2 as imageio
import pandas as pd
import pytest
from factories import (
    CAR,
    CAR_CIRCLE,
    CAR_SIZES,
    add_dataset,
    dsrl_arrays,
    finished_car_run,
    new_run,
    store_of,
    write_dsrl,
)

from safemil_core.learning.model_files import load_cost, load_policy
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

TINY = ["--set", "cost.updates=5", "--set", "policy.updates=5", "--set", "cost.hidden_sizes=[4]", "--device", "cpu"]


def test_import_says_what_it_has_made(json_of, safemil, workspace, tmp_path):
    arrays = dsrl_arrays()
    arrays["terminals"][:] = False
    file = write_dsrl(tmp_path / "My Walks.hdf5", arrays)
    code, out, err = safemil("import", file)
    assert code == 0
    assert err.endswith("note: 4 steps after the last episode end are left out\n")  # on a busy machine, after a bar
    assert out == "my-walks: 2 trajectories, 8 steps, 3 observations, 2 actions, environment unknown\n"
    document = json_of("import", file, "--name", "walks", "--env", "Some-v0")
    assert document["dataset"] == "walks"
    assert (document["n_trajectories"], document["env_id"]) == (2, "Some-v0")
    assert [row["dataset"] for row in json_of("datasets")] == ["my-walks", "walks"]


def test_a_dataset_is_removed_where_no_run_needs_it(safemil, json_of, refused, workspace):
    info = add_dataset(workspace)
    run = new_run(workspace)
    assert "runs were made of dataset 'walks' (1); delete them first" in refused("remove", "walks")
    json_of("delete", run.id)
    assert safemil("remove", "walks") == (0, "walks: removed\n", "")
    assert json_of("datasets") == []
    add_dataset(workspace)
    (workspace.datasets / info.id).rename(workspace.root / "elsewhere")
    code, out, said = safemil("datasets")
    assert (code, out) == (0, "no datasets yet; `safemil import FILE` brings one\n")
    assert said == "note: the folder of dataset 'walks' is gone or damaged; import its file again, or remove it\n"


def test_an_empty_workspace_says_what_to_do_first(safemil, json_of):
    assert safemil("datasets")[1] == "no datasets yet; `safemil import FILE` brings one\n"
    assert safemil("runs")[1] == "no runs yet; `safemil train DATASET` makes one\n"
    assert json_of("datasets") == []
    assert json_of("runs") == []


def test_labels_by_numbers_by_file_and_back(json_of, safemil, workspace, tmp_path):
    add_dataset(workspace)
    document = json_of("label", "walks", "--non-preferred", "3,17,30-32", "--preferred", "4", "--note", "they fell")
    counts = {"non_preferred": 5, "preferred": 1, "unsure": 0, "none": 34}
    assert document == {"dataset": "walks", "action": 1, **counts}
    (tmp_path / "labels.csv").write_text("label,trajectory\nnone,3\npreferred,17\n")
    document = json_of("label", "walks", "--from", tmp_path / "labels.csv")
    assert (document["non_preferred"], document["preferred"]) == (3, 2)
    assert json_of("label", "walks", "--clear", "30-32")["non_preferred"] == 0
    assert json_of("label", "walks", "--undo")["non_preferred"] == 3
    (row,) = json_of("datasets")
    assert (row["non_preferred"], row["preferred"]) == (3, 2)
    history = store_of(workspace).labels("walks").history()[::-1]
    assert [(a.author, a.origin, a.note) for a in history[:3]] == [
        ("ann", "hand", "they fell"), ("ann", "file", "labels.csv"), ("ann", "hand", ""),
    ]  # fmt: skip
    assert safemil("label", "walks", "--undo")[1] == "walks: 5 non-preferred, 1 preferred, 34 unlabelled\n"


def test_segments_tags_unsure_reasons_and_redo(json_of, workspace):
    add_dataset(workspace)
    assert json_of("label", "walks", "--unsure", "5", "--reason", "blurred")["unsure"] == 1
    assert json_of("label", "walks", "--segment", "7:2-4", "--reason", "fell")["non_preferred"] == 1
    json_of("label", "walks", "--tag", "rainy=7,9")
    json_of("label", "walks", "--untag", "rainy=9")
    state = store_of(workspace).labels("walks").state()
    assert (state.segments, state.tags) == ({7: ((2, 4),)}, {"rainy": (7,)})
    assert (state.labels[5], state.reasons[5], state.reasons[7]) == ("unsure", "blurred", "fell")
    json_of("label", "walks", "--undo")
    assert store_of(workspace).labels("walks").state().tags == {"rainy": (7, 9)}
    json_of("label", "walks", "--redo")
    assert store_of(workspace).labels("walks").state().tags == {"rainy": (7,)}


def test_history_snapshots_and_the_ledger_of_another_workspace(json_of, safemil, workspace, tmp_path):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "3")
    assert json_of("snapshot", "walks", "first-look")[0]["action"] == 1
    json_of("label", "walks", "--preferred", "3,4")
    document = json_of("history", "walks", "--since", "1")
    assert [action["id"] for action in document["actions"]] == [2, 1]
    assert [(c["trajectory"], c["before"], c["after"]) for c in document["changes"]] == [
        (3, "non_preferred", "preferred"), (4, "none", "preferred"),
    ]  # fmt: skip
    document = json_of("train", "walks", *TINY, "--labels", "first-look")
    run = RunStore(workspace).open(document["run"])
    assert (run.info.label_snapshot, run.info.n_non_preferred, run.info.n_preferred) == (1, 1, 0)
    assert safemil("ledger", "walks", "--out", tmp_path / "l.jsonl")[0] == 0
    add_dataset(other := Workspace(tmp_path / "other"))
    json_of("ledger", "walks", "--from", tmp_path / "l.jsonl", "--workspace", other.root)
    labels = [store_of(place).labels("walks").current().tolist() for place in (workspace, other)]
    assert labels[0] == labels[1]
    assert labels[0].count("preferred") == 2


def test_the_queue_says_what_to_look_at_and_why(json_of, workspace):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "3")
    items = json_of("queue", "walks", "--order", "near a marked one", "--count", "5")
    assert len(items) == 5
    assert all(item["trajectory"] != 3 and "trajectory 3" in item["why"] for item in items)


def test_the_queue_goes_by_the_learned_cost_of_a_run_where_one_is_given(json_of, refused, workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    table = pd.DataFrame({"trajectory": range(40), "cost_sum": [100.0 if t == 12 else float(t) for t in range(40)]})
    table.to_parquet(run.folder / "trajectories.parquet")
    for order in ([], ["--order", "learned cost"]):
        items = json_of("queue", "walks", "--run", run.id, *order, "--count", "2")
        assert [item["trajectory"] for item in items] == [12, 39]
        assert items[0]["why"].startswith("Learned cost 100")
    assert json_of("queue", "walks", "--count", "1")[0]["why"] == "Drawn at random, for the audit."
    assert refused("queue", "walks", "--run", run.id, "--order", "number") == (
        "--run gives a learned cost, and the order 'number' goes by something else; give one of them"
    )


def test_the_queue_of_a_dataset_goes_by_no_run_of_another(refused, workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    pd.DataFrame({"trajectory": range(40), "cost_sum": 1.0}).to_parquet(run.folder / "trajectories.parquet")
    add_dataset(workspace, "strolls", dsrl_arrays())
    options = ("--order", "learned cost", "--run", run.id)
    assert f"'strolls' is not the one that run {run.id} was made for" in refused("queue", "strolls", *options)


def test_two_people_who_differ(json_of, workspace):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "1,2", "--author", "ann")
    json_of("label", "walks", "--preferred", "2", "--author", "bob")
    document = json_of("agreement", "walks")
    assert [conflict["trajectory"] for conflict in document["conflicts"]] == [2]
    assert document["pairs"][0]["kappa"]["n"] == 1


def test_versions_remember_their_parents_and_keep_labels(json_of, refused, workspace):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "3,5")
    document = json_of("filter", "walks", "--as", "good", "--keep", "not_non_preferred")
    assert (document["n_trajectories"], document["parents"][0]["name"]) == (38, "walks")
    json_of("filter", "walks", "--as", "bad", "--only", "6,3,5")
    assert store_of(workspace).labels("bad").current().tolist() == ["non_preferred", "non_preferred", "none"]
    assert json_of("merge", "good", "bad", "--as", "both")["n_trajectories"] == 41
    assert "non-preferred" in json_of("card", "bad")["card"]
    wrong = refused("filter", "walks", "--as", "more", "--only", "3,99999")
    assert wrong == "there is no trajectory 99999; they are 0 to 39"


@pytest.mark.parametrize("format_name", ["DSRL HDF5", "Minari", "LeRobot", "NPZ", "Parquet", "robomimic HDF5"])
def test_a_curated_subset_comes_back_the_same(json_of, refused, workspace, tmp_path, format_name):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "3", "--reason", "fell")
    json_of("label", "walks", "--segment", "5:1-2")
    out = tmp_path / "out"
    json_of("curate", "walks", "--format", format_name, "--out", out, "--only", "3-6")
    assert "is there already" in refused("curate", "walks", "--format", format_name, "--out", out)
    json_of("filter", "walks", "--only", "3-6", "--as", "here")
    json_of("import", out, "--name", "back")
    store = store_of(workspace)
    here, back = store.open("here"), store.open("back")
    for key in ("observations", "actions", "rewards", "costs", "offsets"):
        assert getattr(here, key).tobytes() == getattr(back, key).tobytes(), key
    states = [store.labels(name).state() for name in ("here", "back")]
    assert states[0].labels.tolist() == states[1].labels.tolist() == ["non_preferred", "none", "non_preferred", "none"]
    assert states[0].segments == states[1].segments == {2: ((1, 2),)}


def test_a_table_with_columns_of_its_own(json_of, refused, workspace, tmp_path):
    table = pd.DataFrame({"who": [0, 0, 1, 1], "px": [0.0, 1, 2, 3], "force": [1.0, 1, 1, 1]})
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ("--columns", "trajectory=who", "--columns", "observations=px", "--columns", "actions=force")
    document = json_of("import", tmp_path / "t.csv", *options)
    assert (document["n_trajectories"], document["n_steps"], document["observation_names"]) == (2, 4, ["px"])
    assert "assigns no column" in refused("import", tmp_path / "t.csv", "--columns", "trajectory")
    twice = ("--columns", "actions=force", "--columns", "actions=px")
    assert "says 2 times what the actions are" in refused("import", tmp_path / "t.csv", *twice)
    file = write_dsrl(tmp_path / "walks.hdf5", dsrl_arrays())
    assert "it is DSRL HDF5, which has no columns to choose" in refused("import", file, "--columns", "actions=force")


def test_train_gives_a_run_and_shows_its_progress_on_the_other_stream(safemil, json_of, workspace):
    add_dataset(workspace)
    json_of("label", "walks", "--non-preferred", "1,3,5")
    code, out, err = safemil("train", "walks", "--json", "--seed", 7, *TINY)
    assert code == 0, err
    document = json.loads(out)
    assert document.keys() == {"run", "dataset", "state", "step_auc", "trajectory_spearman", "findings", "seconds"}
    assert (document["dataset"], document["state"]) == ("walks", "done")
    assert re.search(r"training: 100%.* 10/10 \[.*<.*update", err)  # a bar with rate and time left
    run = RunStore(workspace).open(document["run"])
    assert (run.config.seed, run.config.cost.updates, run.info.author) == (7, 5, "ann")
    (row,) = json_of("runs")
    assert row["run"] == document["run"]
    assert (row["state"], row["dataset"], row["non_preferred"]) == ("done", "walks", 3)
    assert safemil("runs")[1].startswith(f"{run.id}  walks  done  AUC ")


def test_export_writes_what_was_promised(json_of, workspace, tmp_path):
    run = finished_car_run(workspace)
    for name in ("costs", "trajectories"):
        pd.DataFrame({"trajectory": [0]}).to_parquet(run.folder / f"{name}.parquet")
    document = json_of("export", run.id, "--out", tmp_path / "out")
    names = ["costs.parquet", "trajectories.parquet", "cost.safetensors", "policy.safetensors", "config.json"]
    assert document == {"run": run.id, "out": str(tmp_path / "out"), "files": names}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


def test_runs_side_by_side_with_names_and_only_what_differs(json_of, safemil, refused, workspace):
    info, labels = add_dataset(workspace), store_of(workspace).labels("walks")
    first = new_run(workspace)
    second = RunStore(workspace).create(info, labels, first.config.with_values(["seed=7"]), author="ann")
    first.write_json("outcome.json", {"step_auc": 0.75, "trajectory_spearman": 0.5, "seconds": 1.0})
    second.write_json("outcome.json", {"step_auc": 0.5, "trajectory_spearman": 0.5, "seconds": 1.0})
    assert json_of("note", first.id, "the first one", "--name", "base")["author"] == "ann"
    assert json_of("note", first.id)["text"] == "the first one"
    assert refused("note", first.id, "--name", "n" * 81).startswith("the name of a run has 81 characters")
    found = json_of("compare", first.id, second.id)
    assert [(row["name"], row["step_auc"]) for row in found["runs"]] == [("base", 0.75), ("", 0.5)]
    assert found["best"] == {"step_auc": [first.id]}
    assert found["configuration"] == {"seed": {first.id: "0", second.id: "7"}}
    assert json_of("compare", first.id, second.id, "--all")["configuration"]["cost.bag_size"][first.id] == "8"
    _, out, _ = safemil("compare", first.id, second.id)
    assert "0.75*" in out
    assert "base" in out.splitlines()[-2]  # the head of the table of differences
    assert "bag_size" not in out
    assert refused("compare", first.id, first.id).startswith("one run alone cannot be compared")


def test_event_files_on_request(json_of, workspace, tmp_path):
    add_dataset(workspace)
    run = new_run(workspace)
    found = json_of("tensorboard", run.id, "--out", tmp_path / "board")
    assert Path(found["file"]).is_relative_to(tmp_path / "board" / run.id)
    assert Path(found["file"]).is_file()


def test_the_workspace_may_be_named_before_or_after_the_command_and_over_the_environment(json_of, tmp_path):
    file = write_dsrl(tmp_path / "walks.hdf5")
    json_of("import", file, "--workspace", tmp_path / "a")
    json_of("--workspace", tmp_path / "b", "import", file, "--name", "strolls")
    assert [row["dataset"] for row in json_of("datasets", "--workspace", tmp_path / "a")] == ["walks"]
    assert [row["dataset"] for row in json_of("--workspace", tmp_path / "b", "datasets")] == ["strolls"]
    assert json_of("datasets") == []  # SAFEMIL_WORKSPACE


def test_every_command_has_help(safemil):
    code, out, _ = safemil("--help")
    assert code == 0
    for command in ("import", "datasets", "label", "train", "runs", "export", "evaluate"):
        assert command in out
        code, text, _ = safemil(command, "--help")
        assert code == 0
        for option in ("--json", "--workspace"):
            assert option in text
    assert safemil("--version")[0] == 0


# Refusals


def test_a_file_that_is_no_dataset(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert "notes.txt is " in (said := refused("import", tmp_path / "notes.txt"))
    assert "Minari" in said
    assert refused("import", tmp_path / "no.hdf5") == f"{tmp_path / 'no.hdf5'}: there is no such file"
    arrays = dsrl_arrays()
    arrays["costs"][6] = float("nan")
    assert "bad.hdf5: 'costs' has a value that is not finite in trajectory 1 at step 1" in refused(
        "import", write_dsrl(tmp_path / "bad.hdf5", arrays)
    )
    assert "'A B' cannot name a dataset" in refused("import", write_dsrl(tmp_path / "ok.hdf5"), "--name", "A B")


@pytest.mark.parametrize(
    "arguments",
    [("label", "nothing", "--non-preferred", "1"), ("train", "nothing")],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_dataset(refused, arguments):
    assert refused(*arguments) == "there is no dataset 'nothing'; `safemil datasets` lists them"


@pytest.mark.parametrize("arguments", [("export", "nothing", "--out", "x"), ("evaluate", "nothing")], ids=str)
def test_an_unknown_run(refused, arguments):
    assert refused(*arguments) == "there is no run 'nothing'; `safemil runs` lists them"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--non-preferred", "3;4"), "'3;4' is not a trajectory number or range"),
        (("--non-preferred", "40"), "there is no trajectory 40; they are 0 to 39"),
        ((), "no trajectory was given; name at least one"),
        (("--reason", "fell"), "no trajectory was given; name at least one"),
        (("--undo",), "ann has no action on 'walks' to take back"),
        (
            ("--example", "--preferred", "3"),
            "marks, --example, --from, --segment, --tag, --untag, --undo, --redo are an",
        ),
        (
            ("--non-preferred", "1-5", "--preferred", "3", "--clear", "4"),
            "trajectory 3 is in --non-preferred and in --preferred; give it one label",
        ),
        (
            ("--tag", "wet=3", "--reason", "fell"),
            "a --reason is kept with labels and segments alone; leave it out here",
        ),
        (("--from", "labels.csv", "--reason", "fell"), "a --reason is kept with labels and segments alone"),
        (("--redo", "--reason", "fell"), "a --reason is kept with labels and segments alone"),
        (("--undo", "--note", "wrong"), "a --note is not kept with --undo and --redo; leave it out here"),
        (("--undo", "--non-preferred", "3"), "--undo, --redo are an action each; give one of them"),
        (("--from", "no.csv"), "no.csv: there is no such file"),
        (("--from", __file__), "test_cli.py: expected the columns trajectory,label"),
    ],
)
def test_labels_that_make_no_sense(refused, workspace, options, words):
    add_dataset(workspace)
    assert words in refused("label", "walks", *options)
    assert store_of(workspace).labels("walks").history() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "cost.bags=3"), "unknown setting 'cost.bags'; the settings are cost.network"),
        (("--set", "cost.bag_size=0"), "cost.bag_size must be greater than or equal to 1, got 0"),
        (("--set", "cost.bag_size"), "expected key=value, got 'cost.bag_size'"),
        (("--seed", "-1"), "seed must be greater than or equal to 0"),
        (("--seed", "x"), "'x' is not a valid integer; see safemil train --help"),
        (("--device", "abacus"), "there is no device 'abacus' here; use auto, cpu"),
        (("--colour", "red"), "No such option '--colour'"),
        ((), "0 of 40 trajectories of 'walks' are marked non-preferred; mark at least one"),
    ],
)
def test_a_training_that_cannot_begin_leaves_no_run(refused, json_of, workspace, options, words):
    add_dataset(workspace)
    if options:
        json_of("label", "walks", "--non-preferred", "1")
    assert words in refused("train", "walks", *options)
    assert list(workspace.runs.iterdir()) == []


def test_what_click_itself_refuses(refused, workspace):
    assert "No such command 'fly'" in refused("fly")
    assert "Missing argument 'FILE...'" in refused("import")
    assert "--out" in refused("export", "run")
    run = finished_car_run(workspace)
    assert "'--episodes': 0 is not in the range 1<=x<=" in refused("evaluate", run.id, "--episodes", "0")


def test_a_workspace_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("")
    file = write_dsrl(tmp_path / "walks.hdf5")
    assert (
        refused("datasets", "--workspace", tmp_path / "file")
        == f"the workspace {tmp_path / 'file'} is a file; name a folder"
    )
    assert str(tmp_path / "file") in refused("import", file, "--workspace", tmp_path / "file" / "deeper")
    (tmp_path / "odd" / "safemil.db").mkdir(parents=True)
    assert "safemil.db cannot be used as the database" in refused("datasets", "--workspace", tmp_path / "odd")
    assert refused("datasets", "--workspace", "/proc/nowhere")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_workspace_that_may_not_be_written(tmp_path):
    """As another user, in a process of its own: root may write anywhere."""
    folder = Path("/tmp") / f"safemil-readonly-{os.getpid()}"
    Workspace(folder)
    folder.mkdir(mode=0o755)
    try:
        code = (
            "import os, sys, tempfile; from pathlib import Path; from safemil_core import cli\n"
            "from safemil_core.data.database import Database; Database(Path(tempfile.mkdtemp()) / 'all.db')\n"
            f"os.setuid(65534); sys.argv = ['safemil', 'datasets', '--workspace', {str(folder)!r}]; cli.main()"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    finally:
        folder.rmdir()
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert str(folder) in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_evaluation_that_cannot_be_made(refused, workspace, tmp_path):
    add_dataset(workspace)
    run = new_run(workspace)
    assert "dataset 'walks' names no environment; import its file again with --env" in refused("evaluate", run.id)
    add_dataset(workspace, env_id=CAR)
    assert f"run {run.id} has no safe.safetensors yet" in refused("evaluate", run.id)
    video = tmp_path / "nowhere" / "out.mp4"
    assert refused("evaluate", run.id, "--video", video) == (
        f"the folder of {video} is not there; make it or choose another"
    )


def test_a_simulator_that_does_not_fit_the_dataset(safemil, workspace):
    run = finished_car_run(workspace)
    add_dataset(workspace, "cars", dsrl_arrays((4, 4, 4), *CAR_SIZES), env_id="Pendulum-v1")
    code, out, err = safemil("evaluate", run.id, "--episodes", 1)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith(
        "error: Pendulum-v1 has observations of 3 numbers and actions of 1 number, the dataset has 8 numbers and 2"
    )


# The whole path


def test_from_the_bundled_file_to_a_video(json_of, safemil, tmp_path):
    """Import, label, train, list, export, evaluate, on the bundled dataset, with few updates."""
    name = json_of("import", CAR_CIRCLE, "--name", "cars")["dataset"]
    workspace = Workspace.default()
    true_costs = store_of(workspace).open(name).true_costs()
    costliest = ",".join(map(str, true_costs.argsort()[-50:]))
    assert json_of("label", name, "--non-preferred", costliest)["non_preferred"] == 50
    settings = ["--set", "cost.updates=200", "--set", "policy.updates=200"]
    trained = json_of("train", name, "--seed", 1, *settings)
    assert trained["state"] == "done"
    assert trained["step_auc"] > 0.5  # better than a coin even so
    assert trained["trajectory_spearman"] > 0
    (row,) = json_of("runs")
    assert row["run"] == trained["run"]

    out = tmp_path / "out"
    json_of("export", trained["run"], "--out", out)
    costs, table = pd.read_parquet(out / "costs.parquet"), pd.read_parquet(out / "trajectories.parquet")
    assert costs.columns.tolist() == ["trajectory", "step", "cost"]
    assert len(costs) == 107_700
    assert costs["cost"].between(0, 1).all()
    assert table.columns.tolist() == ["trajectory", "length", "label", "cost_sum", "weight"]
    assert len(table) == 359
    assert (table["weight"] == 0).sum() >= 50
    assert set(table["label"]) == {"none", "non_preferred"}
    assert load_policy(out / "policy.safetensors") is not None
    assert load_cost(out / "cost.safetensors") is not None
    assert json.loads((out / "config.json").read_text())["seed"] == 1

    video = tmp_path / "out.mp4"
    report = json_of("evaluate", trained["run"], "--episodes", 2, "--video", video)
    assert report["run"] == trained["run"]
    assert report["video"] == str(video)
    assert report["policies"].keys() == {"safe", "bc"}
    for metrics in report["policies"].values():
        for key in ("return", "cost", "cvar_cost"):
            assert metrics[key].keys() == {"mean", "low", "high"}
            assert metrics[key]["low"] <= metrics[key]["mean"] <= metrics[key]["high"]
        assert len(metrics["episodes"]) == 2
        assert metrics["return_normalised"] is not None
        assert metrics["return_dsrl"] is not None
    seeds = [[episode["seed"] for episode in metrics["episodes"]] for metrics in report["policies"].values()]
    assert seeds[0] == seeds[1]  # both policies from the same starts
    with imageio.get_reader(video) as reader:
        assert tuple(reader.get_meta_data()["size"]) == (800, 400)
        assert reader.count_frames() == 75
    code, out, _ = safemil("evaluate", trained["run"], "--episodes", 2, "--cost-limit", 0.5)  # of the same episodes
    assert code == 0
    safe, plain, limit, difference = out.splitlines()
    assert safe.startswith(f"safe  return {report['policies']['safe']['return']['mean']:.1f} [")
    assert plain.startswith("bc    return ")
    assert limit == "satisfied: an episode costs at most 0.5, as you chose"
    assert difference.startswith("safe less bc, from the same starts: cost ")
