"""A whole training in this process: what it keeps, and that rewards and true costs never reach it."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from factories import TINY, add_dataset, crossing_arrays, document, new_run, store_of
from torch import tensor

from safemil_core.errors import AlreadyExists, NotFound, NotReady
from safemil_core.learning.model_files import load_cost, load_policy
from safemil_core.learning.weights import cloning_weights, trajectory_costs
from safemil_core.running.export import export_run
from safemil_core.running.provenance import code_digest, provenance
from safemil_core.running.run_folder import MODELS
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run
from safemil_core.workspace import Workspace


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of 40 walkers with four marked and one trusted, its workspace and what it reported."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    add_dataset(workspace)
    store_of(workspace).labels("walks").mark([2], "preferred", author="ann")
    run, reports = new_run(workspace), []
    is_done = train_run(workspace, run, "cpu", on_update=lambda *report: reports.append(report))
    assert is_done
    return workspace, run, reports


def test_a_run_ends_as_done_with_everything_in_its_folder(trained):
    _, run, reports = trained
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert names == {
        "run.json", "config.json", "log.txt", "metrics.jsonl", "outcome.json", "costs.parquet", "trajectories.parquet",
        "doctor/findings.json",
        *(f"{name}.safetensors" for name in MODELS), *(f"checkpoints/000000{n}.safetensors" for n in (20, 40)),
    }  # fmt: skip
    assert reports == [(update, 50, "cpu") for update in (0, 10, 20, 30, 40, 50)]
    assert run.metrics()["update"].tolist() == [10, 20, 30, 40, 50]


def test_its_costs_and_weights_are_those_of_its_models_and_labels(trained):
    workspace, run, _ = trained
    trajectories = store_of(workspace).open("walks")
    costs = run.costs()
    assert costs.columns.tolist() == ["trajectory", "step", "cost"]
    assert costs["trajectory"].tolist() == np.repeat(np.arange(40), 16).tolist()
    assert costs["step"].tolist() == list(range(16)) * 40
    network = load_cost(run.model("cost"))
    again = network(tensor(trajectories.observations), tensor(trajectories.actions)).detach()
    np.testing.assert_allclose(costs["cost"], again, rtol=1e-6)

    table, labels = run.trajectories(), store_of(workspace).labels("walks").current()
    assert table.columns.tolist() == ["trajectory", "length", "label", "cost_sum", "weight"]
    assert table["label"].tolist() == labels.tolist()
    assert table["length"].tolist() == [16] * 40
    sums = trajectory_costs(costs["cost"].to_numpy(), trajectories.offsets, 0.99)
    np.testing.assert_allclose(table["cost_sum"], sums)
    weights = cloning_weights(costs["cost"].to_numpy(), trajectories.offsets, labels, run.config.weights, 0.99)
    np.testing.assert_allclose(table["weight"], weights.trajectories)
    assert (table["weight"][[1, 3, 5, 7]] == 0).all()
    assert table["weight"][2] == table["weight"].max()


def test_its_outcome_compares_with_the_true_costs(trained):
    _, run, _ = trained
    outcome = run.outcome
    assert outcome.keys() == {"step_auc", "trajectory_spearman", "seconds"}
    assert 0 <= outcome["step_auc"] <= 1
    assert -1 <= outcome["trajectory_spearman"] <= 1


def test_its_policies_act(trained):
    _, run, _ = trained
    for name in ("safe", "bc"):
        assert load_policy(run.model(name))(tensor(np.zeros((5, 2), np.float32))).shape == (5, 1)


def changed(kind):
    arrays = crossing_arrays()
    rng = np.random.default_rng(5)
    if kind == "shuffled":
        for key in ("rewards", "costs"):
            arrays[key] = rng.permutation(arrays[key])
    elif kind == "absent":
        del arrays["rewards"], arrays["costs"]
    elif kind == "other actions":
        arrays["actions"] = arrays["actions"][::-1].copy()
    return arrays


def bits_of(run):
    """The files of a run's networks, to the bit."""
    return {model: run.model(model).read_bytes() for model in MODELS}


def models_of(workspace, kind):
    name = kind.replace(" ", "-")
    add_dataset(workspace, name, changed(kind))
    run = new_run(workspace, name, config=TINY.with_values(["cost.inputs=all"]))
    train_run(workspace, run, "cpu")
    return bits_of(run), run


def after(n_asked):
    """Asks training to stop when it has asked so often: once before it begins, and once after every update."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) > n_asked


def all_of(run):
    """What a run has come to: networks, costs, weights and, every ten updates, every logged number but the time."""
    metrics = run.metrics().drop(columns="seconds").query("update % 10 == 0")  # a stop logs a row of its own
    tables = (run.costs(), run.trajectories(), metrics.set_index("update"))
    return bits_of(run), [table.to_csv() for table in tables]


@pytest.mark.parametrize("updates", [1, 12, 20, 21, 49])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(trained, updates):
    workspace, uninterrupted, _ = trained
    run = RunStore(workspace).repeat(uninterrupted, *data_of(workspace), author="ann")
    assert not train_run(workspace, run, "cpu", should_stop=after(updates))
    assert int(run.checkpoints()[0].stem) == updates
    assert run.outcome.keys() == {"step_auc", "trajectory_spearman", "seconds"}
    load_cost(run.model("cost"))  # which made the costs that are there by now
    reports = []
    assert train_run(workspace, run, "cpu", on_update=lambda *report: reports.append(report))
    assert reports[0] == (updates, 50, "cpu")
    assert all_of(run) == all_of(uninterrupted)
    assert not list(run.folder.rglob("*.tmp"))


def test_how_long_a_training_took_is_counted_over_all_its_attempts(trained):
    workspace, uninterrupted, _ = trained
    run = RunStore(workspace).repeat(uninterrupted, *data_of(workspace), author="ann")
    assert not train_run(workspace, run, "cpu", should_stop=after(30))
    rows = [{**row, "seconds": row["seconds"] + 5_000.0} for row in run.metrics().to_dict("records")]
    run.metrics_file.unlink()
    for row in rows:  # as if the first attempt had been a long one
        run.append_metrics(row)
    assert train_run(workspace, run, "cpu")
    assert 5_000 < run.outcome["seconds"] < 5_000 + 1_000


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_run_that_was_stopped_goes_on_on_a_gpu_too_as_if_it_had_not_been(workspace):
    add_dataset(workspace)
    uninterrupted, run = new_run(workspace), new_run(workspace)
    assert train_run(workspace, uninterrupted, "cuda")
    assert not train_run(workspace, run, "cuda", should_stop=after(27))
    assert train_run(workspace, run, "cuda")
    assert run.info.device == "cuda"
    assert all_of(run) == all_of(uninterrupted)


def data_of(workspace, name="walks"):
    datasets = store_of(workspace)
    return datasets.info(name), datasets.labels(name)


@pytest.mark.parametrize("n_torn", [1, 2])
def test_a_checkpoint_that_cannot_be_read_gives_way_to_the_one_before_or_to_the_beginning(trained, n_torn):
    workspace, uninterrupted, _ = trained
    run = RunStore(workspace).repeat(uninterrupted, *data_of(workspace), author="ann")
    train_run(workspace, run, "cpu", should_stop=after(45))
    newest, older = run.checkpoints()
    for path in (newest, older)[:n_torn]:
        path.write_bytes(path.read_bytes()[:-100])
    (run.folder / ".costs.parquet.1-abc.tmp").touch()
    run.findings_file.with_name(".findings.json.1-abc.tmp").touch()
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"update": 46, "cost')
    reports = []
    assert train_run(workspace, run, "cpu", on_update=lambda *report: reports.append(report))
    begun_at = 40 if n_torn == 1 else 0
    assert reports[0] == (begun_at, 50, "cpu")
    assert f"{newest.name} cannot be read as a checkpoint" in run.log_tail(100)
    assert all_of(run) == all_of(uninterrupted)
    assert not list(run.folder.rglob("*.tmp"))


def test_one_that_shall_stop_before_it_begins_has_nothing_and_begins_later(trained):
    workspace, uninterrupted, _ = trained
    run = RunStore(workspace).repeat(uninterrupted, *data_of(workspace), author="ann")
    assert not train_run(workspace, run, "cpu", should_stop=lambda: True)
    assert (run.outcome, run.checkpoints(), run.has_policies) == ({}, [], False)
    assert train_run(workspace, run, "cpu")
    assert all_of(run) == all_of(uninterrupted)


def test_one_that_only_lacked_its_last_files_gets_them(workspace):
    """As when it was killed after its last checkpoint, which here is that of its last update."""
    add_dataset(workspace)
    run = new_run(workspace, config=TINY.with_values(["checkpoint_every=25"]))
    train_run(workspace, run, "cpu")
    before, names = all_of(run), ("outcome.json", "bc.safetensors")
    assert run.checkpoints()[0].stem == "00000050"
    for name in names:
        (run.folder / name).unlink()
    reports = []
    assert train_run(workspace, run, "cpu", on_update=lambda *report: reports.append(report))
    assert reports == [(50, 50, "cpu")]
    assert all_of(run) == before
    assert all((run.folder / name).exists() for name in names)


def test_a_run_may_begin_with_the_cost_network_of_another_and_needs_it_no_more(trained):
    workspace, parent, _ = trained
    store = RunStore(workspace)
    info, labels = data_of(workspace)
    warm, cold = (store.create(info, labels, TINY, author="ann", warm_start=begun) for begun in (parent, None))
    for run in (warm, cold):
        train_run(workspace, run, "cpu")
    assert warm.info.warm_start == parent.id
    assert warm.warm_file.read_bytes() == parent.model("cost").read_bytes()
    assert bits_of(warm)["cost"] != bits_of(cold)["cost"] == bits_of(parent)["cost"]
    again = store.repeat(warm, info, labels, author="ann")
    assert (again.info.warm_start, again.info.rerun_of) == (parent.id, warm.id)
    shutil.rmtree(warm.folder)
    train_run(workspace, again, "cpu")
    assert len(again.metrics()) == 5
    assert bits_of(again)["cost"] != bits_of(cold)["cost"]


def test_a_run_says_what_it_was_trained_with(trained):
    _, run, _ = trained
    info = run.info
    assert info.versions.keys() == {"python", "safemil", "torch", "numpy", "scipy"}
    assert (info.code, info.device) == (code_digest(), "cpu")
    assert info.made_with == provenance("cpu")
    assert info.made_with.differences(provenance("cpu")) == []


def test_rewards_and_true_costs_never_reach_training(workspace):
    """Bit-equal networks on datasets that differ in nothing else, and others on one that differs in its actions."""
    (as_they_are, _), (shuffled, _), (absent, without), (other, _) = (
        models_of(workspace, kind) for kind in ("as they are", "shuffled", "absent", "other actions")
    )
    assert as_they_are == shuffled == absent
    assert all(other[name] != as_they_are[name] for name in MODELS)
    assert without.outcome["step_auc"] is None
    assert without.outcome["trajectory_spearman"] is None


def test_the_labels_of_when_it_was_made_count_whatever_was_said_since(workspace):
    add_dataset(workspace)
    first, second = new_run(workspace), new_run(workspace)
    train_run(workspace, first, "cpu")
    store_of(workspace).labels("walks").mark(range(20, 30), "non_preferred", author="bob")
    train_run(workspace, second, "cpu")
    assert bits_of(first) == bits_of(second)


def test_segments_of_when_it_was_made_are_learned_from(workspace):
    add_dataset(workspace)
    plain = new_run(workspace)
    labels = store_of(workspace).labels("walks")
    labels.mark_segment(1, 8, 12, n_steps=16, author="ann")
    with_segment, again = new_run(workspace), new_run(workspace)
    labels.remove_segment(1, 8, 12, author="ann")
    for run in (plain, with_segment, again):
        train_run(workspace, run, "cpu")
    assert bits_of(with_segment) == bits_of(again)
    assert bits_of(with_segment)["cost"] != bits_of(plain)["cost"]
    assert bits_of(with_segment)["bc"] == bits_of(plain)["bc"]  # a segment says nothing against the same labels


def test_discrete_actions_are_trained_on_as_choices(workspace):
    arrays = crossing_arrays()
    arrays["actions"] = (arrays["actions"][:, 0] > 0).astype(np.int64) * 2
    add_dataset(workspace, arrays=arrays)
    run = new_run(workspace)
    train_run(workspace, run, "cpu")
    network, policy = load_cost(run.model("cost")), load_policy(run.model("safe"))
    assert network(tensor([[0.4, 0.5]]), tensor([[0.0, 0.0, 1.0]])).shape == (1,)  # one input for each of 0, 1 and 2
    assert policy(tensor([[0.4, 0.5]])).item() in (0, 1, 2)
    assert len(run.costs()) == 640


def test_a_run_whose_dataset_has_become_another_is_refused(workspace):
    add_dataset(workspace)
    run = new_run(workspace)
    with store_of(workspace)._database.write() as connection:  # as if somebody had renamed it by hand
        connection.exec_driver_sql("UPDATE dataset_names SET name = 'old'")
    add_dataset(workspace, "walks", crossing_arrays(seed=1))
    with pytest.raises(NotFound, match=r"dataset 'walks' is not the one that run .* was made for; start a new run"):
        train_run(workspace, run, "cpu")


def test_an_export_is_what_other_tools_read(trained, tmp_path):
    _, run, _ = trained
    out = tmp_path / "new" / "folder"
    names = ["costs.parquet", "trajectories.parquet", "cost.safetensors", "policy.safetensors", "config.json"]
    assert export_run(run, out) == names
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert pd.read_parquet(out / "costs.parquet").columns.tolist() == ["trajectory", "step", "cost"]
    assert pd.read_parquet(out / "trajectories.parquet").columns.tolist() == [
        "trajectory", "length", "label", "cost_sum", "weight",
    ]  # fmt: skip
    assert (out / "policy.safetensors").read_bytes() == run.model("safe").read_bytes()
    load_policy(out / "policy.safetensors")
    load_cost(out / "cost.safetensors")
    config = document(out / "config.json")
    assert config["cost"]["bag_size"] == 8
    assert config["run"]["id"] == run.id
    assert export_run(run, out) == names  # again, over the old ones


def test_an_export_of_an_unfinished_run_or_onto_a_file_is_refused(workspace, trained, tmp_path):
    add_dataset(workspace)
    unfinished = new_run(workspace)
    with pytest.raises(NotReady, match=r"has no costs\.parquet yet"):
        export_run(unfinished, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(AlreadyExists, match="file is a file; name a folder"):
        export_run(trained[1], tmp_path / "file")
    with pytest.raises(AlreadyExists, match="is the run's own folder, whose files it would replace; name another one"):
        export_run(trained[1], trained[1].folder / "checkpoints" / "..")


def test_settings_reach_the_training(workspace):
    add_dataset(workspace)
    run = new_run(workspace, config=TINY.with_values(["policy.updates=5", "cost.updates=5", "log_every=1"]))
    train_run(workspace, run, "cpu")
    assert len(run.metrics()) == 10
