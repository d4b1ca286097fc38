"""RunStore and Run: one run's folder, and the only place that spells the files in it. Without torch."""

from __future__ import annotations

import json
import platform
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelStore
from safemil_core.errors import InvalidConfig, InvalidLabels, NotFound, NotReady
from safemil_core.running.progress import Progress, read_progress, write_progress
from safemil_core.workspace import Workspace, is_name, whole_file

Policy = Literal["safe", "bc"]
POLICIES: tuple[Policy, ...] = ("safe", "bc")
"""The policy that SafeMIL's weights clone, and plain behaviour cloning for comparison."""

_DECISIVE = ("safemil", "torch", "numpy")
"""The packages whose versions decide the numbers of a run."""


@dataclass(frozen=True)
class RunInfo:
    """What a run is made from: enough to make it again."""

    id: str
    dataset: str
    dataset_id: str
    label_snapshot: int
    """The label action that the run's labels are the state after."""
    n_non_preferred: int
    n_preferred: int
    author: str
    created_at: str
    versions: dict[str, str]


class Run:
    """The folder of one run. Every file appears whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def info(self) -> RunInfo:
        return RunInfo(**self._json("run.json"))

    @property
    def config(self) -> RunConfig:
        return RunConfig(**self._json("config.json"))

    @property
    def progress(self) -> Progress:
        """Of training. A process that died without a word is `lost`."""
        return read_progress(self.folder / "progress.json")

    @property
    def evaluation_progress(self) -> Progress | None:
        """Of the evaluation, if one was ever started."""
        path = self.folder / "evaluation" / "progress.json"
        return read_progress(path) if path.exists() else None

    @property
    def outcome(self) -> dict[str, Any]:
        """Agreement with the true costs (where known), findings, seconds. Empty until training has ended."""
        return self._json("outcome.json", missing={})

    @property
    def evaluation(self) -> dict[str, Any]:
        """The latest evaluation (`assessment.evaluation`). Empty until one is done."""
        return self._json("evaluation/evaluation.json", missing={})

    def metrics(self) -> pd.DataFrame:
        """One row per logged update; empty before the first. A last line still being written is left out."""
        try:
            lines = (self.folder / "metrics.jsonl").read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return pd.DataFrame()
        return pd.DataFrame([json.loads(line) for line in lines if line.endswith("\n")])

    @property
    def has_costs(self) -> bool:
        """Whether the costs are learned; the policies may still train."""
        return (self.folder / "costs.parquet").exists()

    @property
    def has_policies(self) -> bool:
        """Whether both policies are cloned."""
        return (self.folder / "bc.safetensors").exists()

    def costs(self) -> pd.DataFrame:
        """Columns trajectory, step, cost: the learned cost of every step.

        Raises:
            NotReady: the cost network has not had its last update yet.
        """
        return pd.read_parquet(self.table("costs"))

    def trajectories(self) -> pd.DataFrame:
        """Columns trajectory, length, label, cost_sum, weight. Raises NotReady like `costs`."""
        return pd.read_parquet(self.table("trajectories"))

    def table(self, name: Literal["costs", "trajectories"]) -> Path:
        """The file of `costs()` or `trajectories()`, Parquet. Raises NotReady like them."""
        return self._finished(f"{name}.parquet")

    def model(self, name: Literal["cost", "safe", "bc"]) -> Path:
        """The file of a trained network, safetensors. Raises NotReady like `costs`."""
        return self._finished(f"{name}.safetensors")

    def videos(self) -> list[Path]:
        """The rendered evaluation episodes, the safe policy and plain cloning side by side, by episode."""
        return sorted((self.folder / "evaluation").glob("episode-*.mp4"))

    def log_tail(self, n_lines: int = 30) -> str:
        """The end of what the process printed."""
        try:
            return "\n".join((self.folder / "log.txt").read_text(errors="replace").splitlines()[-n_lines:])
        except FileNotFoundError:
            return ""

    def write_progress(self, progress: Progress) -> None:
        write_progress(self.folder / "progress.json", progress)

    def write_json(self, name: str, value: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(value, indent=1))

    def append_metrics(self, row: dict[str, float]) -> None:
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _finished(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            state = self.progress.state
            cure = "train again" if state in ("failed", "lost") else "wait until it has ended"
            raise NotReady(f"run {self.id} is {state} and has no {name} yet; {cure}")
        return path

    def _json(self, name: str, missing: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads((self.folder / name).read_text())
            return value
        except FileNotFoundError:
            if missing is None:
                raise NotFound(f"run {self.id} has lost its {name}; train again") from None
            return missing


def require_learnable(dataset: DatasetInfo, labels: np.ndarray) -> None:
    """Whether a cost can be learned from a dataset under these labels [N].

    Raises:
        InvalidLabels: nothing is marked non-preferred, or nothing else is left.
        InvalidConfig: its observations are images alone.
    """
    n_non_preferred = int((labels == "non_preferred").sum())
    if not 0 < n_non_preferred < len(labels):
        raise InvalidLabels(
            f"{n_non_preferred} of {len(labels)} trajectories of {dataset.name!r} are marked non-preferred; "
            "mark at least one and leave at least one"
        )
    if dataset.n_observations == 0:
        raise InvalidConfig(
            f"all observations of {dataset.name!r} are images, which the networks cannot read; "
            "import it again with numbers beside them, such as the robot's state"
        )


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
        snapshot_name: str | None = None,
    ) -> Run:
        """A folder with all that a training process needs; it pins the dataset's content and the state of its labels.

        Args:
            dataset: what is learned from.
            labels: of the dataset.
            config: the settings.
            author: whose run it is.
            snapshot_name: of labels that were given a name; the labels of now where None.

        Raises:
            NotFound: no labels have that name.
            InvalidLabels, InvalidConfig: nothing can be learned from it, see `require_learnable`.
        """
        snapshot = labels.latest() if snapshot_name is None else labels.snapshot(snapshot_name).action
        marked = labels.current(snapshot)
        require_learnable(dataset, marked)
        run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        info = RunInfo(
            id=run_id,
            dataset=dataset.name,
            dataset_id=dataset.id,
            label_snapshot=snapshot,
            n_non_preferred=int((marked == "non_preferred").sum()),
            n_preferred=int((marked == "preferred").sum()),
            author=author,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={"python": platform.python_version(), **{name: version(name) for name in _DECISIVE}},
        )
        aside = self._workspace.runs / f".{run_id}"
        aside.mkdir()
        run = Run(aside)
        run.write_json("run.json", asdict(info))
        run.write_json("config.json", config.model_dump())
        now = time.time()
        run.write_progress(Progress("starting", started_at=now, updated_at=now))
        folder = self._workspace.runs / run_id
        aside.rename(folder)
        return Run(folder)

    def open(self, run_id: str) -> Run:
        """One run.

        Raises:
            NotFound: there is no such run.
        """
        folder = self._workspace.runs / run_id
        if not is_name(run_id) or not (folder / "run.json").exists():
            raise NotFound(f"there is no run {run_id!r}; `safemil runs` lists them")
        return Run(folder)

    def list(self, dataset_id: str | None = None) -> list[Run]:
        """Every run, newest first; of one dataset where its id is given."""
        return [run for run in self._all() if dataset_id in (None, run.info.dataset_id)]

    def delete(self, run_id: str) -> None:
        """Remove a run and all its files."""
        shutil.rmtree(self.open(run_id).folder)

    def _all(self) -> Iterator[Run]:
        for folder in sorted(self._workspace.runs.iterdir(), reverse=True):
            if is_name(folder.name) and (folder / "run.json").exists():
                yield Run(folder)
