"""Runs on disk: what they pin, what their files say while and after training, and when something is gone."""

from dataclasses import replace

import pytest
from factories import TINY, add_dataset, crossing_arrays, new_run, store_of

from safemil_core.data.recording import Part
from safemil_core.errors import InvalidConfig, InvalidLabels, NotFound, NotReady
from safemil_core.running.episode_cache import EpisodeCache
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore


@pytest.fixture
def run(workspace):
    add_dataset(workspace)
    return new_run(workspace)


def test_a_run_pins_its_dataset_labels_and_settings(workspace, run):
    info, dataset = run.info, store_of(workspace).info("walks")
    assert (info.id, info.dataset, info.dataset_id) == (run.id, "walks", dataset.id)
    assert (info.n_non_preferred, info.n_preferred, info.author) == (4, 0, "ann")
    assert run.config == TINY
    labels = store_of(workspace).labels("walks")
    labels.mark(range(10, 20), "non_preferred", author="bob")
    assert (labels.current(info.label_snapshot) == "non_preferred").sum() == 4


def test_a_run_needs_marks_and_something_else(workspace):
    info = add_dataset(workspace)
    labels = store_of(workspace).labels("walks")
    with pytest.raises(
        InvalidLabels, match="0 of 40 trajectories of 'walks' are marked non-preferred; mark at least one"
    ):
        RunStore(workspace).create(info, labels, TINY, author="ann")
    labels.mark(range(40), "non_preferred", author="ann")
    with pytest.raises(InvalidLabels, match="40 of 40 trajectories"):
        RunStore(workspace).create(info, labels, TINY, author="ann")
    assert list(workspace.runs.iterdir()) == []


def test_a_run_needs_images_that_networks_can_read(workspace):
    info = add_dataset(workspace)
    labels = store_of(workspace).labels("walks")
    labels.mark([1], "non_preferred", author="ann")
    of_size = {n: replace(info, images=(Part("eye", (64, n, 3), "uint8"),)) for n in (256, 257)}
    RunStore(workspace).create(of_size[256], labels, TINY, author="ann")
    with pytest.raises(InvalidConfig, match=r"images 'eye' of 'walks' are 64 x 257 pixels, .* up to 256 x 256; make"):
        RunStore(workspace).create(of_size[257], labels, TINY, author="ann")


def test_the_settings_of_a_baseline_are_kept_as_it_is_trained(workspace):
    info = add_dataset(workspace)
    labels, store = store_of(workspace).labels("walks"), RunStore(workspace)
    labels.mark([1], "non_preferred", author="ann")
    run = store.create(info, labels, TINY.with_values(["method=trex_wbc", "baseline.updates=7"]), author="ann")
    assert (run.config.cost.window, run.config.cost.updates, run.config.weights.scheme) == (10, 7, "trajectory")
    (run.folder / "cost.safetensors").touch()
    with pytest.raises(InvalidConfig, match="method=bc learns no costs and begins with no network"):
        store.create(info, labels, run.config.with_values(["method=bc"]), author="ann", warm_start=run)


def test_runs_are_listed_newest_first_and_of_one_dataset_where_asked(workspace, run):
    other = add_dataset(workspace, "strolls", crossing_arrays(seed=1))
    second = new_run(workspace, "strolls")
    store = RunStore(workspace)
    assert {found.id for found in store.list()} == {run.id, second.id}
    assert [found.id for found in store.list()] == sorted([run.id, second.id], reverse=True)
    assert [found.id for found in store.list(other.id)] == [second.id]
    store.delete(second.id)
    assert [found.id for found in store.list()] == [run.id]


def test_with_a_run_go_the_episodes_that_only_its_policies_played(workspace, run):
    second = new_run(workspace)
    for of, safe in ((run, b"one"), (second, b"another")):
        (of.folder / "safe.safetensors").write_bytes(safe)
        (of.folder / "bc.safetensors").write_bytes(b"shared")
    files = {"own": run.model("safe"), "shared": run.model("bc"), "other": second.model("safe"), "random": None}
    played = {whose: EpisodeCache(workspace, "Walk-v0", file).folder for whose, file in files.items()}
    RunStore(workspace).delete(run.id)
    assert {whose for whose, folder in played.items() if folder.exists()} == {"shared", "other", "random"}


def test_what_is_not_a_run_is_not_listed_and_not_opened(workspace, run):
    (workspace.runs / "empty").mkdir()
    (workspace.runs / ".half").mkdir()
    (workspace.runs / ".half" / "run.json").write_text("{}")
    store = RunStore(workspace)
    assert [found.id for found in store.list()] == [run.id]
    for name in ("empty", ".half", "../runs/" + run.id, "", "nothing"):
        with pytest.raises(NotFound, match=r"there is no run .*; `safemil runs` lists them"):
            store.open(name)


def test_nothing_remains_of_a_run_that_a_full_disk_refused(workspace, run, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_settings", refuse)
    with pytest.raises(OSError, match="No space left"):
        new_run(workspace)
    assert list(workspace.runs.iterdir()) == [run.folder]


def test_metrics_leave_out_a_line_that_is_still_being_written(run):
    assert run.metrics().empty
    run.append_metrics({"update": 10, "cost_loss": 0.5})
    run.append_metrics({"update": 20, "cost_loss": float("nan")})
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"update": 30, "cost_l')
    table = run.metrics()
    assert table["update"].tolist() == [10, 20]
    assert table["cost_loss"].isna().tolist() == [False, True]


def test_what_is_not_there_yet_is_said_with_what_to_do(run):
    for ask in (run.costs, run.trajectories, lambda: run.model("safe")):
        with pytest.raises(NotReady, match=rf"run {run.id} has no \w+\.\w+ yet; let its training end, or resume it"):
            ask()
    assert run.outcome == {}
    assert run.evaluation == {}
    assert run.films() == []
    assert run.log_tail() == ""
    (run.folder / "config.json").unlink()
    with pytest.raises(NotFound, match=rf"run {run.id} has lost its config.json; train again"):
        _ = run.config


def test_the_end_of_the_log(run):
    (run.folder / "log.txt").write_text("\n".join(map(str, range(100))))
    assert run.log_tail(3) == "97\n98\n99"
