"""A spare worker: one that waits, with all that training needs in memory, so that the next job begins at once.

Importing torch takes seconds, which whoever has just changed a label would wait for. There is one spare a workspace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from safemil_core.errors import InvalidConfig
from safemil_core.running.devices import limit_of_a_device
from safemil_core.running.job_store import Job, JobStore
from safemil_core.workspace import Workspace, file_lock

LOOK_EVERY_S = 0.1
GLANCE_S = 1.0
"""More than those who look for a spare hold its place."""


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
    with file_lock(workspace.spare_lock, is_shared=True) as is_free:  # who else looks is no spare
        return not is_free


def wait_for_job(workspace: Workspace, jobs: JobStore, should_stop: Callable[[], bool]) -> Job | None:
    """Be the spare until there is a job to claim.

    Returns:
        The job, claimed; None where another process is the spare already, or no job has come in time.
    """
    with file_lock(workspace.spare_lock, patience_s=GLANCE_S) as is_free:
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
    # Who queued a job a moment ago has counted on this spare.
    return None if should_stop() else jobs.claim(limit_of_a_device())
