"""Real processes that crash, hang and leak: what they do not take with them, and what is said of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safemil_core.assessment.simulator_workers import MOST_AT_ONCE, TaskLost, Watch, work_through
from safemil_core.errors import NotReady

WATCH = Watch(patience_s=2.0, memory_limit=2**27, repeats=1)


@pytest.fixture
def work(tmp_path):
    """Have numbers squared by real workers; trouble is `{number: kind}`. Gives what came back."""

    def run(n, trouble=None, *, always=False, n_workers=2, on_done=lambda *_: None):
        tasks = [
            {"number": i, "trouble": (trouble or {}).get(i), "always": always, "file": str(tmp_path / str(i))}
            for i in range(n)
        ]
        done = {}

        def keep(number, content):
            done[number], _ = json.loads(content)
            on_done(number, content)

        work_through("unreliable_worker", [json.dumps(task).encode() for task in tasks], keep, n_workers, WATCH)
        return done

    return run


def begun(tmp_path, number):
    """The processes that began a task."""
    return [int(line) for line in (tmp_path / str(number)).read_text().split()]


def is_gone(pid):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_every_task_is_done_once_by_few_processes_that_then_end(work, tmp_path):
    n = 3 * MOST_AT_ONCE
    assert work(n) == {i: i**2 for i in range(n)}
    pids = {pid for i in range(n) for pid in begun(tmp_path, i)}
    assert sum(len(begun(tmp_path, i)) for i in range(n)) == n
    assert len(pids) <= 2
    assert os.getpid() not in pids
    assert all(map(is_gone, pids))


def test_nothing_to_do_starts_nothing(work):
    assert work(0) == {}


@pytest.mark.parametrize("trouble", ["exit", "kill", "fail", "hang", "leak"])
def test_trouble_costs_a_worker_and_what_it_held_is_begun_again(work, tmp_path, trouble, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert work(8, {3: trouble}) == {i: i**2 for i in range(8)}
    first, second = begun(tmp_path, 3)
    assert first != second
    assert is_gone(first)
    assert all(len(begun(tmp_path, i)) <= 2 for i in range(8))
    assert "tasks are begun again" in capfd.readouterr().err
    assert not (tmp_path / "leaked").exists()  # workers have a folder of their own


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("exit", "ended with exit code 3"),
        ("kill", "was ended by SIGKILL"),
        ("fail", "ended with KeyError: 'no such wheel'"),
        ("hang", "gave no sign of life for 2 s"),
        ("leak", "took more than 0.1 GiB of memory"),
    ],
)
def test_a_task_that_ends_its_worker_every_time_is_given_up_and_takes_no_other_with_it_twice(
    work, tmp_path, trouble, cause
):
    done = []
    with pytest.raises(TaskLost) as lost:
        work(5, {2: trouble}, always=True, n_workers=1, on_done=lambda number, _: done.append(number))
    assert (lost.value.number, lost.value.cause) == (2, cause)
    assert len(begun(tmp_path, 2)) == 1 + WATCH.repeats
    assert set(done) >= {0, 1}
    assert all(map(is_gone, begun(tmp_path, 2)))


def test_two_bad_tasks_are_told_from_the_good_ones(work):
    done = []
    with pytest.raises(TaskLost) as lost:
        work(6, {1: "exit", 4: "exit"}, always=True, n_workers=1, on_done=lambda number, _: done.append(number))
    assert lost.value.number in (1, 4)
    assert 0 in done


def test_what_is_refused_is_said_here_as_the_error_that_it_is_and_not_tried_again(work, tmp_path):
    with pytest.raises(NotReady, match=r"^not before noon$"):
        work(2, {1: "refuse"}, n_workers=1)
    assert len(begun(tmp_path, 1)) == 1
    assert is_gone(begun(tmp_path, 1)[0])


def test_an_error_of_whoever_is_told_ends_the_workers(work, tmp_path):
    def full(number, content):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        work(4, {3: "hang"}, on_done=full)
    assert all(map(is_gone, {pid for file in tmp_path.iterdir() for pid in begun(tmp_path, file.name)}))


def test_a_worker_that_hangs_ends_with_whoever_started_it(tmp_path):
    task = json.dumps({"number": 1, "trouble": "hang", "always": True, "file": str(tmp_path / "1")})
    code = (
        "from safemil_core.assessment.simulator_workers import work_through; "
        f"work_through('unreliable_worker', [{task.encode()!r}], print)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        while not (tmp_path / "1").exists() or not begun(tmp_path, 1):
            assert parent.poll() is None
            time.sleep(0.05)
        parent.send_signal(signal.SIGKILL)
    assert is_gone(begun(tmp_path, 1)[0])
