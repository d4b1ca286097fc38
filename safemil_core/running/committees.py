"""What an ensemble of cost networks last said of a dataset, as one file. Without torch: pages read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from safemil_core.data.datasets import DatasetInfo
from safemil_core.workspace import Workspace, whole_file

_COLUMNS = ("held_out_rank", "disagreement", "labels")


@dataclass(frozen=True)
class CommitteeInfo:
    """What a committee is made from."""

    label_snapshot: int
    """The label action after which it learned."""
    n_members: int
    updates: int
    seconds: float
    author: str
    made_at: str


@dataclass(frozen=True)
class Committee:
    """What `M` networks say of `N` trajectories; each was trained without a fold of them."""

    info: CommitteeInfo

    held_out_rank: np.ndarray
    """[N] float64 in (0, 1], its place among all by the networks that have not seen it; NaN where all have."""

    disagreement: np.ndarray
    """[N] float64, standard deviation of its place over the networks."""

    labels: np.ndarray
    """[N] str, from which they learned."""

    def __post_init__(self) -> None:
        shapes = {getattr(self, name).shape for name in _COLUMNS}
        if len(shapes) != 1:
            raise ValueError(f"expected one value a trajectory in every column, got shapes {sorted(shapes)}")

    def is_outdated(self, latest: int) -> bool:
        """Whether something was said of the dataset since: `latest` is the newest label action."""
        return latest != self.info.label_snapshot

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        table = pd.DataFrame({"trajectory": np.arange(len(self.labels)), **columns})
        table.attrs.update(asdict(self.info))  # goes into the file's own metadata
        with whole_file(path) as temporary:
            table.to_parquet(temporary, index=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """As `write` kept it."""
        table = pd.read_parquet(path)
        info = CommitteeInfo(**{str(key): value for key, value in table.attrs.items()})
        arrays: dict[str, Any] = {name: table[name].to_numpy() for name in _COLUMNS}
        return cls(info=info, **{**arrays, "labels": arrays["labels"].astype("U13")})


def committee_file(workspace: Workspace, dataset: DatasetInfo) -> Path:
    """Where the committee of a dataset lies, if there is one."""
    return workspace.committee(dataset.id) / "committee.parquet"


def read_committee(workspace: Workspace, dataset: DatasetInfo) -> Committee | None:
    """The latest committee of a dataset; None before the first."""
    try:
        return Committee.read(committee_file(workspace, dataset))
    except FileNotFoundError:
        return None
