"""RunStore: the runs of a workspace, made, repeated, listed and removed. What is in one is the business of `Run`."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from safemil_core.clock import now
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelStore
from safemil_core.errors import InvalidConfig, NotFound
from safemil_core.learning.baselines.settings import COSTLESS, as_trained
from safemil_core.running import episode_cache
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.run_info import RunInfo
from safemil_core.workspace import Workspace, is_name

_ARCHITECTURE = ("network", "inputs", "hidden_sizes", "members", "aggregator", "image_features")
"""Settings of the cost network on which the shapes of its weights depend."""


class RunStore:
    """The runs of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create(
        self,
        dataset: DatasetInfo,
        labels: LabelStore,
        config: RunConfig,
        *,
        author: str,
        label_snapshot: int | None = None,
        warm_start: Run | None = None,
        answers: str | None = None,
    ) -> Run:
        """A folder with all that a training process needs; it pins the dataset's content and the state of its labels.

        Args:
            dataset: what is learned from.
            labels: of the dataset.
            config: the settings.
            author: whose run it is.
            label_snapshot: the label action after which the labels are taken; those of now where None.
            warm_start: a run of the same dataset, whose cost network this one begins with.
            answers: the finding that it is to cure, see `corrections`.

        Raises:
            InvalidLabels, InvalidConfig: nothing can be learned from it, see `require_learnable`, or the network of
                the run to begin with does not fit.
            NotReady: that run has no cost network yet.
        """
        config = as_trained(config)
        snapshot = labels.latest() if label_snapshot is None else label_snapshot
        parent = warm_file = None
        if warm_start is not None:
            _require_same_network(warm_start, dataset, config)
            parent, warm_file = warm_start.id, warm_start.model("cost")
        info = self._info(dataset, labels, snapshot, author)
        return self._make(replace(info, warm_start=parent, answers=answers), config, warm_file)

    def repeat(self, run: Run, dataset: DatasetInfo, labels: LabelStore, *, author: str) -> Run:
        """A run from exactly what another one was made from, its dataset and the labels of that dataset at hand.

        Raises:
            NotFound: the dataset has become another.
        """
        run.require_dataset(dataset)
        info = self._info(dataset, labels, run.info.label_snapshot, author)
        return self._make(replace(info, warm_start=run.info.warm_start, rerun_of=run.id), run.config, run.warm_file)

    def open(self, run_id: str) -> Run:
        """One run.

        Raises:
            NotFound: there is no such run.
        """
        folder = self._workspace.runs / run_id
        if not is_name(run_id) or not Run(folder).is_there:
            raise NotFound(f"there is no run {run_id!r}; `safemil runs` lists them")
        return Run(folder)

    def list(self, dataset_id: str | None = None) -> list[Run]:
        """Every run, newest first; of one dataset where its id is given."""
        return [run for run in self._all() if dataset_id in (None, run.info.dataset_id)]

    def delete(self, run_id: str) -> None:
        """Remove a run, all its files and the episodes of its policies; it is gone at once, however long that takes."""
        with self._workspace.removing(self.open(run_id).folder) as gone:
            others = [policy for run in self._all() for policy in run.policies()]
            episode_cache.forget(self._workspace, Run(gone).policies(), but=others)

    def _info(self, dataset: DatasetInfo, labels: LabelStore, snapshot: int, author: str) -> RunInfo:
        marked = labels.current(snapshot)
        require_learnable(dataset, marked)
        return RunInfo(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            dataset=dataset.name,
            dataset_id=dataset.id,
            label_snapshot=snapshot,
            n_non_preferred=int((marked == "non_preferred").sum()),
            n_preferred=int((marked == "preferred").sum()),
            author=author,
            created_at=now(),
        )

    def _make(self, info: RunInfo, config: RunConfig, warm_file: Path | None) -> Run:
        """The folder; it appears whole."""
        with self._workspace.aside(self._workspace.runs) as folder:
            run = Run(folder)
            run.write_settings(info, config)
            if warm_file is not None and run.warm_file is not None:
                shutil.copyfile(warm_file, run.warm_file)
            return Run(folder.rename(self._workspace.runs / info.id))

    def _all(self) -> Iterator[Run]:
        for folder in sorted(self._workspace.runs.iterdir(), reverse=True):
            if is_name(folder.name) and Run(folder).is_there:
                yield Run(folder)


def _require_same_network(parent: Run, dataset: DatasetInfo, config: RunConfig) -> None:
    """Whether a run can begin with the cost network of another. Raises InvalidConfig where not."""
    if parent.info.dataset_id != dataset.id:
        raise InvalidConfig(
            f"run {parent.id} was trained on {parent.info.dataset!r}, and not on {dataset.name!r}; "
            "begin with a run of the same dataset, or anew"
        )
    if config.method in COSTLESS:
        raise InvalidConfig(f"method={config.method} learns no costs and begins with no network; begin anew")
    theirs, ours = parent.config.cost, config.cost
    for name in _ARCHITECTURE:
        if getattr(theirs, name) != getattr(ours, name):
            raise InvalidConfig(
                f"the cost network of run {parent.id} has cost.{name}={getattr(theirs, name)!r}, and not "
                f"{getattr(ours, name)!r}; set it to that, or begin anew"
            )
