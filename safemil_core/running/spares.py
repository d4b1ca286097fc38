"""A spare worker: one that waits, with all that training needs in memory, so that the next job begins at once.

Importing torch takes seconds, which whoever has just changed a label would wait for. There is one spare a workspace.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from safemil_core.errors import InvalidConfig
from safemil_core.running.devices import limit_of_a_device
from safemil_core.running.job_store import Job, JobStore
from safemil_core.workspace import Workspace

LOOK_EVERY_S = 0.1


def patience_s() -> float:
    """How long a spare waits for a job: SAFEMIL_SPARE_WORKER_S, 300 if unset, 0 for no spares.

    Raises:
        InvalidConfig: that is no number of seconds.
    """
    said = os.environ.get("SAFEMIL_SPARE_WORKER_S") or "300"
    if not said.isdecimal():
        raise InvalidConfig(f"SAFEMIL_SPARE_WORKER_S must be a whole number of seconds, got {said!r}")
    return float(said)


def has_spare(workspace: Workspace) -> bool:
    """Whether one waits."""
    with _place(workspace) as is_free:
        return not is_free


def wait_for_job(workspace: Workspace, jobs: JobStore, should_stop: Callable[[], bool]) -> Job | None:
    """Be the spare until there is a job to claim.

    Returns:
        The job, claimed; None where another process is the spare already, or no job has come in time.
    """
    with _place(workspace) as is_free:
        if not is_free:
            return None
        from safemil_core.assessment import evaluation  # noqa: F401  # these imports are what this is all for
        from safemil_core.running import training_stage  # noqa: F401

        until = time.monotonic() + patience_s()
        while time.monotonic() < until and not should_stop():
            job = jobs.claim(limit_of_a_device()) if jobs.n_claimable(limit_of_a_device()) else None
            if job is not None:
                return job
            time.sleep(LOOK_EVERY_S)
    return None


@contextmanager
def _place(workspace: Workspace) -> Iterator[bool]:
    """The place of the spare while the block runs, if it is free; whoever dies leaves it."""
    with workspace.spare_lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
