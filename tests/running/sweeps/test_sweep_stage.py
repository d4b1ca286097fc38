"""A sweep by real worker processes: what is done stays done, whoever is killed."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from factories import add_dataset

from safemil_core.errors import InvalidConfig, NotFound, NotReady
from safemil_core.running.sweeps.local_workers import WORKER
from safemil_core.running.sweeps.sweep_folder import SweepStore
from safemil_core.running.sweeps.sweep_stage import run_sweep
from safemil_core.running.sweeps.trials import Row, wanted_trials

SPEC = """
name = "bags"
datasets = ["{dataset}"]
seeds = 2
episodes = 0
updates = [10, 20]
[labels]
share = 0.5
[base]
cost.hidden_sizes = [8]
[grid]
labels.n_non_preferred = {n_non_preferred}
"""


@pytest.fixture
def sweep(workspace, tmp_path):
    """Have the sweep of walks marked in these numbers."""

    def take(n_non_preferred=(4,), dataset="walks"):
        path = tmp_path / "bags.toml"
        path.write_text(SPEC.format(dataset=dataset, n_non_preferred=list(n_non_preferred)))
        return SweepStore(workspace).take(path)

    add_dataset(workspace)
    return take


def workers() -> list[int]:
    """Those that this process's threads have started and that are still there."""
    children: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended meanwhile; another one has its children now
            children += (task / "children").read_text().split()
    return [int(pid) for pid in children if WORKER in Path(f"/proc/{pid}/cmdline").read_text()]


def test_a_killed_worker_costs_its_trial_alone_and_what_fails_says_why(workspace, sweep):
    taken, killed = sweep(n_non_preferred=(40, 4)), []

    def kill_once(progress):
        if progress.done and not killed:
            killed.extend(workers())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    rows = run_sweep(workspace, taken, n_workers=1, on_progress=kill_once)
    assert len(killed) == 1
    assert [(row.seed, row.settings["labels.n_non_preferred"]) for row in rows] == [(0, 40), (0, 4), (1, 40), (1, 4)]
    for row in rows[1::2]:
        assert row.failure == ""
        assert [look["updates"] for look in row.measured] == [10, 20]
        assert all(0 <= look["step_auc"] <= 1 for look in row.measured)
    assert rows[0].failure.startswith("40 of 40 trajectories cannot be marked non-preferred")
    assert (taken.progress.state, taken.progress.done, taken.progress.total) == ("done", 4, 4)
    assert taken.progress.message == f"2 of 4 trials failed, 2 of them since: {rows[0].failure}"


def test_what_was_done_when_it_was_stopped_is_not_done_again(workspace, sweep):
    taken, told = sweep(), []

    def interrupt(progress):
        if progress.done and not progress.is_finished:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(workspace, taken, n_workers=1, on_progress=interrupt)
    assert workers() == []
    (first,) = taken.rows()
    assert (taken.progress.state, taken.progress.done) == ("stopped", 1)
    rows = run_sweep(workspace, sweep(n_non_preferred=(4, 8)), n_workers=1, on_progress=told.append)
    assert [progress.done for progress in told] == [1, 2, 3, 4, 4]
    assert first in rows
    told.clear()
    assert run_sweep(workspace, taken, on_progress=told.append) == rows
    assert [progress.done for progress in told] == [4, 4]


def test_what_failed_is_done_again(workspace, sweep):
    taken, told = sweep(), []
    failed, _ = wanted_trials(workspace, taken.spec)
    taken.keep(Row.about(failed, failure="the machine was full"))
    rows = run_sweep(workspace, taken, n_workers=1, on_progress=told.append)
    assert [progress.done for progress in told] == [0, 1, 2, 2]
    assert [row.failure for row in rows] == ["", ""]
    assert taken.progress.message == ""


def test_a_dataset_that_is_not_there_is_made_by_the_command_that_is_said(workspace, sweep):
    with pytest.raises(NotFound) as refused:
        run_sweep(workspace, sweep(dataset="ball_run"))
    assert "`python assets/make_tasks.py ball_run --out ball_run.hdf5 && safemil import" in str(refused.value)


def test_two_processes_do_not_do_the_same_sweep(workspace, sweep):
    taken, refusals = sweep(), []

    def another(_progress):
        with pytest.raises(NotReady) as refused:
            run_sweep(workspace, taken)
        refusals.append(str(refused.value))

    assert len(run_sweep(workspace, taken, n_workers=1, on_progress=another)) == 2
    assert set(refusals) == {f"sweep 'bags' is being done by process {os.getpid()}; wait for it, or end that"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[grid]\ncost.updatez = [1]", "sweep 'bags': .*updatez"),
        ('[grid]\n"cost.bag_size" = [2020-01-01]', "sweep 'bags': .*date"),
        ("[random]\nn = 2\nseed = -1\nsettings.cost.updates = [1, 2]", "seed"),
    ],
)
def test_a_specification_that_is_refused_changes_nothing(workspace, sweep, tmp_path, wrong, said):
    taken = sweep()
    before = taken.spec_file.read_text()
    head = SPEC.partition("[grid]")[0].format(dataset="walks")
    for name in ("bags", "others"):
        path = tmp_path / f"{name}.toml"
        path.write_text(head.replace("bags", name) + wrong)
        with pytest.raises(InvalidConfig, match=said.replace("bags", name)):
            SweepStore(workspace).take(path)
    assert taken.spec_file.read_text() == before
    assert [one.name for one in SweepStore(workspace).list()] == ["bags"]


def test_while_a_sweep_is_being_done_its_specification_stays(workspace, sweep):
    taken = sweep()
    before = taken.spec_file.read_text()
    with taken.alone(), pytest.raises(NotReady, match="sweep 'bags' is being done by process"):
        sweep(n_non_preferred=(4, 5))
    assert taken.spec_file.read_text() == before


def test_what_is_left_of_a_removal_that_was_interrupted_goes_with_the_next(workspace, sweep, monkeypatch):
    sweeps = SweepStore(workspace)
    sweep()
    with monkeypatch.context() as killed:
        killed.setattr("safemil_core.running.sweeps.sweep_folder.shutil.rmtree", lambda *_, **__: None)
        sweeps.delete("bags")
    assert (sweeps.list(), [folder.name for folder in workspace.sweeps.iterdir()]) == ([], [".bags"])
    sweep()
    sweeps.delete("bags")
    assert list(workspace.sweeps.iterdir()) == []
