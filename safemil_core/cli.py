"""The console script `safemil`: arguments in, one call into the core, text or one JSON document out.

Standard output holds the result alone; progress and remarks go to standard error. What a user can mend ends with one
line and exit code 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from safemil_core.assessment.summaries import example_marks, trajectory_table
from safemil_core.config import RunConfig
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.labels import Label, default_author, parse_csv, parse_numbers
from safemil_core.errors import InvalidLabels, NotFound, SafeMILError
from safemil_core.running.export import export_run
from safemil_core.running.progress import Progress
from safemil_core.running.runs import Run, RunStore
from safemil_core.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """What every command works on."""

    workspace: Workspace
    as_json: bool

    @cached_property
    def datasets(self) -> DatasetStore:
        return DatasetStore(self.workspace, Database(self.workspace.database))

    @cached_property
    def runs(self) -> RunStore:
        return RunStore(self.workspace)

    def say(self, result: Any, text: str) -> None:
        """Print the result, as JSON where that was asked for, else as text."""
        click.echo(json.dumps(result) if self.as_json else text)


def main() -> None:
    """Run the command line; every error a user can act on becomes one line and exit code 2."""
    try:
        cli.main(prog_name="safemil", standalone_mode=False)
    except SafeMILError as problem:
        _leave(str(problem))
    except click.UsageError as problem:
        command = problem.ctx.command_path if problem.ctx else "safemil"
        _leave(f"{problem.format_message().rstrip('.')}; see {command} --help")
    except click.ClickException as problem:
        _leave(problem.format_message())
    except (click.Abort, KeyboardInterrupt):
        _leave("interrupted")
    except OSError as problem:
        _leave(f"{problem.filename or 'a file'}: {problem.strerror}; free some space or choose another folder")


def _leave(message: str) -> None:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(2)


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Options that every command takes, before or after its name."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps everything."),
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps everything (SAFEMIL_WORKSPACE).")
@click.version_option(package_name="safemil")
@click.pass_context
def cli(context: click.Context, as_json: bool, workspace: Path | None) -> None:
    """Offline safe imitation learning from non-preferred trajectories (SafeMIL)."""
    context.obj = (as_json, workspace)


def _session(as_json: bool, workspace: Path | None) -> Session:
    outer_json, outer_workspace = click.get_current_context().obj
    chosen = workspace or outer_workspace
    return Session(Workspace(chosen) if chosen else Workspace.default(), as_json or outer_json)


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What to call the dataset; the file's own name if not given.")
@click.option("--env", "env_id", help="The gymnasium environment for rollouts, for example SafetyCarCircle-v0.")
@_command
def import_(file: Path, name: str | None, env_id: str | None, as_json: bool, workspace: Path | None) -> None:
    """Check a file and keep it as a dataset."""
    session = _session(as_json, workspace)
    info = session.datasets.add(file, name=name, env_id=env_id)
    for note in info.notes:
        click.echo(f"note: {note}", err=True)
    session.say({"dataset": info.name, **asdict(info)}, f"{info.name}: {_facts(info)}")


@cli.command()
@_command
def datasets(as_json: bool, workspace: Path | None) -> None:
    """List the datasets."""
    session = _session(as_json, workspace)
    rows = []
    for info in session.datasets.list():
        labels = session.datasets.labels(info.name).current()
        counts = {label: int((labels == label).sum()) for label in ("non_preferred", "preferred")}
        rows.append({"dataset": info.name, **asdict(info), **counts})
    text = "\n".join(
        f"{row['dataset']}: {row['n_trajectories']} trajectories, {row['n_steps']} steps, "
        f"{row['non_preferred']} non-preferred, {row['preferred']} preferred"
        for row in rows
    )
    session.say(rows, text or "no datasets yet; `safemil import FILE` brings one")


@cli.command()
@click.argument("dataset")
@click.option("--non-preferred", metavar="NUMBERS", help="Trajectories to mark, for example 3,17,40-60.")
@click.option("--preferred", metavar="NUMBERS", help="Trajectories to mark as trusted good.")
@click.option("--clear", metavar="NUMBERS", help="Trajectories to take the mark from.")
@click.option("--from", "table", type=click.Path(path_type=Path), help="CSV file with columns trajectory,label.")
@click.option("--example", is_flag=True, help="Mark up to 50 of the highest true cost as non-preferred.")
@click.option("--undo", is_flag=True, help="Take back your last action.")
@click.option("--note", default="", help="Why; kept with the labels.")
@click.option("--author", default=default_author, help="Who says so; your account's name if not given.")
@_command
def label(
    dataset: str,
    non_preferred: str | None,
    preferred: str | None,
    clear: str | None,
    table: Path | None,
    example: bool,
    undo: bool,
    note: str,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Mark trajectories of a dataset."""
    session = _session(as_json, workspace)
    store = session.datasets.labels(dataset)
    marks = _read_labels(table) if table else {}
    if example:
        marks |= dict.fromkeys(example_marks(trajectory_table(session.datasets.open(dataset))), "non_preferred")
    given: tuple[tuple[str | None, Label], ...] = (
        (non_preferred, "non_preferred"), (preferred, "preferred"), (clear, "none"),
    )  # fmt: skip
    for numbers, word in given:
        marks |= dict.fromkeys(parse_numbers(numbers or ""), word)
    if not undo:
        store.mark_each(marks, author=author, note=note, origin="example" if example else "file" if table else "hand")
    elif marks:
        raise InvalidLabels("--undo takes back your last action and marks nothing; give it alone")
    elif store.undo(author=author) is None:
        raise InvalidLabels(f"{author} has no action on {dataset!r} to take back")
    labels = store.current()
    counts = {word: int((labels == word).sum()) for word in ("non_preferred", "preferred", "none")}
    session.say(
        {"dataset": dataset, "action": store.latest(), **counts},
        f"{dataset}: {counts['non_preferred']} non-preferred, {counts['preferred']} preferred, "
        f"{counts['none']} unlabelled",
    )


@cli.command()
@click.argument("dataset")
@click.option("--seed", type=int, help="Seed of every random draw (0 if not given).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting: cost.bag_size=64")
@click.option("--paper", is_flag=True, help="Begin from the paper's settings instead of ours.")
@click.option("--author", default=default_author, help="Whose run it is; your account's name if not given.")
@_command
def train(
    dataset: str,
    seed: int | None,
    device: str,
    assignments: tuple[str, ...],
    paper: bool,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Learn a cost network from the labels and clone a safe policy (Ctrl-C keeps what is learned)."""
    session = _session(as_json, workspace)
    changes = [*assignments, *([f"seed={seed}"] if seed is not None else [])]
    config = (RunConfig.paper() if paper else RunConfig()).with_values(changes)
    info = session.datasets.info(dataset)
    from safemil_core.learning.training import pick_device  # torch takes seconds to import
    from safemil_core.running.training_stage import train_run

    chosen = str(pick_device(device))
    run = session.runs.create(info, session.datasets.labels(dataset), config, author=author)
    with _bar("training", "update") as on_progress:
        train_run(session.workspace, run, chosen, on_progress)
    outcome = run.outcome
    for finding in outcome["findings"]:
        click.echo("finding: {title} ({evidence}); {cause}. {cure}".format(**finding), err=True)
    session.say({"run": run.id, "dataset": dataset, "state": run.progress.state, **outcome}, _trained(run))


@cli.command()
@_command
def runs(as_json: bool, workspace: Path | None) -> None:
    """List the runs, newest first."""
    session = _session(as_json, workspace)
    rows = [_summary(run) for run in session.runs.list()]
    text = "\n".join(
        f"{row['run']}  {row['dataset']}  {row['state']}  AUC {_number(row['step_auc'])}  "
        f"rank correlation {_number(row['trajectory_spearman'])}"
        for row in rows
    )
    session.say(rows, text or "no runs yet; `safemil train DATASET` makes one")


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write into; made where missing.")
@_command
def export(run_id: str, out: Path, as_json: bool, workspace: Path | None) -> None:
    """Write a run's costs, weights, models and settings into a folder."""
    session = _session(as_json, workspace)
    files = export_run(session.runs.open(run_id), out)
    session.say({"run": run_id, "out": str(out), "files": files}, f"{out}: {', '.join(files)}")


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option("--episodes", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Of each policy.")
@click.option("--video", type=click.Path(path_type=Path), help="Write one episode of both policies as this mp4 file.")
@_command
def evaluate(run_id: str, episodes: int, video: Path | None, as_json: bool, workspace: Path | None) -> None:
    """Roll out a run's policies in the simulator: the safe one, and plain behaviour cloning beside it."""
    session = _session(as_json, workspace)
    run = session.runs.open(run_id)
    if video and not video.absolute().parent.is_dir():
        raise NotFound(f"the folder of {video} is not there; make it or choose another")
    from safemil_core.running.evaluation_stage import evaluate_run  # as above

    with _bar("evaluating", "episode") as on_progress:
        report = evaluate_run(session.workspace, run, episodes, n_videos=1 if video else 0, on_progress=on_progress)
    if video:
        video.write_bytes(run.videos()[0].read_bytes())
    result = {"run": run_id, **report, **({"video": str(video)} if video else {})}
    session.say(result, "\n".join(_policy_line(name, metrics) for name, metrics in report["policies"].items()))


def _read_labels(path: Path) -> dict[int, Label]:
    if not path.is_file():
        raise NotFound(f"{path}: there is no such file")
    try:
        return parse_csv(path.read_bytes())
    except InvalidLabels as problem:
        raise InvalidLabels(f"{path.name}: {problem}") from None


@contextmanager
def _bar(what: str, unit: str) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on standard error, with rate and time left, from the first report on."""
    with ExitStack() as stack:
        bar: tqdm[Any] | None = None

        def show(progress: Progress) -> None:
            nonlocal bar
            if bar is None:
                made = tqdm(desc=what, unit=f" {unit}", total=progress.total, file=sys.stderr, dynamic_ncols=True)
                bar = stack.enter_context(made)
            bar.update(progress.done - bar.n)

        yield show


def _facts(info: DatasetInfo) -> str:
    return (
        f"{info.n_trajectories} trajectories, {info.n_steps} steps, {info.n_observations} observations, "
        f"{info.n_actions} actions, environment {info.env_id or 'unknown'}"
    )


def _summary(run: Run) -> dict[str, Any]:
    info, outcome = run.info, run.outcome
    return {
        "run": run.id,
        "dataset": info.dataset,
        "state": run.progress.state,
        "created_at": info.created_at,
        "non_preferred": info.n_non_preferred,
        "step_auc": outcome.get("step_auc"),
        "trajectory_spearman": outcome.get("trajectory_spearman"),
    }


def _trained(run: Run) -> str:
    outcome = run.outcome
    auc, spearman = _number(outcome["step_auc"]), _number(outcome["trajectory_spearman"])
    return (
        f"run {run.id}: {run.progress.state} in {outcome['seconds']} s; against the true costs: "
        f"per-step AUC {auc}, rank correlation of trajectories {spearman}"
    )


def _policy_line(name: str, metrics: dict[str, Any]) -> str:
    words = {"return": "return", "cost": "cost", "cvar_cost": "CVaR@20% cost"}
    parts = [f"{words[key]} {m['mean']:.1f} [{m['low']:.1f}, {m['high']:.1f}]" for key in words for m in [metrics[key]]]
    return f"{name:5s} {', '.join(parts)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
