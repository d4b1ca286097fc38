"""Doing a job: `python -m safemil_core.running.worker --workspace DIR` takes one out of the queue and does it.

No daemon: a worker does one job, and before it ends it calls the next one if a job waits. What it adds to the stage is
that however it ends, the database says so.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import exp
from pathlib import Path
from types import FrameType

from safemil_core.data.database import Database
from safemil_core.errors import NotReady
from safemil_core.running import jobs
from safemil_core.running.devices import expected_device, limit_of_a_device
from safemil_core.running.failures import explained
from safemil_core.running.job_store import Job, JobState, JobStore
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.running.spares import wait_for_job
from safemil_core.workspace import Workspace

REPORT_EVERY_S = 0.5
"""A report is on disk before the job goes on, so not more often."""
RATE_OVER_S = 5.0
"""How far back the rate looks."""

OnProgress = Callable[[Job], None]
ShouldStop = Callable[[], bool]


def main(arguments: list[str] | None = None) -> None:
    """Do the oldest queued job whose device has room, if there is one; a spare worker waits for one."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--spare", action="store_true")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    with _stop_signal() as should_stop:
        store = JobStore(Database(workspace.database))
        job = wait_for_job(workspace, store, should_stop) if options.spare else store.claim(limit_of_a_device())
        if job is None:
            return
        try:
            _perform(workspace, job, should_stop, prints_into_log=True)
        except (Exception, KeyboardInterrupt):  # noqa: BLE001  # the outermost frame of a process
            with suppress(OSError):  # the disk may be full
                traceback.print_exc()
        jobs.advance(workspace)


def train_here(workspace: Workspace, run: Run, device: str, on_progress: OnProgress = lambda _: None) -> Job:
    """Train a run in this process, at once and whatever else runs; Ctrl-C stops it, a second one does so roughly.

    Raises:
        NotReady: it is trained or waits for it already, or is done.
        SafeMILError: it failed.
    """
    store = JobStore(Database(workspace.database))
    job = store.begin(run.id, asked=device, author=run.info.author)
    if job is None:
        raise NotReady(f"run {run.id} is queued, being trained or done; `safemil runs` says which")
    try:
        with _stop_signal() as should_stop:
            return _perform(workspace, job, should_stop, on_progress)
    finally:
        jobs.advance(workspace)


def _perform(
    workspace: Workspace,
    job: Job,
    should_stop: ShouldStop,
    on_progress: OnProgress = lambda _: None,
    *,
    prints_into_log: bool = False,
) -> Job:
    """Do a job that this process has claimed. Raises what made it fail, in words where those can be found."""
    progress = _Progress(workspace, job, on_progress)
    try:
        run = RunStore(workspace).open(job.subject)
        if prints_into_log:
            _print_into(run.log_file)
        run.log(f"attempt {job.attempt} begins in process {job.pid}")
        with run.reserve():
            from safemil_core.running.training_stage import train_run  # torch, which takes seconds to import

            is_done = train_run(workspace, run, job.asked, on_update=progress, should_stop=should_stop)
        ended = progress.end("done" if is_done else "stopped")
        run.log(f"{ended.state} after {ended.done} updates")
        return ended
    except KeyboardInterrupt:
        progress.end("stopped")
        raise
    except Exception as problem:
        known = explained(problem)
        progress.end("failed", str(known) if known else f"{type(problem).__name__}: {problem}")
        if known is None or known is problem:
            raise
        raise known from problem


class _Progress:
    """Lets others see how far a job of this process is."""

    def __init__(self, workspace: Workspace, job: Job, on_progress: OnProgress) -> None:
        self._store, self._job, self._on_progress = JobStore(Database(workspace.database)), job, on_progress
        self._counted_at = self._written_at = 0.0

    def __call__(self, done: int, total: int, device: str) -> None:
        now, rate = time.monotonic(), self._job.rate
        if self._counted_at and done > self._job.done:
            elapsed = now - self._counted_at
            weight = exp(-elapsed / RATE_OVER_S) if rate else 0.0
            rate = weight * rate + (1 - weight) * (done - self._job.done) / elapsed
        self._counted_at = now
        self._job = replace(self._job, done=done, total=total, rate=rate, device=expected_device(device))
        self._on_progress(self._job)
        if now - self._written_at > REPORT_EVERY_S:
            self._store.report(self._job)
            self._written_at = now

    def end(self, state: JobState, message: str = "") -> Job:
        self._job = self._store.end(self._job, state, message)
        self._on_progress(self._job)
        return self._job


@contextmanager
def _stop_signal() -> Iterator[ShouldStop]:
    """Turns SIGTERM and Ctrl-C into a question that the job asks; a second one interrupts it wherever it is."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_into(path: Path) -> None:
    """Whatever this process prints from now on, libraries included, goes to the end of a file."""
    sys.stdout.flush()
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


if __name__ == "__main__":
    main()
