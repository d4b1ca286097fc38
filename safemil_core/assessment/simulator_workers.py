"""Processes of their own for what may crash, hang or leak: started, watched and replaced, and what one took with it is
done again. Nothing of what they do.

Of Python's own: `multiprocessing` pickles, and runs the caller's main module once more, which may be a page; its
connections alone are used here, for bytes.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from math import ceil
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Self

from safemil_core import errors
from safemil_core.errors import SafeMILError

MOST_AT_ONCE = 4
"""Tasks that a worker does side by side; all of them are begun again where it is lost. A policy that is asked for more
at a time takes less for each, but simulators of Bullet drop one another's data from the processor's cache."""
START_S = 120.0
"""A worker may take to its first sign of life: it imports much."""
SIGN_OF_LIFE_S = 0.5
LOOK_EVERY_S = 0.2

_HEADER = struct.Struct("<Bq")
"""Before every message: its kind, and the number of the task that it is about."""
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


class _Kind(IntEnum):
    TASK, ALIVE, DONE, REFUSED, LAST_WORDS = range(5)


@dataclass(frozen=True)
class Watch:
    """When a worker is given up, and how often its tasks are begun again."""

    patience_s: float = 60.0
    """Without a sign of life; larger waits longer for slow simulators, and for those that hang."""
    memory_limit: int = 4 * 2**30
    """Bytes that stay in memory."""
    repeats: int = 3
    """Of a task, before it is given up."""


class TaskLost(Exception):  # said again in words by who knows what the task is
    """Every worker that did a task was lost with it."""

    def __init__(self, number: int, cause: str) -> None:
        super().__init__(number, cause)
        self.number, self.cause = number, cause


def work_through(
    module: str,
    tasks: Sequence[bytes],
    on_done: Callable[[int, bytes], None],
    n_workers: int | None = None,
    watch: Watch | None = None,
) -> None:
    """Have tasks done by workers, `python -m module`, which use `Employer`; `on_done` gets their numbers and results.

    A task whose worker was lost is begun again, after all others and alone in its worker: so a task that ends its
    worker every time is found, and takes no other with it twice.

    Args:
        module: of ours.
        tasks: what each is, for the module to understand.
        on_done: called here, as tasks end.
        n_workers: processes; None is one a core.
        watch: when a worker is given up.

    Raises:
        TaskLost: a task was lost once more than `watch.repeats`.
        SafeMILError: a worker refused a task.
    """
    with tempfile.TemporaryDirectory(prefix="safemil-") as folder:
        office = _Office(module, tasks, on_done, n_workers or os.cpu_count() or 1, watch or Watch(), Path(folder))
        try:
            office.work()
        finally:
            office.close()


class _Office:
    """The tasks that wait, and who does the others."""

    def __init__(
        self,
        module: str,
        tasks: Sequence[bytes],
        on_done: Callable[[int, bytes], None],
        n_workers: int,
        watch: Watch,
        folder: Path,
    ) -> None:
        self._module, self._tasks, self._on_done, self._watch, self._folder = module, tasks, on_done, watch, folder
        self._n_workers = min(n_workers, len(tasks))
        self._waiting = deque(range(len(tasks)))
        self._losses = [0] * len(tasks)
        self._workers: list[_Worker] = []
        self._results: deque[tuple[int, bytes]] = deque()
        # As many side by side as make waves of equal size: 20 tasks of two workers are 10 and 10, not 16 and 4.
        n_waves = ceil(len(tasks) / max(1, self._n_workers * MOST_AT_ONCE))
        self._most = ceil(len(tasks) / max(1, self._n_workers * n_waves))

    def work(self) -> None:
        while self._waiting or any(worker.tasks for worker in self._workers):
            while len(self._workers) < self._n_workers and self._waiting:
                self._workers.append(_Worker.start(self._module, self._folder))
            self._hand_out()
            wait([worker.connection for worker in self._workers], LOOK_EVERY_S)
            for worker in list(self._workers):
                while worker in self._workers and worker.connection.poll():
                    self._hear(worker)
            self._hand_out()  # nobody waits while results are taken
            self._report()
            for worker in list(self._workers):
                if worker.tasks and not worker.connection.poll() and (cause := worker.trouble(self._watch)):
                    self._lose(worker, cause)

    def close(self) -> None:
        for worker in self._workers:
            worker.end()

    def _report(self) -> None:
        while self._results:
            self._on_done(*self._results.popleft())

    def _hand_out(self) -> None:
        """Give what waits to whoever has least to do."""
        while self._waiting and self._workers:
            number = self._waiting[0]
            worker = min(self._workers, key=lambda worker: len(worker.tasks))
            is_full = len(worker.tasks) >= (1 if self._losses[number] else self._most)
            if is_full or any(self._losses[other] for other in worker.tasks):
                return
            worker.give(number, self._tasks[self._waiting.popleft()])

    def _hear(self, worker: _Worker) -> None:
        """Take a message of a worker, or its end."""
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._lose(worker, worker.how_it_ended())
            return
        worker.heard_at = time.monotonic()
        kind, number = _HEADER.unpack_from(message)
        content = message[_HEADER.size :]
        if kind == _Kind.DONE:
            worker.tasks.remove(number)
            self._results.append((number, content))
        elif kind == _Kind.REFUSED:
            name, _, sentence = content.decode().partition(":")
            raise getattr(errors, name)(sentence)
        elif kind == _Kind.LAST_WORDS:
            worker.last_words = content.decode()

    def _lose(self, worker: _Worker, cause: str) -> None:
        """Give a worker up; its tasks wait again."""
        self._workers.remove(worker)
        worker.end()
        for number in worker.tasks:
            self._losses[number] += 1
            if self._losses[number] > self._watch.repeats:
                self._report()
                raise TaskLost(number, cause)
        self._waiting.extend(worker.tasks)
        print(f"a simulator process {cause}; its {len(worker.tasks)} tasks are begun again", file=sys.stderr)


@dataclass(eq=False)
class _Worker:
    """A process, as who started it sees it."""

    process: subprocess.Popen[bytes]
    connection: Connection[bytes, bytes]
    tasks: list[int] = field(default_factory=list)
    """What it is doing."""
    heard_at: float = field(default_factory=lambda: time.monotonic() + START_S)
    last_words: str = ""

    @classmethod
    def start(cls, module: str, folder: Path) -> Self:
        """In a folder where simulators may leave what they like."""
        ours, theirs = Pipe()
        # As this process finds modules, whatever its folder; and one thread a worker, there is one a core.
        paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "SAFEMIL_CORES": "1"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=2,  # what simulators print is no answer of a command
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # so that what it starts ends with it
        )
        theirs.close()
        return cls(process, ours)

    def give(self, number: int, task: bytes) -> None:
        if not self.tasks:
            self.heard_at = max(self.heard_at, time.monotonic())
        self.tasks.append(number)
        with suppress(OSError):  # it has just died, which is noticed when it is listened to
            self.connection.send_bytes(_HEADER.pack(_Kind.TASK, number) + task)

    def trouble(self, watch: Watch) -> str:
        """Why it should be given up, if it should."""
        if self.process.poll() is not None:
            return self.how_it_ended()
        if time.monotonic() - self.heard_at > watch.patience_s:
            return f"gave no sign of life for {watch.patience_s:g} s"
        if _resident_bytes(self.process.pid) > watch.memory_limit:
            return f"took more than {watch.memory_limit / 2**30:.1f} GiB of memory"
        return ""

    def how_it_ended(self) -> str:
        if self.last_words:
            return f"ended with {self.last_words}"
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "stopped listening"
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.connection.close()


class Employer:
    """Who started this process, as a worker sees it; a worker works within it. An error of ours refuses the task, here
    and anywhere; any other ends this process, as a crash does."""

    def __init__(self, file_descriptor: int) -> None:
        with suppress(AttributeError, OSError):  # not on Linux: then a worker that hangs survives its parent
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        self._connection: Connection[bytes, bytes] = Connection(file_descriptor)
        self._inbox = select.poll()  # `Connection.poll` takes ten times as long, before every step of a simulator
        self._inbox.register(file_descriptor, select.POLLIN)
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, problem: BaseException | None, __: object) -> bool:
        """The outermost frame of a worker: whatever ends it is said."""
        if isinstance(problem, SafeMILError):
            self._say(_Kind.REFUSED, content=f"{type(problem).__name__}:{problem}".encode())
            return True
        if isinstance(problem, Exception):
            self._say(_Kind.LAST_WORDS, content=f"{type(problem).__name__}: {problem}".encode())
        return False

    def tasks(self, *, is_idle: bool) -> Iterator[tuple[int, bytes]]:
        """Those that have come: each one's number and what it is. Waits for one if there is nothing else to do, and
        ends this process when there are no more."""
        try:
            while is_idle or self._inbox.poll(0):
                message = self._connection.recv_bytes()
                yield _HEADER.unpack_from(message)[1], message[_HEADER.size :]
                is_idle = False
        except EOFError:
            sys.exit()

    def say_alive(self) -> None:
        """Call it between any two things that may hang; it says so about once a second."""
        if time.monotonic() - self._said_at > SIGN_OF_LIFE_S:
            self._say(_Kind.ALIVE)

    def say_done(self, number: int, result: bytes) -> None:
        """A task has ended well."""
        self._say(_Kind.DONE, number, result)

    def _say(self, kind: _Kind, number: int = 0, content: bytes = b"") -> None:
        self._connection.send_bytes(_HEADER.pack(kind, number) + content)
        self._said_at = time.monotonic()


def _resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 where nobody says so."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
