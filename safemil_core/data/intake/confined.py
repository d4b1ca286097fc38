"""Foreign files are read in a process of their own with limits; this is its parent. Nothing of a file is parsed here.

A file made up to harm may crash or hang the libraries that parse it, or take all memory: then that process ends, and
the user reads one sentence.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safemil_core import errors
from safemil_core.data.intake.limits import Limits
from safemil_core.data.recording import Options, readable
from safemil_core.data.storage import about_json
from safemil_core.data.storage.build import Built
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.errors import InvalidDataset, SafeMILError

OnProgress = Callable[[int, int | None], None]
"""Called with the steps done, and all of them where the files say how many."""

UNPACKED = "unpacked"
"""Folder within the one that is built where archives are unpacked; nobody needs it afterwards."""

GRACE_S = 10.0
"""Between the last word of a process and its end."""

_ROOT = Path(__file__).parents[3]
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "OMP_NUM_THREADS": "1",  # NumPy reserves memory for each thread
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "HDF5_PLUGIN_PRELOAD": "::",  # a file may name a filter; no library is loaded for it
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True)
class Inspected:
    """What a file is, before anything is made of it."""

    format: str

    columns: tuple[tuple[str, str], ...] = ()
    """Of a table: names and types."""

    preview: tuple[Mapping[str, Any], ...] = ()
    """Of a table: its first rows."""

    guess: Mapping[str, tuple[str, ...]] | None = None
    """Of a table: what `Options.columns` probably are."""


def inspect(path: Path, limits: Limits = Limits()) -> Inspected:  # noqa: B008  # frozen
    """Which format a file has.

    Raises:
        NotFound, InvalidDataset: there is no such file, or no format knows it.
    """
    found = _result(_task((path,), Options(), None, limits), limits, "inspected", lambda _done, _all: None)
    return Inspected(
        format=found["format"],
        columns=tuple((name, kind) for name, kind in found["columns"]),
        preview=tuple(found["preview"]),
        guess={role: tuple(names) for role, names in found["guess"].items()} if found["columns"] else None,
    )


def build(
    paths: Sequence[Path],
    options: Options,
    into: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    on_progress: OnProgress = lambda _done, _all: None,
) -> tuple[str, Built]:
    """Read files and write one dataset into an empty folder.

    Returns:
        The format, and what `storage.build` made.

    Raises:
        NotFound, InvalidDataset: one sentence that names the file; the folder holds rubbish then.
    """
    found = _result(_task(tuple(paths), options, into, limits), limits, "built", on_progress)
    built = Built(
        id=found["id"],
        n_trajectories=found["n_trajectories"],
        n_steps=found["n_steps"],
        about=about_json.from_json((into / "about.json").read_text()),
        **{kind: Dimensions(**{k: tuple(v) for k, v in of.items()}) for kind, of in found["statistics"].items()},
    )
    return found["format"], built


def _task(paths: tuple[Path, ...], options: Options, into: Path | None, limits: Limits) -> dict[str, Any]:
    columns = {role: list(names) for role, names in options.columns.items()}
    return {
        "paths": [str(path.absolute()) for path in paths],
        "options": {"columns": columns, "episode_length": options.episode_length},
        "into": None if into is None else str(into.absolute()),
        "limits": asdict(limits),
    }


def _result(task: dict[str, Any], limits: Limits, expected: str, on_progress: OnProgress) -> dict[str, Any]:
    """What the process reports at its end."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "safemil_core.data.intake.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd=task["into"] or _ROOT,
        start_new_session=True,
    )
    reading, was_silent = Path(task["paths"][0]).name, False
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.close()
        for report in _reports(process.stdout.fileno(), limits):
            reading = report.get("reading", reading)
            if "steps" in report:
                on_progress(*report["steps"])
            if expected in report:
                found: dict[str, Any] = report[expected]
                return found
            _raise_reported(report, reading, limits)
        process.wait(GRACE_S)
    except (TimeoutError, subprocess.TimeoutExpired):
        was_silent = True
    finally:
        process.kill()  # where it still runs, it has nothing more to say
        status = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    raise _end(reading, status, was_silent=was_silent)


def _reports(pipe: int, limits: Limits) -> Iterator[dict[str, Any]]:
    """Lines as they come; raises TimeoutError where none comes for too long."""
    patience, rest = limits.silence_s, b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(patience):
                raise TimeoutError
            piece = os.read(pipe, 2**16)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                report: dict[str, Any] = json.loads(line)
                patience = limits.silence_s + 2 * report.get("seconds", 0)
                yield report


def _raise_reported(report: dict[str, Any], reading: str, limits: Limits) -> None:
    """Raise what the process reports as an error, if it does."""
    if "refused" in report:
        kind, message = report["refused"]
        known: type[SafeMILError] = getattr(errors, kind)
        raise known(readable(message))
    if "exhausted" in report:
        raise InvalidDataset(
            f"{reading} needs more than {limits.memory_bytes >> 20} MiB of memory to be read; "
            "it is damaged, or store it in smaller pieces"
        )
    if "system" in report:
        raise OSError(*report["system"])
    if "failed" in report:
        last = report["failed"].strip().splitlines()[-1][:200]
        raise InvalidDataset(f"{reading} made its reader fail ({last}); it is damaged, or this is a mistake of SafeMIL")


def _end(reading: str, status: int, *, was_silent: bool) -> InvalidDataset:
    """Of a process that ended without a result."""
    if was_silent or status == -signal.SIGPROF:
        return InvalidDataset(f"{reading} made its reader hang; it is damaged or hostile, and nothing of it was kept")
    return InvalidDataset(f"{reading} made its reader crash; it is damaged or hostile, and nothing of it was kept")
