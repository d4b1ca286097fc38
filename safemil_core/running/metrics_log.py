"""MetricsLog: the logged metrics of a run, read as they grow. The file's name is `running.run_folder`'s business."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import json as arrow_json


class MetricsLog:
    """Reads a file of JSON lines, one row of numbers each, of which every call parses only the new whole lines.

    A resumed run cuts its file back to a checkpoint: then everything is read anew. Threads may share one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._forget()

    def read(self) -> pd.DataFrame:
        """All rows so far, float64, NaN where a row lacks a column; without rows while there is no whole line.

        A line that is still being written waits for the next call. The arrays are shared: never write to them.
        """
        with self._lock:
            lines = self._new_lines()
            if lines:
                self._append(arrow_json.read_json(BytesIO(lines)))
                self._offset += len(lines)
                self._last_line = lines[lines.rfind(b"\n", 0, -1) + 1 :]
            return pd.DataFrame(self._values[: self._n_rows], columns=self._names, copy=False)

    def _forget(self) -> None:
        self._offset = 0
        """Bytes that are parsed."""
        self._last_line = b""
        """The line before the offset: what is there no more was cut back, however long the file is by now."""
        self._names: list[str] = []
        self._values = np.empty((0, 0))
        """[capacity, columns]"""
        self._n_rows = 0

    def _new_lines(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset - len(self._last_line))
                tail = file.read()
                if not tail.startswith(self._last_line):
                    self._forget()
                    file.seek(0)
                    tail = file.read()
        except FileNotFoundError:
            self._forget()
            return b""
        return tail[len(self._last_line) : tail.rfind(b"\n") + 1]

    def _append(self, table: pa.Table) -> None:
        names = [*self._names, *(name for name in table.column_names if name not in self._names)]
        before, after = self._n_rows, self._n_rows + len(table)
        if names != self._names or after > len(self._values):
            grown = np.full((max(after, 2 * before), len(names)), np.nan)
            grown[:before, : len(self._names)] = self._values[:before]
            self._names, self._values = names, grown
        for name in table.column_names:
            self._values[before:after, names.index(name)] = table[name].to_numpy()
        self._n_rows = after
