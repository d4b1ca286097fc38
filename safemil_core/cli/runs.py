"""Commands for runs: train, list, export, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from safemil_core.cli.jobs import queued, train_now
from safemil_core.cli.session import Session, common_options, number, progress_bar, session
from safemil_core.clock import duration
from safemil_core.config import RunConfig
from safemil_core.data.labels.store import default_author
from safemil_core.errors import InvalidConfig, NotFound
from safemil_core.running import jobs
from safemil_core.running.export import export_run
from safemil_core.running.job_store import Job
from safemil_core.running.run_folder import Run


@click.command()
@click.argument("dataset", required=False)
@click.option("--seed", type=int, help="Seed of every random draw (0 if not given).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting: cost.bag_size=64")
@click.option("--paper", is_flag=True, help="Begin from the paper's settings instead of ours.")
@click.option("--plain", is_flag=True, help="Begin from ours, but for the paper's network and its weights of steps.")
@click.option(
    "--like", metavar="RUN", help="Begin from a run's settings; without DATASET, also from its data and labels."
)
@click.option(
    "--labels", "snapshot_name", metavar="SNAPSHOT", help="Labels that `snapshot` named; those of now if not."
)
@click.option("--warm-start", metavar="RUN", help="Begin with the cost network of a run of the same dataset.")
@click.option("--queue", is_flag=True, help="Leave it to a worker and return at once.")
@click.option("--author", default=default_author, help="Whose run it is; your account's name if not given.")
@common_options
def train(
    dataset: str | None,
    seed: int | None,
    device: str,
    assignments: tuple[str, ...],
    paper: bool,
    plain: bool,
    like: str | None,
    snapshot_name: str | None,
    warm_start: str | None,
    queue: bool,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Learn a cost network from the labels and clone a safe policy (Ctrl-C keeps what is learned)."""
    here = session(as_json, workspace)
    model = here.runs.open(like) if like else None
    if (model is not None) + paper + plain > 1:
        raise InvalidConfig("--paper, --plain and --like all say which settings to begin from; use one of them")
    changes = [*assignments, *([f"seed={seed}"] if seed is not None else [])]
    begun = model.config if model else RunConfig.paper() if paper else RunConfig.plain() if plain else RunConfig()
    config, (name, snapshot) = begun.with_values(changes), _data(here, model, dataset, snapshot_name)
    if not queue:
        from safemil_core.learning.arithmetic import pick_device  # torch takes seconds to import

        pick_device(device)  # before there is a run that cannot be trained
    run = here.runs.create(
        here.datasets.info(name),
        here.datasets.labels(name),
        config,
        author=author,
        label_snapshot=snapshot,
        warm_start=here.runs.open(warm_start) if warm_start else None,
    )
    if queue:
        queued(here, run, jobs.start_training(here.workspace, run, device))
    else:
        train_now(here, run, device)


def _data(here: Session, model: Run | None, dataset: str | None, snapshot_name: str | None) -> tuple[str, int | None]:
    """The dataset's name, and the label action after which its labels are taken; those of now where None."""
    if dataset is not None:
        name, snapshot = dataset, None
    elif model is not None:
        name, snapshot = model.info.dataset, model.info.label_snapshot
        model.require_dataset(here.datasets.info(name))
    else:
        raise InvalidConfig("name a dataset, or a run to begin from with --like; `safemil datasets` lists them")
    if snapshot_name is not None:
        snapshot = here.datasets.labels(name).snapshot(snapshot_name).action
    return name, snapshot


@click.command("runs")
@common_options
def runs_(as_json: bool, workspace: Path | None) -> None:
    """List the runs, newest first."""
    here = session(as_json, workspace)
    runs = here.runs.list()
    rows = [_summary(run, job) for run, job in zip(runs, jobs.jobs_of(here.workspace, runs), strict=True)]
    here.say(rows, "\n".join(map(_line, rows)) or "no runs yet; `safemil train DATASET` makes one")


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
@click.option("--beside", multiple=True, metavar="RUN", help="Let the policy of another run play too; may be repeated.")
@click.option(
    "--cost-limit", type=click.FloatRange(0), help="What an episode may cost; what the references say if not given."
)
@click.option("--video", type=click.Path(path_type=Path), help="Write one episode of all policies as this mp4 file.")
@common_options
def evaluate(
    run_id: str,
    episodes: int,
    beside: tuple[str, ...],
    cost_limit: float | None,
    video: Path | None,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Roll out a run's policies in the simulator: the safe one, and plain behaviour cloning beside it."""
    here = session(as_json, workspace)
    run, others = here.runs.open(run_id), [here.runs.open(other) for other in beside]
    if video and not video.absolute().parent.is_dir():
        raise NotFound(f"the folder of {video} is not there; make it or choose another")
    from safemil_core.assessment.videos import join
    from safemil_core.running.evaluation_stage import evaluate_run  # as above

    with progress_bar("evaluating", "episode") as on_progress:
        report = evaluate_run(
            here.workspace,
            run,
            episodes,
            n_videos=1 if video else 0,
            on_progress=on_progress,
            beside=others,
            cost_limit=cost_limit,
        )
    if video:
        join([run.film(policy, 0) for policy in report["policies"]], video)
    result = {"run": run_id, **report, **({"video": str(video)} if video else {})}
    here.say(result, "\n".join(_evaluation_lines(report)))


def _summary(run: Run, job: Job) -> dict[str, Any]:
    info, outcome, is_running = run.info, run.outcome, not job.is_finished and job.rate > 0
    return {
        "run": run.id,
        "dataset": info.dataset,
        "state": job.state,
        "device": job.device,
        "done": job.done,
        "total": job.total,
        "rate": job.rate if is_running else None,
        "seconds_left": job.seconds_left if is_running else None,
        "attempt": job.attempt,
        "message": job.message,
        "created_at": info.created_at,
        "non_preferred": info.n_non_preferred,
        "step_auc": outcome.get("step_auc"),
        "trajectory_spearman": outcome.get("trajectory_spearman"),
    }


def _line(row: dict[str, Any]) -> str:
    words = [row["run"], row["dataset"], row["state"]]
    if row["state"] != "done" and row["total"]:
        words.append(f"{row['done']:,} of {row['total']:,} updates")
    if row["rate"]:
        words.append(f"{row['rate']:,.3g} a second on {row['device']}, {duration(row['seconds_left'])} left")
    if row["step_auc"] is not None:
        words.append(f"AUC {row['step_auc']:.3f}  rank correlation {number(row['trajectory_spearman'])}")
    return "  ".join([*words, row["message"]] if row["message"] else words)


def _evaluation_lines(report: dict[str, Any]) -> list[str]:
    """A line a policy, what satisfies means, and a line a comparison."""
    words = {"return": "return", "cost": "cost", "cvar_cost": "CVaR@20% cost", "satisfaction": "satisfied"}
    width = max(map(len, report["policies"]))
    lines = [
        f"{name:{width}s}  {', '.join(f'{said} {_interval(metrics[key], key)}' for key, said in words.items())}"
        for name, metrics in report["policies"].items()
    ]
    for each in report["seeds"]:
        said = ", ".join(f"{said} {_interval(each[key], key)}" for key, said in words.items())
        lines.append(f"over the seeds of {', '.join(each['policies'])}: {said}")
    limit = report["cost_limit"]
    lines.append(f"satisfied: an episode costs at most {limit['limit']:.1f}, {limit['why']}")
    for each in report["comparisons"]:
        lines.append(
            f"safe less {each['against']}, from the same starts: cost {_interval(each['cost'], 'cost')}, "
            f"return {_interval(each['return'], 'return')}"
        )
    return lines


def _interval(found: dict[str, float], metric: str) -> str:
    form = ".0%" if metric == "satisfaction" else ".1f"
    return f"{found['mean']:{form}} [{found['low']:{form}}, {found['high']:{form}}]"


COMMANDS = (train, runs_, evaluate, export)
