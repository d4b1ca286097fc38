"""How far a process has got, as a file that other processes poll. Not what the process does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from safemil_core.errors import NotFound
from safemil_core.workspace import whole_file

State = Literal["starting", "running", "done", "stopped", "failed", "lost"]
FINISHED: tuple[State, ...] = ("done", "stopped", "failed", "lost")


@dataclass(frozen=True)
class Progress:
    """One report of a task in a process of its own."""

    state: State
    done: int = 0
    total: int = 0
    started_at: float = 0.0
    """Unix time, seconds."""
    updated_at: float = 0.0
    pid: int = 0
    born: str = ""
    """When the process began, in the kernel's ticks: tells it from a later one of the same number."""
    device: str = ""
    message: str = ""
    """Where it failed: cause and cure."""

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def rate(self) -> float:
        """Steps of work a second since the start."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return self.updated_at - self.started_at

    @property
    def seconds_left(self) -> float:
        return (self.total - self.done) / self.rate if self.done else float("inf")


OnProgress = Callable[[Progress], None]


def write_progress(path: Path, progress: Progress) -> None:
    """Let other processes see how far this one is."""
    with whole_file(path, is_durable=False) as temporary:
        temporary.write_text(json.dumps(asdict(progress)))


def read_progress(path: Path) -> Progress:
    """Progress as its process wrote it; `lost` where the process is gone without having said how it ended.

    A process that has not reported within 60 seconds of its creation never began.
    """
    try:
        progress = Progress(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise NotFound(f"{path.parent.name} has no progress file; start it again") from None
    except json.JSONDecodeError:  # it need not be durable: the machine went down
        return Progress("lost", message="its process died")
    if progress.is_finished:
        return progress
    is_gone = not is_alive(progress.pid, progress.born) if progress.pid else time.time() - progress.updated_at > 60
    return replace(progress, state="lost", message=progress.message or "its process died") if is_gone else progress


def find_progress(path: Path) -> Progress | None:
    """The same; None where nobody has begun."""
    try:
        return read_progress(path)
    except NotFound:
        return None


class Reports:
    """What a process says of its work from beginning to end, in a file; between two reports a moment passes."""

    def __init__(
        self,
        path: Path | None,
        total: int = 0,
        device: str = "cpu",
        on_progress: OnProgress = lambda _: None,
        *,
        done: int = 0,
        every_s: float = 0.2,
    ) -> None:
        """
        Args:
            path: of the file, whose folder is made where it is not there; None: no other process watches.
            total: steps of work; 0 where it is not known yet.
            device: that the work is done on.
            on_progress: told of every step as well, without a pause.
            done: steps that were done before.
            every_s: the moment; 0: every step is in the file, which is for long ones.
        """
        self._path, self._on_progress, self._every_s = path, on_progress, every_s
        if path is not None:
            path.parent.mkdir(exist_ok=True)
        self._say(replace(begin(total, device), done=done))

    def part(self, message: str) -> None:
        """Another part of the work begins, which is called so and whose steps are counted anew."""
        self._say(replace(begin(0, self.latest.device), message=message))

    def done(self, done: int, total: int | None = None) -> None:
        """So many steps are done, of so many where that was not known."""
        total = self.latest.total if total is None else total
        latest = replace(self.latest, done=done, total=total, updated_at=time.time())
        self._say(latest, is_written=latest.updated_at - self._written_at >= self._every_s)

    def end(self, message: str = "") -> None:
        """All of it is done; what came of it in words, if that is to be said."""
        done = max(self.latest.done, self.latest.total)
        self._say(replace(self.latest, state="done", done=done, updated_at=time.time(), message=message))

    def stop(self, message: str) -> None:
        """It ends before all of it is done."""
        self._say(replace(self.latest, state="stopped", updated_at=time.time(), message=message))

    def _say(self, latest: Progress, *, is_written: bool = True) -> None:
        self.latest = latest
        if is_written and self._path is not None:
            write_progress(self._path, latest)
        if is_written:
            self._written_at = latest.updated_at
        self._on_progress(latest)


def begin(total: int, device: str) -> Progress:
    """The first report of the process that does the work."""
    now, pid = time.time(), os.getpid()
    return Progress("running", 0, total, now, now, pid, process_birth(pid), device)


def process_birth(pid: int) -> str:
    """When a living process began, in the kernel's ticks; empty for one that is gone, "?" where there is no /proc."""
    if not Path("/proc/self").exists():
        return "?"
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):  # it was gone before, or as its file was read
        return ""
    return "" if fields[0] == "Z" else fields[19]  # a zombie has died; only its parent has not asked yet


def is_alive(pid: int, born: str) -> bool:
    """Whether the very process that had this number and birth still runs."""
    if process_birth(pid) != born:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
