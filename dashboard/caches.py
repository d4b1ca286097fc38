"""How what pages share is kept: Streamlit's two caches, told once what tells our datasets, runs and files apart.

Neither shows a spinner: drawn in a callback, it would let Streamlit stop that half-way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from safemil_core.data.dataset_info import DatasetInfo
from safemil_core.running.run_folder import Run
from safemil_core.running.sweeps.sweep_folder import Sweep
from safemil_core.workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")


def content_key(info: DatasetInfo) -> object:
    """Another one for other content, by another name, and in another workspace; a dataset itself never changes."""
    return str(Workspace.default().root), info.id, info.name


def results_key(run: Run) -> object:
    """Another one once a run has learned anew what its costs are: it may be resumed."""
    files = run.table_file("costs"), run.table_file("trajectories"), run.model_file("cost")
    return str(run.folder), *map(version, files)


def shared(
    *,
    max_entries: int,
    dataset: Callable[[DatasetInfo], object] = content_key,
    run: Callable[[Run], object] = results_key,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a function returns, the very object for all sessions: never write to it. What it raises is not kept.

    It is made again for other arguments. Datasets and runs are told apart by a key, sweeps and files by their version,
    all else by value; but of large arrays Streamlit sees a sample alone, so take none.

    Args:
        max_entries: how many values are kept before the oldest goes.
        dataset: the key of a dataset. Where something is missing, a key leaves it to the function to say so: what a key
            raises, Streamlit wraps in words of its own.
        run: the key of a run.
    """
    return st.cache_resource(max_entries=max_entries, show_spinner=False, hash_funcs=_keys(dataset, run))


def copied(*, max_entries: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Like `shared`, but everyone who asks gets a copy of their own."""
    return st.cache_data(max_entries=max_entries, show_spinner=False, hash_funcs=_keys(content_key, results_key))


def version(path: Path) -> tuple[int, int]:
    """Another one whenever the file has changed; (0, 0) where it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _keys(
    dataset: Callable[[DatasetInfo], object], run: Callable[[Run], object]
) -> dict[str | type[Any], Callable[[Any], Any]]:
    return {
        DatasetInfo: dataset,
        Run: run,
        Sweep: lambda sweep: (str(sweep.folder), sweep.version),
        type(Path()): lambda path: (str(path), version(path)),  # the class that paths have on this system
    }
