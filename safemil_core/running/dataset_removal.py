"""Removing a dataset, with what was made of it to be shown. Runs are no part of that: they are somebody's work."""

from __future__ import annotations

import shutil

from safemil_core.data.datasets import DatasetStore
from safemil_core.errors import NotReady
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace


def runs_made_of(workspace: Workspace, name: str) -> int:
    """How many runs a dataset is needed for."""
    return sum(run.info.dataset == name for run in RunStore(workspace).list())


def remove_dataset(workspace: Workspace, name: str) -> None:
    """Take a dataset's name away, and with its last name the content, its replays and its maps.

    What was said of it is kept, and stands again where the same content is imported again.

    Raises:
        NotFound: there is no such dataset.
        NotReady: runs were made of it.
    """
    if n := runs_made_of(workspace, name):
        raise NotReady(f"runs were made of dataset {name!r} ({n}); delete them first (safemil delete RUN)")
    gone = DatasetStore.of(workspace).forget(name)
    if gone is not None:
        for folder in (workspace.replays(gone), workspace.committee(gone), workspace.state_axes(gone)):
            shutil.rmtree(folder, ignore_errors=True)
