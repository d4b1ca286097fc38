"""Commands that look at runs from outside: side by side, by the doctor, with a name and a note, in TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pandas as pd

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.cli.session import Session, common_options, session
from safemil_core.cli.simulators import tell_equipment
from safemil_core.data.database import Database
from safemil_core.data.labels.store import default_author
from safemil_core.errors import InvalidConfig
from safemil_core.running import jobs
from safemil_core.running.comparison import Compared, best, configurations, differences, final_values, results
from safemil_core.running.run_notes import RunNote, RunNotes


@click.command()
@click.argument("run_ids", metavar="RUN RUN...", nargs=-1, required=True)
@click.option("--all", "is_all", is_flag=True, help="Every setting, not only those in which the runs differ.")
@common_options
def compare(run_ids: tuple[str, ...], is_all: bool, as_json: bool, workspace: Path | None) -> None:
    """Set runs side by side: what came out of each (* is the best), and in what they differ."""
    here = session(as_json, workspace)
    runs = [here.runs.open(run_id) for run_id in dict.fromkeys(run_ids)]
    if len(runs) < 2:
        raise InvalidConfig("one run alone cannot be compared; name another one, `safemil runs` lists them")
    notes = _notes(here).all()
    trainings = jobs.jobs_of(here.workspace, runs)
    compared = [
        Compared(run, job, notes.get(run.id, RunNote()), final_values(run.metrics()))
        for run, job in zip(runs, trainings, strict=True)
    ]
    came_out, made_from = results(compared), configurations(compared)
    shown = made_from if is_all else differences(made_from)
    text = f"{_results_text(came_out)}\n\n{_settings_text(shown, came_out['name'])}"
    rows = json.loads(came_out.reset_index().to_json(orient="records", date_format="iso"))
    here.say({"runs": rows, "best": best(came_out), "configuration": shown.to_dict("index")}, text)


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@common_options
def doctor(run_id: str | None, as_json: bool, workspace: Path | None) -> None:
    """Examine a run: what is wrong with it, its labels and its data, the most harmful first, and what cures it.
    Without a run: what this machine has for training, simulating and drawing."""
    here = session(as_json, workspace)
    if run_id is None:
        tell_equipment(here)
        return
    run = here.runs.open(run_id)
    from safemil_core.running.doctor_stage import examine_run  # torch takes seconds to import

    findings = examine_run(here.workspace, run, is_thorough=True)
    document = {"run": run_id, "findings": [finding.as_json() for finding in findings]}
    here.say(document, "\n\n".join(map(_finding_text, findings)) or f"run {run_id}: nothing is wrong")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("text", required=False)
@click.option("--name", help="What to call the run; an empty one takes it back.")
@click.option("--author", default=default_author, help="Who says so; your account's name if not given.")
@common_options
def note(run_id: str, text: str | None, name: str | None, author: str, as_json: bool, workspace: Path | None) -> None:
    """Give a run a name or a note, or show them where neither is given."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id)
    said = _notes(here).write(run.id, author=author, name=name, note=text)
    words = f"{said.name or 'no name'}: {said.text or 'no note'}"
    here.say({"run": run_id, **vars(said)}, f"{words} ({said.author}, {said.at})" if said.at else words)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write into; made where missing.")
@common_options
def tensorboard(run_id: str, out: Path, as_json: bool, workspace: Path | None) -> None:
    """Write a run's metrics, settings and outcome for TensorBoard."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id)
    from safemil_core.running.event_files import write_event_file  # TensorBoard's modules take most of a second

    path = write_event_file(run, _notes(here).of(run.id), out)
    here.say({"run": run_id, "file": str(path)}, f"{path}; look at it with `tensorboard --logdir {out}`")


def _finding_text(finding: Finding) -> str:
    return (
        f"{finding.title} ({finding.cause}, harm {finding.harm:.0%})\n"
        f"  evidence: {finding.evidence}\n  cause: {finding.why}\n  cure: {finding.cure}"
    )


def _notes(here: Session) -> RunNotes:
    return RunNotes(Database(here.workspace.database))


def _results_text(table: pd.DataFrame) -> str:
    winners = best(table)
    shown = pd.DataFrame({"name": table["name"], "state": table["state"]})
    for column in table.columns.difference([*shown, "created", "author", "note"], sort=False):
        marks = ["*" if run in winners.get(column, []) else "" for run in table.index]
        shown[column] = [f"{_number(value)}{mark}" for value, mark in zip(table[column], marks, strict=True)]
    return shown.to_string()


def _settings_text(table: pd.DataFrame, names: pd.Series[str]) -> str:
    if table.empty:
        return "nothing differs: dataset, labels, settings and versions are the same"
    return table.rename(columns=lambda run: names[run] or run).to_string()


def _number(value: Any) -> str:
    return "-" if pd.isna(value) else f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


COMMANDS = (compare, doctor, note, tensorboard)
