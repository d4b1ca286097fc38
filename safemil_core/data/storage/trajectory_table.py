"""The table of a dataset's trajectories in a Parquet file: what is known of each without labels or a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from safemil_core.data.storage.statistics import Moments

if TYPE_CHECKING:
    import pandas as pd  # slow to load, and the process that writes the file does without

GROUP_BYTES = 16 * 2**20
"""Rows wait in memory until there are so many."""


class TableFile:
    """Grows by whole trajectories, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[dict[str, np.ndarray]] = []
        self._n_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def append(self, number: int, moments: Mapping[str, Moments]) -> None:
        """Rows of the trajectories from this number on, from the `moments` of their steps by kind of array."""
        self._waiting.append(_columns(number, moments))
        self._n_bytes += sum(column.nbytes for column in self._waiting[-1].values())
        if self._n_bytes > GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the file's end."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            names = list(self._waiting[0])
            table = pa.table([_arrow(np.concatenate([rows[name] for rows in self._waiting])) for name in names], names)
            self._writer = self._writer or pq.ParquetWriter(self._path, table.schema)
            self._writer.write_table(table)
            self._waiting, self._n_bytes = [], 0


def _arrow(column: np.ndarray) -> pa.Array:
    """As `pa.array`, which would load pandas, and that takes longer than reading most files."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(column.dtype), len(column), [None, pa.py_buffer(column)])


def read_table(path: Path) -> pd.DataFrame:
    """N rows in the order of the dataset.

    `trajectory` (its number), `length` (steps), where known `return` and `true_cost` (undiscounted sums); for each
    dimension i `mean i`, `spread i` (standard deviation over time), `action mean i`, `action spread i`; `displacement`
    (distance of the last observation from the first).
    """
    table: pd.DataFrame = pq.read_table(path, use_threads=False).to_pandas()
    return table


def _columns(number: int, moments: Mapping[str, Moments]) -> dict[str, np.ndarray]:
    observations, actions = moments["observations"], moments["actions"]
    columns = {"trajectory": number + np.arange(len(actions)), "length": actions.n}
    sums = {"return": "rewards", "true_cost": "costs"}
    columns |= {name: moments[key].sum[:, 0] for name, key in sums.items() if key in moments}
    for prefix, of in (("", observations), ("action ", actions)):
        for kind, values in (("mean", of.mean), ("spread", of.spread)):
            columns |= {f"{prefix}{kind} {i}": column for i, column in enumerate(values.T)}
    moved = observations.last.astype(np.float64) - observations.first
    return {**columns, "displacement": np.linalg.norm(moved, axis=1)}
