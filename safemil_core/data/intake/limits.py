"""Limits on a process that reads a foreign file: what it may take, and how long it may be silent."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from safemil_core.data.recording import Recording, Steps

OPENING_BYTES_PER_S = 20 * 2**20
"""A large file may take longer to be looked at: formats of many episodes have as many places to look at."""


@dataclass(frozen=True)
class Limits:
    """Defaults are for files that somebody names by path; uploads deserve a smaller `most_bytes`."""

    most_bytes: int = 2**40
    """Of a file, and of what it unpacks to."""

    memory_bytes: int = 2**30
    """Of the process's own data."""

    stall_s: float = 4.0
    """Processor time between two blocks of steps. It does not depend on how busy the machine is."""

    silence_s: float = 60.0
    """Real time without a word from the process, for what hangs without computing."""


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def confine(limits: Limits) -> None:
    """Hold this process to the limits, for good."""
    for what, most in (
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.most_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def allow(seconds: float) -> None:
    """End this process by SIGPROF unless it says so again within this processor time; 0 ends the watch.

    A file that makes a library hang makes it compute in circles, where no Python code runs to notice.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def watched(recording: Recording, limits: Limits) -> Recording:
    """The recording, each of whose blocks must come in time."""
    return replace(recording, steps=_watched(recording.steps, limits))


def _watched(steps: Iterator[Steps], limits: Limits) -> Iterator[Steps]:
    allow(limits.stall_s)
    for block in steps:
        allow(limits.stall_s)
        yield block
    allow(0)
