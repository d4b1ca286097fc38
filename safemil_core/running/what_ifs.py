"""What-ifs of a run: asked for, kept one file each beside the refits of the unchanged labels, and read back. Without
torch: pages read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd

from safemil_core.assessment import influence
from safemil_core.assessment.evaluation import rank_correlation
from safemil_core.assessment.what_if import changes, edited, edits_between, moved_share, seed_share
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.labels.records import Label
from safemil_core.errors import InvalidConfig, NotReady
from safemil_core.learning.weights import trajectory_costs
from safemil_core.running.progress import Progress
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task, start
from safemil_core.workspace import Workspace, whole_file

Start = Literal["seed", "network"]
"""Where a refit begins: anew from the seed, as the run did, or with the run's own cost network."""
N_SEEDS = 5
"""Refits of the unchanged labels, the run's own seed first."""
_ARRAYS = ("labels", "seeds", "costs", "weights")


@dataclass(frozen=True)
class Refits:
    """What cost networks trained from the same labels under `R` seeds say of `N` trajectories."""

    labels: np.ndarray
    """[N] str, that they learned from."""

    seeds: np.ndarray
    """[R] int64."""

    costs: np.ndarray
    """[R, N] float64, trajectory costs C."""

    weights: np.ndarray
    """[R, N] float64, mean weight of each trajectory's steps."""

    start: Start = "seed"
    author: str = ""
    made_at: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.seeds), len(self.labels))
        if not self.costs.shape == self.weights.shape == shape:
            raise ValueError(f"expected costs and weights {shape}, got {self.costs.shape} and {self.weights.shape}")

    def first(self, n: int) -> dict[str, np.ndarray]:
        """Cost and weight [n, N] under the first seeds."""
        return {"cost": self.costs[:n], "weight": self.weights[:n]}

    def write(self, path: Path) -> None:
        """Keep them, whole or not at all."""
        about = {key: value for key, value in asdict(self).items() if key not in _ARRAYS}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` kept."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(**{name: kept[name] for name in _ARRAYS}, **json.loads(str(kept["about"])))


@dataclass(frozen=True)
class Request:
    """What a task is asked to do: refit edited labels, or only what every preview and every noise needs."""

    edits: Mapping[int, Label]
    """The new label by trajectory; empty: prepare only."""
    n_seeds: int = 1
    """Refits of the edited labels, from the run's own seed on."""
    start: Start = "seed"
    author: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.n_seeds <= N_SEEDS:
            raise InvalidConfig(f"a what-if takes 1 to {N_SEEDS} refits, got {self.n_seeds}")

    def write(self, path: Path) -> None:
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps({**asdict(self), "edits": list(self.edits.items())}))

    @classmethod
    def read(cls, path: Path) -> Self:
        values = json.loads(path.read_text())
        return cls(**{**values, "edits": dict(values["edits"])})


@dataclass(frozen=True)
class WhatIf:
    """Edited labels and what came of them, beside the unchanged labels under the same seeds."""

    number: int
    after: Refits
    unchanged: Refits

    @property
    def edits(self) -> dict[int, Label]:
        return edits_between(self.unchanged.labels, self.after.labels)

    def changes(self) -> pd.DataFrame:
        """Of every trajectory, see `assessment.what_if.changes`."""
        n = len(self.after.seeds)
        return changes(self.unchanged.first(n), self.after.first(n), self.unchanged.first(N_SEEDS))

    def moved_share(self, lengths: np.ndarray) -> tuple[float, float]:
        """Share of the weight that the edits moved among trajectories that are cloned with and without them (mean over
        the seeds), and the share that another seed moves."""
        among = (self.after.labels != "non_preferred") & (self.unchanged.labels != "non_preferred")
        pairs = zip(self.after.weights, self.unchanged.weights, strict=False)
        moved = [moved_share(one, other, lengths, among) for one, other in pairs]
        return float(np.mean(moved)), seed_share(self.unchanged.weights, lengths, among)


class WhatIfs:
    """All what-ifs of one run, in the folder of its task."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.folder = Task.of_run("what_if", run).folder

    @property
    def request_file(self) -> Path:
        return self.folder / "request.json"

    @property
    def features_file(self) -> Path:
        """[N, F] float32, influence features, see `learning.influence`."""
        return self.folder / "influence.npy"

    def unchanged_file(self, start: Start) -> Path:
        """The refits of the run's own labels."""
        return self.folder / f"unchanged-{start}.npz"

    @property
    def has_preview(self) -> bool:
        return self.features_file.exists()

    def unchanged(self, start: Start) -> Refits | None:
        """The refits of the run's own labels; None before the first what-if from there as it is now."""
        path = self.unchanged_file(start)
        return Refits.read(path) if self._counts(path, start) else None

    def files(self) -> list[Path]:
        """One for each what-if, oldest first."""
        return sorted(self.folder.glob("[0-9][0-9][0-9][0-9].npz"))

    def all(self) -> list[WhatIf]:
        """Newest first; without those that began with the run's network when that was another one."""
        unchanged = {start: self.unchanged(start) for start in ("seed", "network")}
        found = [(path, Refits.read(path)) for path in reversed(self.files())]
        kept = [(path, after, unchanged[after.start]) for path, after in found if self._counts(path, after.start)]
        return [WhatIf(int(path.stem), after, before) for path, after, before in kept if before is not None]

    def _counts(self, path: Path, start: Start) -> bool:
        """Whether refits are there and began where one would begin now."""
        return path.exists() and (start == "seed" or self._run.is_current(path, "cost"))

    def keep(self, after: Refits) -> int:
        """Add one; returns its number."""
        numbers = [int(path.stem) for path in self.files()]
        number = max(numbers, default=0) + 1
        after.write(self.folder / f"{number:04d}.npz")
        return number

    def preview(self, labels: np.ndarray, edits: Mapping[int, str]) -> np.ndarray:
        """[N] predicted changes of the trajectory costs, see `assessment.influence.preview`.

        Args:
            labels: [N] that the run learned from.
            edits: the new label by trajectory.

        Raises:
            NotReady: the features are not made yet.
            InvalidLabels: the edits make no sense.
        """
        if not self.has_preview:
            raise NotReady(f"run {self._run.id} has no preview of what-ifs yet; prepare it, or refit once")
        features = np.load(self.features_file, mmap_mode="r", allow_pickle=False)
        config, lengths = self._run.config, self._run.trajectories()["length"].to_numpy()
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        scales = trajectory_costs(np.ones(offsets[-1]), offsets, config.cost.gamma, config.weights.per_length)
        after = edited(labels, edits)
        return influence.preview(features, labels, after, scales, config.cost)

    def agreements(self) -> dict[int, float]:
        """Spearman's correlation of the preview with the real refits, by number of the what-if."""
        if not self.has_preview:
            return {}
        found: dict[int, float] = {}
        for what_if in self.all():
            predicted = self.preview(what_if.unchanged.labels, what_if.edits)
            rho = rank_correlation(predicted, what_if.changes()["cost_change"].to_numpy())
            if rho is not None:
                found[what_if.number] = rho
        return found


def start_what_if(workspace: Workspace, run: Run, request: Request) -> Progress:
    """Have the cost network of a run refitted under edited labels in the background, for `WhatIfs`.

    Returns:
        Its progress, or that of the what-if of this run that is at work already.

    Raises:
        InvalidLabels, InvalidConfig: nothing can be learned from the edited labels.
        NotReady: like `tasks.start`.
    """

    def ask() -> None:
        datasets = DatasetStore.of(workspace)
        labels = datasets.labels(run.info.dataset).current(run.info.label_snapshot)
        require_learnable(datasets.info(run.info.dataset), edited(labels, request.edits))
        request.write(WhatIfs(run).request_file)

    return start(workspace, Task.of_run("what_if", run), prepare=ask)
