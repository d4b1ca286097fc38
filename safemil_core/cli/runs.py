"""Commands for runs: train, list, evaluate, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from safemil_core.cli.session import common_options, progress_bar, session
from safemil_core.config import RunConfig
from safemil_core.data.labels.store import default_author
from safemil_core.errors import NotFound
from safemil_core.running.export import export_run
from safemil_core.running.runs import Run


@click.command()
@click.argument("dataset")
@click.option("--seed", type=int, help="Seed of every random draw (0 if not given).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting: cost.bag_size=64")
@click.option("--paper", is_flag=True, help="Begin from the paper's settings instead of ours.")
@click.option(
    "--labels", "snapshot_name", metavar="SNAPSHOT", help="Labels that `snapshot` named; those of now if not."
)
@click.option("--author", default=default_author, help="Whose run it is; your account's name if not given.")
@common_options
def train(
    dataset: str,
    seed: int | None,
    device: str,
    assignments: tuple[str, ...],
    paper: bool,
    snapshot_name: str | None,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Learn a cost network from the labels and clone a safe policy (Ctrl-C keeps what is learned)."""
    here = session(as_json, workspace)
    changes = [*assignments, *([f"seed={seed}"] if seed is not None else [])]
    config = (RunConfig.paper() if paper else RunConfig()).with_values(changes)
    info = here.datasets.info(dataset)
    from safemil_core.learning.training import pick_device  # torch takes seconds to import
    from safemil_core.running.training_stage import train_run

    chosen = str(pick_device(device))
    labels = here.datasets.labels(dataset)
    run = here.runs.create(info, labels, config, author=author, snapshot_name=snapshot_name)
    with progress_bar("training", "update") as on_progress:
        train_run(here.workspace, run, chosen, on_progress)
    outcome = run.outcome
    for finding in outcome["findings"]:
        click.echo("finding: {title} ({evidence}); {cause}. {cure}".format(**finding), err=True)
    here.say({"run": run.id, "dataset": dataset, "state": run.progress.state, **outcome}, _trained(run))


@click.command("runs")
@common_options
def runs_(as_json: bool, workspace: Path | None) -> None:
    """List the runs, newest first."""
    here = session(as_json, workspace)
    rows = [_summary(run) for run in here.runs.list()]
    text = "\n".join(
        f"{row['run']}  {row['dataset']}  {row['state']}  AUC {_number(row['step_auc'])}  "
        f"rank correlation {_number(row['trajectory_spearman'])}"
        for row in rows
    )
    here.say(rows, text or "no runs yet; `safemil train DATASET` makes one")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write into; made where missing.")
@common_options
def export(run_id: str, out: Path, as_json: bool, workspace: Path | None) -> None:
    """Write a run's costs, weights, models and settings into a folder."""
    here = session(as_json, workspace)
    files = export_run(here.runs.open(run_id), out)
    here.say({"run": run_id, "out": str(out), "files": files}, f"{out}: {', '.join(files)}")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--episodes", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Of each policy.")
@click.option("--video", type=click.Path(path_type=Path), help="Write one episode of both policies as this mp4 file.")
@common_options
def evaluate(run_id: str, episodes: int, video: Path | None, as_json: bool, workspace: Path | None) -> None:
    """Roll out a run's policies in the simulator: the safe one, and plain behaviour cloning beside it."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id)
    if video and not video.absolute().parent.is_dir():
        raise NotFound(f"the folder of {video} is not there; make it or choose another")
    from safemil_core.running.evaluation_stage import evaluate_run  # as above

    with progress_bar("evaluating", "episode") as on_progress:
        report = evaluate_run(here.workspace, run, episodes, n_videos=1 if video else 0, on_progress=on_progress)
    if video:
        video.write_bytes(run.videos()[0].read_bytes())
    result = {"run": run_id, **report, **({"video": str(video)} if video else {})}
    here.say(result, "\n".join(_policy_line(name, metrics) for name, metrics in report["policies"].items()))


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


COMMANDS = (train, runs_, evaluate, export)
