"""Trials in worker processes of this machine, of one thread each: one that dies costs its trial, which is repeated."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import IO

from safemil_core.running.sweeps.trials import Row, Trial
from safemil_core.workspace import Workspace

WORKER = "safemil_core.running.sweeps.trial_worker"
ATTEMPTS = 3
"""At a trial whose process dies."""
_ONE_THREAD = {"SAFEMIL_CORES": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def perform_here(
    workspace: Workspace, trials: Sequence[Trial], n_workers: int, log: Path, on_row: Callable[[Row], None]
) -> None:
    """Do trials side by side, in their order; `on_row` gets the row of each as it is done.

    Args:
        workspace: with the datasets.
        trials: to do.
        n_workers: processes.
        log: the file to whose end goes what they print.
        on_row: called in this thread.
    """
    with log.open("ab") as output, ThreadPoolExecutor(n_workers, "trials") as pool:
        workers = [_Worker(workspace, output) for _ in range(n_workers)]
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)

        def do(trial: Trial) -> Row:
            worker = idle.get()
            try:
                return worker.row(trial)
            finally:
                idle.put(worker)

        try:
            for done in as_completed([pool.submit(do, trial) for trial in trials]):
                on_row(done.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.end()


class _Worker:
    """A process that does one trial after the other, and another one in its place when it has died."""

    def __init__(self, workspace: Workspace, log: IO[bytes]) -> None:
        self._workspace, self._log = workspace, log
        self._process: subprocess.Popen[str] | None = None
        self._is_over = False
        self._lock = Lock()

    def row(self, trial: Trial) -> Row:
        """What comes of a trial."""
        for _ in range(ATTEMPTS):
            answer = self._ask(json.dumps(trial.document()))
            if answer:
                return Row.of(json.loads(answer))
        return Row.about(trial, failure=f"its process died {ATTEMPTS} times; the sweep's log may say why")

    def end(self) -> None:
        """Whatever it is at, with all processes that it has started."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _ask(self, question: str) -> str:
        """The answer's line; empty where the process died before it."""
        process = self._living()
        if process is None:
            return ""
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer.endswith("\n"):
            process.kill()
            process.wait()
            return ""
        return answer

    def _living(self) -> subprocess.Popen[str] | None:
        """Its process; None once it shall have none."""
        with self._lock:
            if self._is_over:
                return None
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", WORKER, "--workspace", str(self._workspace.root)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    text=True,
                    env={**os.environ, **_ONE_THREAD},
                    start_new_session=True,  # so that it can be ended together with its simulators
                )
            return self._process
