"""Where trajectories begin and end in the rows of a long table, having checked that the rows are in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from safemil_core.data.formats.parquet_files import in_one_sentence, numbers
from safemil_core.errors import InvalidDataset

MOST_TRAJECTORIES = 1_000_000


def with_last(
    batches: Iterator[pa.RecordBatch], trajectory: str | None, step: str | None
) -> Iterator[tuple[pa.RecordBatch, np.ndarray | None]]:
    """Each batch with [n] bool, whether a row is the last of its trajectory; None where no column tells trajectories.

    Raises:
        InvalidDataset: it names the first row that is out of order.
    """
    order, held = _Order(trajectory, step), None  # a batch is held back until the next one is seen
    for batch in batches:
        if len(batch) == 0:
            continue
        if trajectory is None:
            yield batch, None
            continue
        with in_one_sentence():
            first = order.first_rows(batch)
        if held is not None:
            yield held[0], np.append(held[1][1:], first[0])
        held = batch, first
    if held is not None:
        yield held[0], np.append(held[1][1:], True)


class _Order:
    """Where trajectories begin, having checked that each comes in one piece with rising steps."""

    def __init__(self, trajectory: str | None, step: str | None) -> None:
        self._trajectory, self._step = trajectory, step
        self._seen: set[Any] = set()
        self._current: Any = None
        self._last_step = -np.inf
        self._row = 0

    def first_rows(self, batch: pa.RecordBatch) -> np.ndarray:
        """[n] bool, whether a row begins a trajectory."""
        assert self._trajectory is not None
        ids = batch.column(self._trajectory)
        missing = ids.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        if missing.any():
            row = self._row + int(np.argmax(missing))
            raise InvalidDataset(f"row {row + 1} has no {self._trajectory!r}; fill it in or leave the row out")
        codes = ids.dictionary_encode().indices.to_numpy()
        first = np.append(ids[0].as_py() != self._current, np.diff(codes) != 0)
        for at in np.flatnonzero(first).tolist():
            self._begin(ids[at].as_py(), at, self._trajectory)
        if self._step is not None:
            self._check_steps(numbers(batch.column(self._step), self._step), first, self._step)
        self._row += len(batch)
        return first

    def _begin(self, name: Any, at: int, column: str) -> None:
        if name in self._seen:
            raise InvalidDataset(
                f"row {self._row + at + 1} goes back to trajectory {str(name)[:40]}; sort the rows by {column!r}"
            )
        if len(self._seen) >= MOST_TRAJECTORIES:
            raise InvalidDataset(f"{column!r} tells more than {MOST_TRAJECTORIES:,} trajectories apart; choose another")
        self._seen.add(name)
        self._current = name

    def _check_steps(self, values: np.ndarray, first: np.ndarray, column: str) -> None:
        rises = values > np.append(self._last_step, values[:-1])
        bad = ~(rises | first)
        if bad.any():
            row = self._row + int(np.argmax(bad)) + 1
            raise InvalidDataset(f"{column!r} does not rise at row {row}; sort the rows of each trajectory by it")
        self._last_step = values[-1]
