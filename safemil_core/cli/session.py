"""What every command works on, and the options that every command takes."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from safemil_core.data.datasets import DatasetStore
from safemil_core.running.job_store import Job
from safemil_core.running.progress import Progress
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """The workspace that a command was given, and how it shall answer."""

    workspace: Workspace
    as_json: bool

    @cached_property
    def datasets(self) -> DatasetStore:
        return DatasetStore.of(self.workspace)

    @cached_property
    def runs(self) -> RunStore:
        return RunStore(self.workspace)

    def say(self, result: Any, text: str) -> None:
        """Print the result, as JSON where that was asked for, else as text."""
        click.echo(json.dumps(_known(result), allow_nan=False) if self.as_json else text)


def _known(value: Any) -> Any:
    """The same with null for numbers that are none: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _known(of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [_known(of) for of in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def common_options(function: Callable[..., None]) -> Callable[..., None]:
    """Options that every command takes, before or after its name."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--workspace", type=click.Path(path_type=Path), help="Folder that keeps everything."),
    ):
        function = option(function)
    return function


def session(as_json: bool, workspace: Path | None) -> Session:
    """The session of the command that runs, from its own options and those before its name."""
    outer_json, outer_workspace = click.get_current_context().obj
    chosen = workspace or outer_workspace
    return Session(Workspace(chosen) if chosen else Workspace.default(), as_json or outer_json)


@contextmanager
def progress_bar(what: str, unit: str, after_s: float = 0.0) -> Iterator[Callable[[Progress | Job], None]]:
    """A progress bar on standard error, with rate and time left, from the first report on.

    Args:
        what: is done.
        unit: of what is counted.
        after_s: work that takes less long shows no bar.
    """
    with ExitStack() as stack:
        bar: tqdm[Any] | None = None

        def show(progress: Progress | Job) -> None:
            nonlocal bar
            if bar is None:
                made = tqdm(
                    desc=what,
                    unit=f" {unit}",
                    total=progress.total or None,
                    file=sys.stderr,
                    dynamic_ncols=True,
                    delay=after_s,
                )
                bar = stack.enter_context(made)
            bar.total = progress.total or None
            bar.update(progress.done - bar.n)

        yield show


def number(value: float | None) -> str:
    """Three digits, or a dash for what is not known."""
    return "-" if value is None else f"{value:.3f}"
