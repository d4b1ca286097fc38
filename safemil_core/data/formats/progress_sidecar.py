"""The learned cost of each step as Parquet beside a LeRobot dataset: its visualizer plots columns `progress_*`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from safemil_core.data.curated import Curated
from safemil_core.data.formats.parquet_files import BlockWriter
from safemil_core.errors import NotReady

SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("episode_index", pa.int64()),
        ("frame_index", pa.int64()),
        ("progress_cost", pa.float32()),
    ]
)
"""`index` counts all steps, `frame_index` those of an episode: both as in the dataset that lies beside it."""


def write(curated: Curated, path: Path) -> None:
    """Write one row a step.

    Raises:
        NotReady: no run has given learned costs.
    """
    if curated.learned_costs is None:
        raise NotReady("there are no learned costs yet; choose a run whose cost is trained")
    with BlockWriter(path, SCHEMA, row_bytes=28) as writer:
        for table in _tables(curated):
            writer.add(table)


def _tables(curated: Curated) -> Iterator[pa.Table]:
    before = 0
    for number, one in enumerate(curated):
        n = len(one)
        yield pa.Table.from_arrays(
            [np.arange(before, before + n), np.full(n, number), np.arange(n), one.learned_costs], schema=SCHEMA
        )
        before += n
