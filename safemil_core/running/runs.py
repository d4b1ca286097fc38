"""RunStore and Run: one run's folder, and the only place that spells the files in it. Without torch."""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels import LabelStore
from safemil_core.errors import InvalidLabels, NotFound, NotReady
from safemil_core.workspace import Workspace, is_name, whole_file

State = Literal["starting", "running", "done", "stopped", "failed", "lost"]
FINISHED: tuple[State, ...] = ("done", "stopped", "failed", "lost")
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


@dataclass(frozen=True)
class Progress:
    """How far a task in a process of its own has got; the file other processes poll."""

    state: State
    done: int = 0
    total: int = 0
    started_at: float = 0.0
    """Unix time, seconds."""
    updated_at: float = 0.0
    pid: int = 0
    born: str = ""
    """When the process began, in the kernel's ticks: tells it from a later one of the same number."""
    device: str = ""
    message: str = ""
    """Where it failed: cause and cure."""

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def rate(self) -> float:
        """Steps of work a second since the start."""
        return self.done / max(self.updated_at - self.started_at, 1e-9)

    @property
    def seconds_left(self) -> float:
        return (self.total - self.done) / self.rate if self.done else float("inf")


OnProgress = Callable[[Progress], None]


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


class RunStore:
    """The runs of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create(self, dataset: DatasetInfo, labels: LabelStore, config: RunConfig, *, author: str) -> Run:
        """A folder with all that a training process needs; it pins the dataset's content and the labels of now.

        Raises:
            InvalidLabels: nothing is marked non-preferred, or nothing else is left.
        """
        snapshot = labels.latest()
        marked = labels.current(snapshot)
        n_non_preferred = int((marked == "non_preferred").sum())
        if not 0 < n_non_preferred < len(marked):
            raise InvalidLabels(
                f"{n_non_preferred} of {len(marked)} trajectories of {dataset.name!r} are marked non-preferred; "
                "mark at least one and leave at least one"
            )
        run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        info = RunInfo(
            id=run_id,
            dataset=dataset.name,
            dataset_id=dataset.id,
            label_snapshot=snapshot,
            n_non_preferred=n_non_preferred,
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


def write_progress(path: Path, progress: Progress) -> None:
    """Let other processes see how far this one is."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(asdict(progress)))


def read_progress(path: Path) -> Progress:
    """Progress as its process wrote it; `lost` where the process is gone without having said how it ended.

    A process that has not reported within 60 seconds of its creation never began.
    """
    try:
        progress = Progress(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise NotFound(f"{path.parent.name} has no progress file; start it again") from None
    if progress.is_finished:
        return progress
    is_gone = not is_alive(progress) if progress.pid else time.time() - progress.updated_at > 60
    return replace(progress, state="lost", message=progress.message or "its process died") if is_gone else progress


def begin(total: int, device: str) -> Progress:
    """The first report of the process that does the work."""
    now, pid = time.time(), os.getpid()
    return Progress("running", 0, total, now, now, pid, process_birth(pid), device)


def process_birth(pid: int) -> str:
    """When a living process began, in the kernel's ticks; empty for one that is gone, "?" where there is no /proc."""
    if not Path("/proc/self").exists():
        return "?"
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return ""
    return "" if fields[0] == "Z" else fields[19]  # a zombie has died; only its parent has not asked yet


def is_alive(progress: Progress) -> bool:
    """Whether the very process that reported this progress still runs."""
    if process_birth(progress.pid) != progress.born:
        return False
    try:
        os.kill(progress.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
