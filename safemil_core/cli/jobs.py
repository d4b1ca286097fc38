"""Commands for the job of a run: stop, resume, rerun, delete, log."""

from __future__ import annotations

from pathlib import Path

import click

from safemil_core.cli.session import Session, common_options, number, progress_bar, session
from safemil_core.data.labels.store import default_author
from safemil_core.running import jobs
from safemil_core.running.doctor_results import read_findings
from safemil_core.running.job_store import Job
from safemil_core.running.provenance import provenance
from safemil_core.running.run_folder import MODELS, Run


def train_now(here: Session, run: Run, device: str) -> None:
    """Train a run in this process, with a progress bar, and say what came out."""
    job = _trained(here, run, device)
    here.say(_result(run, job), _words(run, job))


def queued(here: Session, run: Run, job: Job) -> None:
    """Say that a run waits for a worker."""
    document = {"run": run.id, "dataset": run.info.dataset, "state": job.state, "device": job.device}
    here.say(document, f"run {run.id}: {job.state}; `safemil runs` says how far it is")


@click.command()
@click.argument("run_id", metavar="RUN")
@common_options
def stop(run_id: str, as_json: bool, workspace: Path | None) -> None:
    """Ask a run to finish: it keeps what it has learned so far, and can be resumed."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id)
    jobs.stop(here.workspace, run)
    job = jobs.job_of(here.workspace, run)
    here.say({"run": run_id, "state": job.state}, f"run {run_id}: {job.state}")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--device", help="auto, cpu, cuda or cuda:1; as before if not given.")
@click.option("--queue", is_flag=True, help="Leave it to a worker and return at once.")
@common_options
def resume(run_id: str, device: str | None, queue: bool, as_json: bool, workspace: Path | None) -> None:
    """Go on with a run that was stopped, has failed or died, from its last checkpoint."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id)
    job = jobs.resumable(here.workspace, run)
    if queue:
        queued(here, run, jobs.resume(here.workspace, run, device))
    else:
        train_now(here, run, device or job.asked)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--device", help="auto, cpu, cuda or cuda:1; as it was asked for then if not given.")
@click.option("--author", default=default_author, help="Whose run it is; your account's name if not given.")
@common_options
def rerun(run_id: str, device: str | None, author: str, as_json: bool, workspace: Path | None) -> None:
    """Make a run again from the same data, labels, settings and seed, and say whether the same networks come out."""
    here = session(as_json, workspace)
    old = here.runs.open(run_id)
    name = old.info.dataset
    asked = device or jobs.job_of(here.workspace, old).asked
    from safemil_core.learning.arithmetic import pick_device  # torch takes seconds to import

    differences = old.info.made_with.differences(provenance(str(pick_device(asked))))
    run = here.runs.repeat(old, here.datasets.info(name), here.datasets.labels(name), author=author)
    click.echo("; ".join(differences) or "the same versions, code and machine", err=True)
    job = _trained(here, run, asked)
    same = _comparison(run, old)
    document = {**_result(run, job), "rerun_of": run_id, "differences": differences, "same": same}
    here.say(document, f"{_words(run, job)}\n{_verdict(same)} {run_id}")


@click.command()
@click.argument("run_id", metavar="RUN")
@common_options
def delete(run_id: str, as_json: bool, workspace: Path | None) -> None:
    """Remove a run with its costs, weights, policies and videos."""
    here = session(as_json, workspace)
    jobs.delete(here.workspace, here.runs.open(run_id))
    here.say({"run": run_id, "state": "deleted"}, f"run {run_id}: deleted")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--lines", type=click.IntRange(1), default=1_000, show_default=True, help="Of its end.")
@common_options
def log(run_id: str, lines: int, as_json: bool, workspace: Path | None) -> None:
    """Print what the processes of a run have printed."""
    here = session(as_json, workspace)
    text = here.runs.open(run_id).log_tail(lines)
    here.say({"run": run_id, "log": text}, text or "nothing yet")


def _trained(here: Session, run: Run, device: str) -> Job:
    from safemil_core.running.worker import train_here  # as above

    with progress_bar("training", "update") as on_progress:
        job = train_here(here.workspace, run, device, on_progress)
    for finding in read_findings(run) or []:
        click.echo(f"finding: {finding.title} ({finding.evidence}); {finding.why}. {finding.cure}", err=True)
    return job


def _comparison(run: Run, old: Run) -> dict[str, bool]:
    """Whether each network is the same to the bit; empty where one of the runs has none. Some methods learn no cost."""
    if not (run.has_policies and old.has_policies):
        return {}
    pairs = {model: (run.model_file(model), old.model_file(model)) for model in MODELS}
    there = {model: pair for model, pair in pairs.items() if any(file.exists() for file in pair)}
    return {
        model: mine.exists() and other.exists() and mine.read_bytes() == other.read_bytes()
        for model, (mine, other) in there.items()
    }


def _verdict(same: dict[str, bool]) -> str:
    if not same:
        return "there are no networks to compare with those of run"
    others = [model for model, is_same in same.items() if not is_same]
    return f"{', '.join(others)}: not the same as of run" if others else "the same networks, to the bit, as of run"


def _result(run: Run, job: Job) -> dict[str, object]:
    findings = [finding.as_json() for finding in read_findings(run) or []]
    return {"run": run.id, "dataset": run.info.dataset, "state": job.state, **run.outcome, "findings": findings}


def _words(run: Run, job: Job) -> str:
    outcome = run.outcome
    if not outcome:
        return f"run {run.id}: {job.state} before it began; `safemil resume {run.id}` goes on"
    return (
        f"run {run.id}: {job.state} in {outcome['seconds']} s; against the true costs: per-step AUC "
        f"{number(outcome['step_auc'])}, rank correlation of trajectories {number(outcome['trajectory_spearman'])}"
    )


COMMANDS = (stop, resume, rerun, delete, log)
