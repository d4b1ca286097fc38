"""Jobs in the database: who may take which, also when several processes ask at once and when some have died."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from safemil_core.data.database import Database
from safemil_core.running.job_store import DIED, JobStore
from safemil_core.running.progress import process_birth


@pytest.fixture(autouse=True)
def without_cuda(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


@pytest.fixture
def store(workspace):
    return JobStore(Database(workspace.database))


def enqueue(store, *subjects, asked="cpu"):
    return [store.enqueue(subject, asked=asked, author="ann") for subject in subjects]


def set_process(store, subject, pid, born):
    with store._database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET pid = ?, born = ? WHERE subject = ?", (pid, born, subject))


def test_a_job_from_the_queue_to_its_end(store):
    (job,) = enqueue(store, "a")
    assert (job.state, job.attempt, job.asked, job.device, job.author) == ("queued", 1, "cpu", "cpu", "ann")
    assert (job.is_finished, job.started_at, job.seconds, job.seconds_left) == (False, 0, 0, float("inf"))
    claimed = store.claim(1)
    assert (claimed.state, claimed.subject, claimed.pid) == ("running", "a", os.getpid())
    assert claimed.born == process_birth(os.getpid())
    assert claimed.started_at >= claimed.queued_at > 0
    store.report(replace(claimed, done=30, total=50, rate=10.0, device="cuda:1"))
    now = store.find("a")
    assert (now.state, now.done, now.total, now.device, now.seconds_left) == ("running", 30, 50, "cuda:1", 2)
    ended = store.end(replace(now, done=50), "done")
    assert ended == store.find("a") == store.all()["a"]
    assert (ended.state, ended.done, ended.is_finished, ended.can_resume) == ("done", 50, True, False)
    assert ended.seconds == pytest.approx(ended.ended_at - ended.started_at)
    assert store.claim(1) is None


def test_what_is_queued_running_or_done_is_not_started_again(store):
    enqueue(store, "a")
    assert enqueue(store, "a") == [None]
    job = store.claim(1)
    assert enqueue(store, "a") == [None]
    assert store.begin("a", asked="cpu", author="bob") is None
    store.end(job, "done")
    assert enqueue(store, "a") == [None]
    assert store.find("a").attempt == 1


@pytest.mark.parametrize("state", ["stopped", "failed", "lost"])
def test_what_did_not_end_well_can_be_queued_once_more(store, state):
    enqueue(store, "a", "b")
    store.end(replace(store.claim(1), done=7, total=9, rate=2.0), state, "because")
    job = store.find("a")
    assert (job.can_resume, job.message) == (True, "because")
    (again,) = enqueue(store, "a", asked="auto")
    assert (again.id, again.state, again.attempt, again.asked, again.device) == (job.id, "queued", 2, "auto", "cpu")
    assert (again.message, again.rate, again.ended_at, again.pid, again.done) == ("", 0, 0, 0, 7)
    assert [store.claim(5).subject, store.claim(5).subject] == ["b", "a"]  # it goes to the end of the queue


def test_the_oldest_goes_first_and_no_device_takes_more_than_its_limit(store):
    enqueue(store, "a", "b", "c")
    enqueue(store, "d", asked="cuda:1")
    assert store.n_claimable(1) == 2
    assert store.n_claimable(2) == 3
    first = store.claim(1)
    assert first.subject == "a"
    assert store.claim(1).subject == "d"
    assert store.claim(1) is None
    assert store.n_claimable(1) == 0
    assert store.claim(2).subject == "b"
    store.ask_to_stop("a")
    assert store.claim(2) is None  # what is stopping still uses the device
    store.end(first, "stopped")
    assert store.claim(2).subject == "c"


def test_auto_shares_the_limit_of_the_device_that_it_means(store):
    enqueue(store, "a", asked="auto")
    enqueue(store, "b", asked="cpu")
    assert store.n_claimable(1) == 1
    assert store.claim(1).subject == "a"
    assert store.claim(1) is None


def test_a_foreground_job_begins_whatever_the_limit_and_counts(store):
    enqueue(store, "a", "b")
    store.claim(1)
    job = store.begin("c", asked="cpu", author="ann")
    assert (job.state, job.pid, job.attempt) == ("running", os.getpid(), 1)
    assert store.claim(2) is None
    store.end(job, "failed", "no memory")
    assert store.begin("c", asked="cpu", author="ann").attempt == 2


def test_what_a_dead_process_did_is_lost_and_its_place_is_free(store):
    enqueue(store, "a", "b")
    store.claim(1)
    set_process(store, "a", os.getpid(), "another birth")  # the number is taken, but by a later process
    assert store.find("a").state == "running"  # nobody has looked yet
    assert store.n_claimable(1) == 1
    job = store.find("a")
    assert (job.state, job.message, job.is_finished, job.can_resume) == ("lost", DIED, True, True)
    assert store.claim(1).subject == "b"


def test_a_claim_and_a_deletion_see_the_dead_themselves(store):
    enqueue(store, "a", "b", "c")
    store.claim(1)
    set_process(store, "a", 2**22 - 1, "1")
    assert store.claim(1).subject == "b"
    set_process(store, "b", 2**22 - 1, "1")
    assert store.delete("b")
    assert store.find("b") is None


def test_a_stop_ends_what_waits_and_marks_what_runs(store):
    enqueue(store, "a", "b")
    job = store.claim(1)
    assert store.ask_to_stop("b") is None
    assert store.find("b").state == "stopped"
    asked = store.ask_to_stop("a")
    assert (asked.state, asked.pid) == ("stopping", os.getpid())
    assert store.ask_to_stop("a") is None  # its process has been told
    store.report(replace(job, done=1, total=2))
    assert store.find("a").state == "stopping"
    store.end(job, "done")  # it was quicker
    assert store.ask_to_stop("a") is None
    assert store.find("a").state == "done"
    assert store.ask_to_stop("unknown") is None


def test_what_runs_is_not_deleted(store):
    enqueue(store, "a", "b")
    job = store.claim(1)
    assert not store.delete("a")
    assert store.delete("b")
    assert store.delete("unknown")
    store.end(job, "done")
    assert store.delete("a")
    assert store.all() == {}


WORKER = """
import os, sys
from dataclasses import replace
from pathlib import Path
from safemil_core.data.database import Database
from safemil_core.running.job_store import JobStore
store = JobStore(Database(Path(sys.argv[1])))
input()
while job := store.claim(2):
    busy = [other for other in store.all().values() if other.state == "running"]
    store.end(replace(job, done=len(busy)), "done", f"{os.getpid()}")
    print(job.subject, flush=True)
"""


def test_processes_that_claim_at_once_share_every_job_between_them(workspace, store):
    subjects = [f"job-{number:02d}" for number in range(40)]
    enqueue(store, *subjects)
    command = [sys.executable, "-c", WORKER, str(workspace.database)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    done = []
    for worker in workers:  # all wait for their line, so that they begin together
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        done += worker.communicate()[0].split()
        assert worker.returncode == 0
    jobs = store.all()
    left = [subject for subject, job in jobs.items() if job.state != "done"]
    assert left == []
    assert sorted(done) == subjects
    assert {job.attempt for job in jobs.values()} == {1}
    assert max(job.done for job in jobs.values()) <= 2
