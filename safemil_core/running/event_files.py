"""A run as TensorBoard reads it: its metrics and outcome as scalars, its settings for the HParams tab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from math import isnan
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from safemil_core.config import setting_names
from safemil_core.errors import AlreadyExists
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote
from safemil_core.workspace import whole_file


def write_event_file(run: Run, note: RunNote, out: Path) -> Path:
    """Write the run's event file into a folder named after the run in `out`, for `tensorboard --logdir OUT`.

    Returns:
        The file. An older one of the same run is replaced.

    Raises:
        AlreadyExists: `out` is a file.
        InvalidConfig: the run's settings are those of another version.
    """
    if out.exists() and not out.is_dir():
        raise AlreadyExists(f"{out} is a file; name a folder")
    path = out / _name(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        _write(run, note, file, shows_truth=True)
    return path


def event_file_zip(run: Run, note: RunNote, *, shows_truth: bool) -> bytes:
    """The same folder as a zip archive. Raises InvalidConfig like `write_event_file`.

    Args:
        run: which.
        note: what people say of it.
        shows_truth: whether how well it agrees with the true costs is told.
    """
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive, archive.open(_name(run), "w") as file:
        _write(run, note, file, shows_truth=shows_truth)
    return packed.getvalue()


def _name(run: Run) -> str:
    """TensorBoard calls a run by its folder, and finds event files by a part of their names."""
    return f"{run.id}/events.out.tfevents.{int(_started_at(run))}.safemil"


def _started_at(run: Run) -> float:
    return datetime.fromisoformat(run.info.created_at).timestamp()


def _write(run: Run, note: RunNote, file: BinaryIO | Any, *, shows_truth: bool) -> None:
    writer = RecordWriter(file)
    for event in _events(run, note, shows_truth=shows_truth):
        writer.write(event.SerializeToString())


def _events(run: Run, note: RunNote, *, shows_truth: bool) -> Iterator[Event]:
    begin, outcome = _started_at(run), run.outcome
    yield Event(wall_time=begin, file_version="brain.Event:2")
    for summary in (text_pb("run", _about(run, note)), hparams_pb(_settings(run), trial_id=run.id)):
        yield Event(wall_time=begin, summary=summary)
    update, seconds = 0, 0.0
    for row in run.metrics().to_dict("records"):
        update, seconds = int(row.pop("update")), row.pop("seconds")
        yield _scalars({f"train/{name}": value for name, value in row.items()}, begin + seconds, update)
    truth = ("step_auc", "trajectory_spearman") if shows_truth else ()
    reached = {f"outcome/{name}": outcome.get(name) for name in truth}
    yield _scalars({tag: value for tag, value in reached.items() if value is not None}, begin + seconds, update)


def _scalars(values: dict[str, float], wall_time: float, update: int) -> Event:
    """All values of one update in one event; what is NaN was not logged."""
    logged = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items() if not isnan(value)]
    return Event(wall_time=wall_time, step=update, summary=Summary(value=logged))


def _about(run: Run, note: RunNote) -> str:
    """TensorBoard shows Markdown: indented by four, all is code, whatever a name or a note holds."""
    about = {"name": note.name, "note": note.text, **asdict(run.info), "settings": run.config.model_dump()}
    return "".join(f"    {line}\n" for line in json.dumps(about, indent=1, ensure_ascii=False).splitlines())


def _settings(run: Run) -> dict[str, bool | float | str]:
    """Every setting by its name; a tuple as text."""
    config = run.config
    values = {name: config.value_of(name) for name in setting_names()}
    return {name: str(value) if isinstance(value, tuple) else value for name, value in values.items()}
