"""Commands for jobs: the queue, stop and resume, runs like others, warm starts, reruns."""

import json
import re

import pytest
from factories import TINY, add_dataset, crossing_arrays, new_run, store_of

from safemil_core.data.database import Database
from safemil_core.running.job_store import JobStore
from safemil_core.running.run_folder import MODELS
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run

QUICK = ["--set", "cost.updates=5", "--set", "policy.updates=5", "--set", "cost.hidden_sizes=[4]", "--device", "cpu"]
SAME = dict.fromkeys(MODELS, True)


@pytest.fixture
def walks(workspace):
    info = add_dataset(workspace)
    store_of(workspace).labels("walks").mark((1, 3, 5), "non_preferred", author="ann")
    return info


@pytest.fixture
def trained(workspace, walks):
    """A small run that is done."""
    run = new_run(workspace, marked=(7,))
    train_run(workspace, run, "cpu")
    return run


@pytest.fixture
def busy(workspace, walks):
    """A run that takes all of the processor: it counts as trained by this very process."""
    run = new_run(workspace)
    JobStore(Database(workspace.database)).begin(run.id, asked="cpu", author="ann")
    return run


def test_a_queued_run_waits_is_stopped_and_goes_on(json_of, safemil, refused, workspace, busy):
    document = json_of("train", "walks", *QUICK, "--queue")
    run = RunStore(workspace).open(document["run"])
    assert document == {"run": run.id, "dataset": "walks", "state": "queued", "device": "cpu"}
    rows = {row["run"]: row for row in json_of("runs")}
    assert (rows[run.id]["state"], rows[busy.id]["state"], rows[busy.id]["device"]) == ("queued", "running", "cpu")
    assert f"{run.id}  walks  queued\n" in safemil("runs")[1] + "\n"
    assert json_of("stop", run.id) == {"run": run.id, "state": "stopped"}
    assert safemil("resume", run.id, "--queue")[1] == f"run {run.id}: queued; `safemil runs` says how far it is\n"
    assert refused("resume", run.id) == (
        f"run {run.id} is queued; only one that was stopped, has failed or is lost can be resumed"
    )
    assert safemil("stop", run.id)[1] == f"run {run.id}: stopped\n"
    assert json_of("log", run.id) == {"run": run.id, "log": ""}

    trained = json_of("resume", run.id)
    assert (trained["run"], trained["state"]) == (run.id, "done")
    assert "step_auc" in trained
    row = {row["run"]: row for row in json_of("runs")}[run.id]
    assert (row["state"], row["done"], row["total"], row["attempt"]) == ("done", 10, 10, 3)
    code, out, _ = safemil("log", run.id)
    assert code == 0
    assert re.search(r"attempt 3 begins in process \d+\n.* training on cpu from the beginning\n.* done after 10", out)
    assert "is done; only one that was stopped" in refused("resume", run.id)
    assert refused("delete", busy.id) == f"run {busy.id} is being trained; stop it first"
    assert json_of("delete", run.id) == {"run": run.id, "state": "deleted"}
    assert [row["run"] for row in json_of("runs")] == [busy.id]


def test_a_running_run_says_how_fast_it_is_and_a_failed_one_why(json_of, safemil, workspace, busy):
    jobs = JobStore(Database(workspace.database))
    with jobs._database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET done = 500, total = 2000, rate = 30")
    (row,) = json_of("runs")
    assert (row["rate"], row["seconds_left"]) == (30, 50)
    assert safemil("runs")[1] == f"{busy.id}  walks  running  500 of 2,000 updates  30 a second on cpu, 50 s left\n"
    jobs.end(jobs.find(busy.id), "failed", "the disk is full; free some space")
    assert safemil("runs")[1] == f"{busy.id}  walks  failed  500 of 2,000 updates  the disk is full; free some space\n"


def test_a_run_like_another_has_its_settings_data_and_labels(json_of, refused, workspace, trained):
    store_of(workspace).labels("walks").mark((9,), "non_preferred", author="ann")
    same = json_of("train", "--like", trained.id, "--set", "policy.updates=7", "--device", "cpu")
    run = RunStore(workspace).open(same["run"])
    assert run.config == TINY.with_values(["policy.updates=7"])
    assert (run.info.dataset_id, run.info.label_snapshot) == (trained.info.dataset_id, trained.info.label_snapshot)
    now = json_of("train", "walks", "--like", trained.id, "--seed", 4, "--device", "cpu")
    run = RunStore(workspace).open(now["run"])
    assert run.config == TINY.with_values(["seed=4"])
    assert (trained.info.n_non_preferred, run.info.n_non_preferred) == (4, 5)

    assert refused("train") == "name a dataset, or a run to begin from with --like; `safemil datasets` lists them"
    assert "use one of them" in refused("train", "--like", trained.id, "--paper")
    assert "use one of them" in refused("train", "walks", "--plain", "--paper")
    assert "there is no run 'nothing'" in refused("train", "--like", "nothing")


def test_a_warm_start_takes_the_cost_network_of_a_run_that_fits(json_of, refused, workspace, trained):
    document = json_of("train", "--like", trained.id, "--warm-start", trained.id, "--device", "cpu")
    run = RunStore(workspace).open(document["run"])
    assert run.info.warm_start == trained.id
    assert run.warm_file.read_bytes() == trained.model("cost").read_bytes()
    add_dataset(workspace, "strolls", crossing_arrays(seed=1))
    json_of("label", "strolls", "--non-preferred", "1")
    assert refused("train", "strolls", "--warm-start", trained.id, "--device", "cpu") == (
        f"run {trained.id} was trained on 'walks', and not on 'strolls'; begin with a run of the same dataset, or anew"
    )
    assert refused("train", "walks", "--warm-start", trained.id, *QUICK) == (
        f"the cost network of run {trained.id} has cost.hidden_sizes=(8,), and not (4,); set it to that, or begin anew"
    )
    unfinished = new_run(workspace)
    assert "has no cost.safetensors yet" in refused("train", "--like", unfinished.id, "--warm-start", unfinished.id)
    assert len(RunStore(workspace).list()) == 3


def test_a_rerun_gives_the_same_networks_and_says_so(json_of, safemil, workspace, trained):
    store_of(workspace).labels("walks").mark((9,), "non_preferred", author="ann")
    code, out, err = safemil("rerun", trained.id, "--device", "cpu", "--json")
    document = json.loads(out)
    assert code == 0, err
    assert (document["rerun_of"], document["differences"], document["same"]) == (trained.id, [], SAME)
    assert err.startswith("the same versions, code and machine\n")
    run = RunStore(workspace).open(document["run"])
    assert (run.info.rerun_of, run.info.n_non_preferred) == (trained.id, 4)

    about = json.loads((trained.folder / "run.json").read_text())
    about |= {"versions": {**about["versions"], "torch": "1.0"}, "code": "another"}
    (trained.folder / "run.json").write_text(json.dumps(about))
    network = trained.model("safe")
    network.write_bytes(network.read_bytes()[:-1] + b"!")
    code, out, err = safemil("rerun", trained.id, "--device", "cpu")
    assert code == 0, err
    assert err.startswith(f"torch 1.0 then, {run.info.versions['torch']} now; safemil_core's code has changed\n")
    assert out.splitlines()[-1] == f"safe: not the same as of run {trained.id}"


def test_a_rerun_of_a_method_that_learns_no_cost_compares_its_policies(json_of, workspace, walks):
    run = new_run(workspace, config=TINY.with_values(["method=bc"]))
    train_run(workspace, run, "cpu")
    assert json_of("rerun", run.id, "--device", "cpu")["same"] == {"safe": True, "bc": True}


def test_a_rerun_of_a_run_without_networks_has_nothing_to_compare(safemil, workspace, walks):
    run = new_run(workspace)
    code, out, err = safemil("rerun", run.id, "--device", "cpu")
    assert code == 0, err
    assert out.splitlines()[-1] == f"there are no networks to compare with those of run {run.id}"


def test_what_makes_no_sense_is_said_before_anything_is_queued(json_of, refused, walks, monkeypatch):
    assert "cost.bag_size must be greater" in refused("train", "walks", "--set", "cost.bag_size=0", "--queue")
    assert json_of("runs") == []
    monkeypatch.setenv("SAFEMIL_JOBS_PER_DEVICE", "none")
    assert refused("runs") == "SAFEMIL_JOBS_PER_DEVICE must be a number from 1, got 'none'"
