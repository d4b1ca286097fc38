"""Run: one run's folder, and the only place that spells the files in it. Without torch.

Not whether it is being trained: that is the business of its job (`running.jobs`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import InvalidConfig, NotFound, NotReady
from safemil_core.running.metrics_log import MetricsLog
from safemil_core.running.progress import Progress, find_progress
from safemil_core.running.provenance import Provenance
from safemil_core.running.run_info import RunInfo
from safemil_core.workspace import whole_file

Policy = Literal["safe", "bc"]
Model = Literal["cost", "safe", "bc"]
Table = Literal["costs", "trajectories"]
MODELS: tuple[Model, ...] = ("cost", "safe", "bc")
POLICIES: tuple[Policy, ...] = ("safe", "bc")
"""The policy that SafeMIL's weights clone, and plain behaviour cloning for comparison."""

_INFO, _CONFIG, _OUTCOME, _DIVERGED = "run.json", "config.json", "outcome.json", "diverged.json"
_EVALUATION = "evaluation/evaluation.json"
_RESERVE = 2**18
"""Bytes: enough for the last words of a job to the log and the database."""


class Run:
    """The folder of one run. Every file appears whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def is_there(self) -> bool:
        """Whether the folder is a run's."""
        return (self.folder / _INFO).exists()

    @property
    def info(self) -> RunInfo:
        return RunInfo(**self._json(_INFO))

    @property
    def config(self) -> RunConfig:
        return RunConfig.of_file(self._json(_CONFIG))

    @property
    def known_config(self) -> RunConfig | None:
        """Its settings; None where they are of another version, which knew others."""
        with suppress(InvalidConfig):
            return self.config
        return None

    @property
    def old_progress(self) -> Progress | None:
        """Of training, as versions before the job queue kept it."""
        return find_progress(self.folder / "progress.json")

    @property
    def outcome(self) -> dict[str, Any]:
        """Agreement with the true costs (where known), seconds. Empty until training has ended."""
        return self._json(_OUTCOME, missing={})

    @property
    def findings_file(self) -> Path:
        """What the doctor found, see `doctor_results`."""
        return self.folder / "doctor" / "findings.json"

    @property
    def evaluation(self) -> dict[str, Any]:
        """The latest evaluation (`assessment.evaluation`). Empty until one of the policies as they are is done."""
        return self._json(_EVALUATION, missing={}) if self.is_current(self.evaluation_file, "bc") else {}

    @property
    def evaluation_file(self) -> Path:
        return self.folder / _EVALUATION

    @property
    def metrics_file(self) -> Path:
        """What training logs, one line a row; it grows, and is cut back where training goes on from a checkpoint."""
        return self.folder / "metrics.jsonl"

    def metrics(self) -> pd.DataFrame:
        """One row per logged update; empty before the first. A last line still being written is left out."""
        return MetricsLog(self.metrics_file).read()

    def seconds_trained(self) -> float:
        """How long training has taken until its last logged update, over all its attempts."""
        rows = self.metrics()
        return 0.0 if rows.empty else float(rows["seconds"].iloc[-1])

    @property
    def has_costs(self) -> bool:
        """Whether the costs are learned; the policies may still train."""
        return self.table_file("costs").exists()

    @property
    def has_diverged(self) -> bool:
        """Whether training ended since a number was none any more."""
        return (self.folder / _DIVERGED).exists()

    @property
    def has_policies(self) -> bool:
        """Whether both policies are cloned."""
        return self.model_file("bc").exists()

    def costs(self) -> pd.DataFrame:
        """Columns trajectory, step, cost: the learned cost of every step.

        Raises:
            NotReady: the cost network has not had its last update yet.
        """
        return pd.read_parquet(self.table("costs"))

    def step_costs(self) -> np.ndarray:
        """[sum T] float32, the learned cost of every step, without what else `costs` reads. Raises NotReady like it."""
        costs: np.ndarray = pq.read_table(self.table("costs"), columns=["cost"])["cost"].to_numpy()
        return costs

    def cost_spread(self) -> np.ndarray | None:
        """[sum T] float32, the deviation of the cost over the networks of an ensemble; None where there is one."""
        file = self.table("costs")
        if "spread" not in pq.read_schema(file).names:
            return None
        spread: np.ndarray = pq.read_table(file, columns=["spread"])["spread"].to_numpy()
        return spread

    def trajectories(self) -> pd.DataFrame:
        """Columns trajectory, length, label, cost_sum, weight. Raises NotReady like `costs`."""
        return pd.read_parquet(self.table("trajectories"))

    def table(self, name: Table) -> Path:
        """The file of `costs()` or `trajectories()`. Raises NotReady like them."""
        return self._finished(self.table_file(name))

    def table_file(self, name: Table) -> Path:
        """Where it is or will be, Parquet."""
        return self.folder / f"{name}.parquet"

    def model(self, name: Model) -> Path:
        """The file of a trained network. Raises NotReady like `costs`."""
        return self._finished(self.model_file(name))

    def model_file(self, name: Model) -> Path:
        """Where it is or will be, safetensors."""
        return self.folder / f"{name}.safetensors"

    def is_current(self, path: Path, of: Model) -> bool:
        """Whether a file is there and was made of this network as it is now: once trained on, it is another one."""
        network = self.model_file(of)
        with suppress(FileNotFoundError):
            made_at = path.stat().st_mtime_ns
            return not network.exists() or made_at >= network.stat().st_mtime_ns
        return False

    def policies(self) -> list[Path]:
        """The files of those that are cloned."""
        return [file for file in map(self.model_file, POLICIES) if file.exists()]

    @property
    def warm_file(self) -> Path | None:
        """The cost network that training begins with, if it does not begin anew."""
        return self.folder / "warm.safetensors" if self.info.warm_start else None

    def checkpoint(self, update: int) -> Path:
        """Where the state of training after this many updates is kept."""
        return self.folder / "checkpoints" / f"{update:08d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """What training can go on from, newest first; the number of updates is the stem."""
        return sorted((self.folder / "checkpoints").glob("[0-9]*.safetensors"), reverse=True)

    def film(self, policy: str, episode: int) -> Path:
        """Where the film of an episode of the latest evaluation lies, if it was rendered; policies as in `rollouts`."""
        return self.folder / "evaluation" / f"episode-{episode:03d}-{policy}.mp4"

    def films(self) -> list[Path]:
        """Those of `film` that are there, by episode."""
        return sorted((self.folder / "evaluation").glob("episode-*.mp4"))

    def all_rollouts(self) -> list[Path]:
        """Those of `rollouts` that are there."""
        return sorted((self.folder / "evaluation").glob("episodes-*.npz"))

    def rollouts(self, policy: str) -> Path:
        """The steps of the latest evaluation's episodes of a policy: an own one, or the safe one of the run whose id
        that is; see `rollout_records`."""
        return self.folder / "evaluation" / f"episodes-{policy}.npz"

    @property
    def log_file(self) -> Path:
        """What its processes printed, one after the other."""
        return self.folder / "log.txt"

    def log_tail(self, n_lines: int = 30) -> str:
        """The end of what its processes printed."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-n_lines:])
        except FileNotFoundError:
            return ""

    def log(self, words: str) -> None:
        """Add a line to the log, with the time."""
        with self.log_file.open("a") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {words}\n")

    def write_settings(self, info: RunInfo, config: RunConfig) -> None:
        """What it is made from, before anything else is in the folder."""
        self.write_json(_INFO, asdict(info))
        self.write_json(_CONFIG, config.model_dump())

    def write_outcome(self, outcome: dict[str, Any]) -> None:
        """Training has ended."""
        self.write_json(_OUTCOME, outcome)

    def write_divergence(self, message: str) -> None:
        """Training has ended in numbers that are none."""
        self.write_json(_DIVERGED, {"message": message})

    def write_evaluation(self, evaluation: dict[str, Any]) -> None:
        """An evaluation is done."""
        self.write_json(_EVALUATION, evaluation)

    def record(self, made_with: Provenance) -> None:
        """Write down what it is trained with."""
        self.write_json(_INFO, asdict(replace(self.info, **asdict(made_with))))

    def go_back_to(self, update: int) -> None:
        """Forget what came after this many updates, and that training has ended; what is half written goes too."""
        half_written = [path for of in (".", "checkpoints", "doctor") for path in (self.folder / of).glob(".*.tmp")]
        later = [path for path in self.checkpoints() if path > self.checkpoint(update)]
        ends = (self.folder / _OUTCOME, self.folder / _DIVERGED, self.findings_file)
        for path in (*half_written, *later, *ends):
            path.unlink(missing_ok=True)
        rows = [row for row in self._metrics() if row["update"] <= update]
        with whole_file(self.metrics_file) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in rows))

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Hold a little of the disk while the block runs: whoever fills it leaves room to say so."""
        try:
            self._reserved.write_bytes(bytes(_RESERVE))
            yield
        finally:
            self._reserved.unlink(missing_ok=True)

    @property
    def is_held(self) -> bool:
        """Whether a process trains it, or was killed as it did."""
        return self._reserved.exists()

    @property
    def _reserved(self) -> Path:
        return self.folder / "reserve"

    def require_dataset(self, dataset: DatasetInfo) -> None:
        """Whether this is the dataset that the run was made for. Raises NotFound where it is another of that name."""
        if dataset.id != self.info.dataset_id:
            raise NotFound(f"dataset {dataset.name!r} is not the one that run {self.id} was made for; start a new run")

    def write_json(self, name: str, value: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(value, indent=1))

    def append_metrics(self, row: dict[str, float]) -> None:
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _metrics(self) -> list[dict[str, float]]:
        try:
            lines = self.metrics_file.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _finished(self, file: Path) -> Path:
        if not file.exists():
            raise NotReady(
                f"run {self.id} has no {file.name} yet; let its training end, or resume it where it has stopped"
            )
        return file

    def _json(self, name: str, missing: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads((self.folder / name).read_text())
            return value
        except FileNotFoundError:
            if missing is None:
                raise NotFound(f"run {self.id} has lost its {name}; train again") from None
            return missing
