"""Contestants take turns in processes of their own, and what counts is each one's median over the rounds.

The fastest of several runs would say how fast a contestant can be when luck is with it; a mean, how often others
disturbed it. Turns of a fraction of a second each hit all contestants with the same disturbances.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

from safemil_core.bench.workloads import Workload
from safemil_core.errors import OutOfRoom

ROUNDS, FEWEST_ROUNDS = 5, 3
"""That fit into the time given; and the fewest, whatever time they take."""
PACKAGE = Path(__file__).parents[2]
"""Where `safemil_core` lies."""


class Process:
    """The process of one kind of contestant."""

    def __init__(self, kind: str, python: str = sys.executable) -> None:
        """
        Args:
            kind: the module of `bench` that prepares workloads.
            python: that runs it, possibly of another environment.
        """
        self.kind = kind
        self._process = subprocess.Popen(
            [python, "-m", "safemil_core.bench.contestant", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PACKAGE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it has nothing to lose, and an interpreter with torch takes its time to end
        self._process.communicate()

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """A method of `Contestant`, and what it returned.

        Raises:
            OutOfRoom: the process was killed.
            RuntimeError: it failed; its traceback is on standard error.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        with suppress(BrokenPipeError):  # it is gone already
            self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            if code < 0:
                raise OutOfRoom(f"the process of {self.kind!r} was killed; free some memory, or measure smaller bags")
            raise RuntimeError(f"the process of {self.kind!r} failed")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def processes(pythons: Mapping[str, str]) -> Iterator[dict[str, Process]]:
    """A process of each kind, given with the Python that runs it; they end with the block."""
    with ExitStack() as stack:
        yield {kind: stack.enter_context(Process(kind, python)) for kind, python in pythons.items()}


@dataclass(frozen=True)
class Entrant:
    """A workload that a process is ready for."""

    process: Process
    number: int
    period: int

    @classmethod
    def prepared(cls, process: Process, workload: Workload) -> Self:
        """Let the process get ready."""
        return cls(process, **process.ask("prepare", workload=asdict(workload)))

    def run(self, updates: int) -> float:
        """Seconds that so many updates take."""
        seconds: float = self.process.ask("run", number=self.number, updates=updates)["seconds"]
        return seconds

    def auc(self) -> float:
        """Of the costs learned so far."""
        auc: float = self.process.ask("auc", number=self.number)["auc"]
        return auc

    def updates_in(self, seconds: float) -> int:
        """How many updates take about so long, in whole periods, when it is warm."""
        self.run(1)
        updates, taken = self.period, self.run(self.period)
        while taken < seconds / 4:
            updates *= 2
            taken = self.run(updates)
        return self.period * max(1, round(updates / taken * seconds / self.period))


def updates_per_s(entrants: Mapping[str, Entrant], seconds: float) -> dict[str, float]:
    """The median rate of each entrant over rounds in which all of them take turns, for about so many seconds in all."""
    turn_s = seconds / (ROUNDS * len(entrants))
    updates = {name: entrant.updates_in(turn_s) for name, entrant in entrants.items()}
    taken: dict[str, list[float]] = {name: [] for name in entrants}
    end, n_rounds = time.monotonic() + seconds, 0
    while n_rounds < FEWEST_ROUNDS or time.monotonic() < end:
        for name, entrant in entrants.items():
            taken[name].append(entrant.run(updates[name]))
        n_rounds += 1
    return {name: updates[name] / median(taken[name]) for name in entrants}
