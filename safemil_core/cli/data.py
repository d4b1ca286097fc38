"""Commands for datasets: import, download, list, filter, merge, card, curate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from safemil_core.cli.session import Session, common_options, progress_bar, session
from safemil_core.data.cards import card as card_of
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import parse_numbers
from safemil_core.data.labels.store import default_author
from safemil_core.errors import InvalidConfig
from safemil_core.running.curation import KEEPS, Keep, curate, export_curated, kept
from safemil_core.running.dataset_removal import remove_dataset
from safemil_core.running.intakes import IntakeRequest
from safemil_core.running.progress import Reports

_AUTHOR = click.option("--author", default=default_author, help="Who does it; your account's name if not given.")


@click.command("import")
@click.argument("paths", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--name", help="What to call the dataset; the first file's own name if not given.")
@click.option("--env", "env_id", help="The gymnasium environment for rollouts, for example SafetyCarCircle-v0.")
@click.option("--columns", multiple=True, metavar="ROLE=A,B", help="Columns of a table: observations=x,y actions=u")
@click.option("--episode-length", type=click.IntRange(1), help="Steps of every episode, where the file does not say.")
@_AUTHOR
@common_options
def import_(
    paths: tuple[Path, ...],
    name: str | None,
    env_id: str | None,
    columns: tuple[str, ...],
    episode_length: int | None,
    author: str,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Check files or folders of any known format and keep them as one dataset."""
    request = IntakeRequest(
        source="path",
        what=tuple(str(path) for path in paths),
        author=author,
        name=name,
        env_id=env_id,
        columns=_columns(columns),
        episode_length=episode_length,
    )
    _bring(session(as_json, workspace), request)


@click.command()
@click.argument("source", type=click.Choice(["dsrl", "minari"]))
@click.argument("remote", metavar="NAME")
@click.option("--name", help="What to call the dataset here.")
@click.option("--env", "env_id", help="The gymnasium environment for rollouts.")
@_AUTHOR
@common_options
def download(
    source: str, remote: str, name: str | None, env_id: str | None, author: str, as_json: bool, workspace: Path | None
) -> None:
    """Fetch a public dataset by its name and keep it: dsrl CarCircle, minari D4RL/door/human-v2. It can be resumed."""
    request = IntakeRequest("dsrl" if source == "dsrl" else "minari", (remote,), author, name, env_id)
    _bring(session(as_json, workspace), request)


@click.command()
@common_options
def datasets(as_json: bool, workspace: Path | None) -> None:
    """List the datasets."""
    here = session(as_json, workspace)
    rows = []
    for info in here.datasets.list():
        labels = here.datasets.labels(info.name).current()
        counts = {label: int((labels == label).sum()) for label in ("non_preferred", "preferred")}
        rows.append({"dataset": info.name, **asdict(info), **counts})
    text = "\n".join(
        f"{row['dataset']}: {row['n_trajectories']} trajectories, {row['n_steps']} steps, "
        f"{row['non_preferred']} non-preferred, {row['preferred']} preferred"
        for row in rows
    )
    for name in here.datasets.missing():
        click.echo(
            f"note: the folder of dataset {name!r} is gone or damaged; import its file again, or remove it", err=True
        )
    here.say(rows, text or "no datasets yet; `safemil import FILE` brings one")


@click.command()
@click.argument("dataset")
@common_options
def remove(dataset: str, as_json: bool, workspace: Path | None) -> None:
    """Remove a dataset that no run was made of. Its labels are kept for when the same data come again."""
    here = session(as_json, workspace)
    remove_dataset(here.workspace, dataset)
    here.say({"dataset": dataset, "state": "removed"}, f"{dataset}: removed")


@click.command("filter")
@click.argument("dataset")
@click.option("--as", "new_name", required=True, help="Name of the new version.")
@click.option("--keep", type=click.Choice(list(KEEPS)), default="all", show_default=True, help="By label.")
@click.option("--only", metavar="NUMBERS", help="Of these trajectories only, for example 3,17,40-60.")
@common_options
def filter_(dataset: str, new_name: str, keep: Keep, only: str | None, as_json: bool, workspace: Path | None) -> None:
    """Make a version of a dataset from some of its trajectories; their labels go with them."""
    here = session(as_json, workspace)
    numbers = None if only is None else sorted(parse_numbers(only))
    chosen = kept(here.datasets.labels(dataset).current(), keep, numbers)
    how = f"kept {keep}" + (f" of {only}" if only else "")
    _made(here, here.datasets.derive(dataset, chosen.tolist(), new_name=new_name, how=how))


@click.command()
@click.argument("names", metavar="DATASET...", nargs=-1, required=True)
@click.option("--as", "new_name", required=True, help="Name of the new dataset.")
@common_options
def merge(names: tuple[str, ...], new_name: str, as_json: bool, workspace: Path | None) -> None:
    """Make one dataset of several; labels go with their trajectories."""
    here = session(as_json, workspace)
    _made(here, here.datasets.merge(names, new_name=new_name))


@click.command()
@click.argument("dataset")
@common_options
def card(dataset: str, as_json: bool, workspace: Path | None) -> None:
    """Print a dataset's card: who, what, how labelled, hashes, known limits."""
    here = session(as_json, workspace)
    text = card_of(here.datasets, dataset)
    here.say({"dataset": dataset, "card": text}, text.rstrip("\n"))


@click.command("curate")
@click.argument("dataset")
@click.option("--format", "format_name", required=True, help="DSRL HDF5, Minari, LeRobot, NPZ, Parquet, ...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File or folder to write; must not exist.")
@click.option("--keep", type=click.Choice(list(KEEPS)), default="all", show_default=True, help="By label.")
@click.option("--only", metavar="NUMBERS", help="Of these trajectories only, for example 3,17,40-60.")
@click.option("--run", "run_id", help="Whose weights and learned costs go with them.")
@common_options
def curate_(
    dataset: str,
    format_name: str,
    out: Path,
    keep: Keep,
    only: str | None,
    run_id: str | None,
    as_json: bool,
    workspace: Path | None,
) -> None:
    """Write a curated subset with its labels and weights for another tool."""
    here = session(as_json, workspace)
    run = here.runs.open(run_id) if run_id else None
    numbers = None if only is None else parse_numbers(only)
    curated = curate(here.datasets, dataset, keep=keep, numbers=numbers, run=run)
    export_curated(format_name, curated, out)
    here.say(
        {"dataset": dataset, "out": str(out), "format": format_name, "n_trajectories": len(curated)},
        f"{out}: {len(curated)} trajectories as {format_name}",
    )


def _bring(here: Session, request: IntakeRequest) -> None:
    from safemil_core.running.intake_stage import bring  # it knows the simulators' dataset lists

    with progress_bar("importing", "step" if request.source == "path" else "part", after_s=2.0) as on_progress:
        info = bring(here.workspace, request, Reports(None, on_progress=on_progress))
    _made(here, info)


def _made(here: Session, info: DatasetInfo) -> None:
    for note in info.notes:
        click.echo(f"note: {note}", err=True)
    here.say({"dataset": info.name, **asdict(info)}, f"{info.name}: {_facts(info)}")


def _columns(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    chosen = [_column(text) for text in texts]
    for role, n in Counter(role for role, _ in chosen).items():
        if n > 1:
            raise InvalidConfig(f"--columns says {n} times what the {role} are; name all of them at once, {role}=x,y")
    return dict(chosen)


def _column(text: str) -> tuple[str, tuple[str, ...]]:
    role, equals, names = text.partition("=")
    if not equals or not names:
        raise InvalidConfig(f"{text!r} assigns no column; write it like observations=x,y")
    return role.strip(), tuple(name.strip() for name in names.split(","))


def _facts(info: DatasetInfo) -> str:
    return (
        f"{info.n_trajectories} trajectories, {info.n_steps} steps, {info.n_observations} observations, "
        f"{info.n_actions} actions, environment {info.env_id or 'unknown'}"
    )


COMMANDS: tuple[Any, ...] = (import_, download, datasets, remove, filter_, merge, card, curate_)
