"""The process in which foreign files are read: one task from standard input, reports as JSON lines on standard output.

`confined` starts it. It is confined before it looks at any file, and what it reports is never a pickle.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from safemil_core.data import formats
from safemil_core.data.formats import tables
from safemil_core.data.intake.archives import MOST_BYTES, is_archive, unpack
from safemil_core.data.intake.confined import UNPACKED
from safemil_core.data.intake.limits import OPENING_BYTES_PER_S, Limits, allow, confine, size_of, watched
from safemil_core.data.recording import Options, Recording
from safemil_core.data.storage.build import build
from safemil_core.errors import InvalidDataset, SafeMILError

REPORT_EVERY_S = 0.1


def main() -> None:
    """Do the one task."""
    task = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(os.dup(1), "w") as reports:
        os.dup2(2, 1)  # whatever a library prints is no report
        perform(task, Reporter(reports))


def perform(task: dict[str, Any], report: Reporter) -> None:
    """Do a task within its limits, which hold for this process from then on; every end but a crash is reported."""
    try:
        limits = Limits(**task["limits"])
        confine(limits)
        paths = tuple(Path(path) for path in task["paths"])
        if task["into"] is None:
            report(inspected=_inspect(paths[0], limits, report))
        else:
            report(built=_build(paths, Path(task["into"]), _options(task["options"]), limits, report))
    except SafeMILError as problem:
        report(refused=[type(problem).__name__, str(problem)])
    except MemoryError:
        report(exhausted=True)
    except OSError as problem:
        report(system=[problem.errno, problem.strerror, problem.filename and str(problem.filename)])
    except Exception:  # noqa: BLE001  # the outermost frame: the parent must hear of our own mistakes too
        report(failed=traceback.format_exc())


class Reporter:
    """One JSON object a line; the steps done at most ten times a second."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._last = file, 0.0

    def __call__(self, **report: Any) -> None:
        self._file.write(json.dumps(report) + "\n")
        self._file.flush()

    def on_steps(self, done: int, total: int | None) -> None:
        """Say how far it is."""
        if time.monotonic() > self._last + REPORT_EVERY_S:
            self._last = time.monotonic()
            self(steps=[done, total])


def _inspect(path: Path, limits: Limits, report: Reporter) -> dict[str, Any]:
    if _is_archive(path, limits, report):
        return {"format": "zip or tar file", "columns": [], "preview": [], "guess": {}}
    name = _known(path, limits, report)
    module: Any = formats.module_of(name)
    columns = module.columns(path) if hasattr(module, "columns") else []
    preview = module.preview(path) if columns else []
    return {"format": name, "columns": columns, "preview": preview, "guess": tables.guess(columns)}


def _build(paths: tuple[Path, ...], into: Path, options: Options, limits: Limits, report: Reporter) -> dict[str, Any]:
    paths = tuple(
        _unpacked(path, into / UNPACKED / str(place) / path.name, limits, report)
        if _is_archive(path, limits, report)
        else path
        for place, path in enumerate(paths)
    )
    names = [_known(path, limits, report) for path in paths]
    sources = []
    for path, name in zip(paths, names, strict=True):
        allow(_opening_s(path, limits, report))
        recording = _placed(formats.read(path, options, name), path)
        sources.append((path.name, watched(recording, limits)))
    allow(0)
    built = build(sources, into, most_bytes=limits.most_bytes, on_steps=report.on_steps)
    return {
        "format": ", ".join(dict.fromkeys(names)),
        "id": built.id,
        "n_trajectories": built.n_trajectories,
        "n_steps": built.n_steps,
        "statistics": {"observations": asdict(built.observations), "actions": asdict(built.actions)},
    }


def _is_archive(path: Path, limits: Limits, report: Reporter) -> bool:
    report(reading=path.name)
    allow(limits.stall_s)
    return is_archive(path)


def _unpacked(path: Path, into: Path, limits: Limits, report: Reporter) -> Path:
    """An archive's data, in a folder of its name; the parent removes it when videos are taken from it."""

    def on_block() -> None:
        allow(limits.stall_s)
        report.on_steps(0, None)

    into.mkdir(parents=True)
    try:
        return unpack(path, into, min(limits.most_bytes, MOST_BYTES), on_block)
    except InvalidDataset as problem:
        raise InvalidDataset(f"{path.name}: {problem}") from None


def _known(path: Path, limits: Limits, report: Reporter) -> str:
    report(reading=path.name)
    allow(limits.stall_s)
    name = formats.known(path)
    n_bytes = size_of(path)
    if n_bytes > limits.most_bytes:
        raise InvalidDataset(f"{path.name} is larger than {limits.most_bytes / 2**30:,.1f} GiB; split it")
    allow(_opening_s(path, limits, report))
    return name


def _opening_s(path: Path, limits: Limits, report: Reporter) -> float:
    """Processor time that a look at the file may take, told to the parent, which waits for longer then."""
    seconds = limits.stall_s + size_of(path) / OPENING_BYTES_PER_S
    report(reading=path.name, seconds=seconds)
    return seconds


def _placed(recording: Recording, path: Path) -> Recording:
    """With videos by their full path: a dataset forgets where its files were."""
    folder = path if path.is_dir() else path.parent
    clips = {t: replace(clip, file=str(folder.resolve() / clip.file)) for t, clip in recording.about.clips.items()}
    return replace(recording, about=replace(recording.about, clips=clips))


def _options(values: dict[str, Any]) -> Options:
    columns = {role: tuple(names) for role, names in values["columns"].items()}
    return Options(columns=columns, episode_length=values["episode_length"])


if __name__ == "__main__":
    main()
