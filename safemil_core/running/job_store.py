"""JobStore: trainings in the workspace's database, and who does which. Neither what a job does nor its processes.

A process takes a job in one transaction that names the process itself: there is no moment at which a job is begun and
nobody does it, and no two processes can take the same one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import Connection, text

from safemil_core.data.database import Database
from safemil_core.running.devices import expected_device
from safemil_core.running.progress import is_alive, process_birth

JobState = Literal["queued", "running", "stopping", "done", "stopped", "failed", "lost"]
LIVING: tuple[JobState, ...] = ("running", "stopping")
RESUMABLE: tuple[JobState, ...] = ("stopped", "failed", "lost")
DIED = "its process died without a word: killed, out of memory, or this machine was restarted; resume it"


@dataclass(frozen=True)
class Job:
    """One row: the training of a run, who does it, and how far it is. Times are Unix seconds, 0 where not yet."""

    id: int
    subject: str
    """The run's id."""
    author: str
    asked: str
    """The device as a user named it: auto, cpu, cuda, cuda:1."""
    device: str
    """The one that it uses; before it begins, the one that it will, by what can be told without torch."""
    state: JobState
    attempt: int
    """1, and one more each time that it is resumed."""
    queued_at: float
    started_at: float
    updated_at: float
    ended_at: float
    pid: int
    born: str
    done: int
    total: int
    rate: float
    """Of what `done` counts, a second, lately."""
    message: str
    """Why it failed: cause and cure."""

    @property
    def is_finished(self) -> bool:
        return self.state not in ("queued", *LIVING)

    @property
    def can_resume(self) -> bool:
        return self.state in RESUMABLE

    @property
    def seconds(self) -> float:
        """How long this attempt has run."""
        return max(0.0, (self.ended_at or self.updated_at) - self.started_at) if self.started_at else 0.0

    @property
    def seconds_left(self) -> float:
        return (self.total - self.done) / self.rate if self.rate else float("inf")


_COLUMNS = ", ".join(field.name for field in fields(Job))


class JobStore:
    """The jobs of a workspace, one of each run at most; safe for any number of processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, subject: str) -> Job | None:
        """The job of a run, if there ever was one."""
        with self._database.read() as connection:
            return _find(connection, subject)

    def all(self) -> dict[str, Job]:
        """Every job, by its subject."""
        with self._database.read() as connection:
            return {job.subject: job for job in _select(connection, "TRUE")}

    def enqueue(self, subject: str, *, asked: str, author: str) -> Job | None:
        """Have a job done by whoever claims it; one that did not end well is queued once more.

        Returns:
            The job; None where it is queued, begun or done already.
        """
        return self._put(subject, asked, author, "queued", pid=0, born="", started_at=0.0)

    def begin(self, subject: str, *, asked: str, author: str) -> Job | None:
        """As `enqueue`, but this process does it, at once and whatever the limits are."""
        return self._put(subject, asked, author, "running", **_this_process(), started_at=time.time())

    def claim(self, limit: int) -> Job | None:
        """Take the oldest queued job whose device has room; from now on this process does it.

        Args:
            limit: how many jobs may run on a device at a time.

        Returns:
            The job; None where there is nothing to do.
        """
        with self._database.write() as connection:
            _bury(connection)
            for job in _claimable(connection, limit):
                return _update(connection, job.id, state="running", **_this_process(), started_at=time.time())
        return None

    def n_claimable(self, limit: int) -> int:
        """How many queued jobs could be claimed now. What has died is marked as lost first."""
        with self._database.read() as connection:
            has_died = any(not is_alive(job.pid, job.born) for job in _living(connection))
        if has_died:
            with self._database.write() as connection:
                _bury(connection)
        with self._database.read() as connection:
            return len(_claimable(connection, limit))

    def report(self, job: Job) -> None:
        """Let others see how far a job of this process is, and on which device."""
        with self._database.write() as connection:
            _update(connection, job.id, **_far(job))  # not its state: somebody may have asked it to stop

    def end(self, job: Job, state: JobState, message: str = "") -> Job:
        """A job of this process has ended, this far, as one of the finished states."""
        with self._database.write() as connection:
            return _update(connection, job.id, **_far(job), state=state, message=message, ended_at=time.time())

    def ask_to_stop(self, subject: str) -> Job | None:
        """Stop a queued job at once, and mark a running one as stopping.

        Returns:
            The job whose process has to be told now; None where nobody has to be told, or was already.
        """
        with self._database.write() as connection:
            _bury(connection)
            job = _find(connection, subject)
            if job is not None and job.state == "queued":
                _update(connection, job.id, state="stopped", ended_at=time.time())
            elif job is not None and job.state == "running":
                return _update(connection, job.id, state="stopping")
        return None

    def delete(self, subject: str) -> bool:
        """Forget a job, also a queued one. Whether it is gone now: one that runs is not."""
        with self._database.write() as connection:
            _bury(connection)
            connection.execute(
                text("DELETE FROM jobs WHERE subject = :subject AND state NOT IN ('running', 'stopping')"),
                {"subject": subject},
            )
            return _find(connection, subject) is None

    def _put(self, subject: str, asked: str, author: str, state: JobState, **values: Any) -> Job | None:
        now = time.time()
        values |= {"subject": subject, "asked": asked, "author": author, "state": state, "now": now}
        with self._database.write() as connection:
            _bury(connection)
            row = connection.execute(
                text(  # the table has a kind, of which there is one
                    f"""
                    INSERT INTO jobs (kind, subject, author, asked, device, state, attempt, queued_at, started_at,
                        updated_at, ended_at, pid, born, done, total, rate, message)
                    VALUES ('train', :subject, :author, :asked, :device, :state, 1, :now, :started_at,
                        :now, 0, :pid, :born, 0, 0, 0, '')
                    ON CONFLICT (kind, subject) DO UPDATE SET asked = excluded.asked, device = excluded.device,
                        state = excluded.state, attempt = attempt + 1, queued_at = excluded.queued_at,
                        started_at = excluded.started_at, updated_at = excluded.updated_at, ended_at = 0,
                        pid = excluded.pid, born = excluded.born, rate = 0, message = ''
                    WHERE state IN ('stopped', 'failed', 'lost')
                    RETURNING {_COLUMNS}
                    """  # noqa: S608  # names of our own
                ),
                {**values, "device": expected_device(asked)},
            ).one_or_none()
        return None if row is None else Job(**row._mapping)


def _find(connection: Connection, subject: str) -> Job | None:
    found = _select(connection, "subject = :subject", subject=subject)
    return found[0] if found else None


def _select(connection: Connection, condition: str, **values: Any) -> list[Job]:
    query = text(f"SELECT {_COLUMNS} FROM jobs WHERE {condition} ORDER BY queued_at, id")  # noqa: S608
    return [Job(**row._mapping) for row in connection.execute(query, values)]


def _update(connection: Connection, job_id: int, **values: Any) -> Job:
    values["updated_at"] = time.time()
    changes = ", ".join(f"{name} = :{name}" for name in values)
    query = text(f"UPDATE jobs SET {changes} WHERE id = :id RETURNING {_COLUMNS}")  # noqa: S608  # names of our own
    return Job(**connection.execute(query, {**values, "id": job_id}).one()._mapping)


def _living(connection: Connection) -> list[Job]:
    return _select(connection, "state IN ('running', 'stopping')")


def _bury(connection: Connection) -> None:
    """Mark as lost what a process does that is gone."""
    for job in _living(connection):
        if not is_alive(job.pid, job.born):
            _update(connection, job.id, state="lost", message=DIED, ended_at=job.updated_at)


def _claimable(connection: Connection, limit: int) -> list[Job]:
    """Queued jobs for which there is room now, oldest first."""
    busy = Counter(job.device for job in _living(connection))
    found = []
    for job in _select(connection, "state = 'queued'"):
        if busy[job.device] < limit:
            busy[job.device] += 1
            found.append(job)
    return found


def _this_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "born": process_birth(os.getpid())}


def _far(job: Job) -> dict[str, Any]:
    return {"device": job.device, "done": job.done, "total": job.total, "rate": job.rate}
