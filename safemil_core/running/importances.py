"""Which inputs a run's cost goes by, as one file in its folder. Without torch: pages read it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.workspace import whole_file


def importance_file(run: Run) -> Path:
    """Where it lies, if it was asked for."""
    return Task.of_run("inputs", run).folder / "overall.parquet"


def read_importance(run: Run) -> pd.DataFrame | None:
    """The table of `assessment.input_importance` with the name of each `input`; None where nobody has asked for it, or
    not since the cost was learned last."""
    path = importance_file(run)
    return pd.read_parquet(path) if run.is_current(path, "cost") else None


def write_importance(run: Run, table: pd.DataFrame) -> None:
    """Keep it, whole or not at all."""
    with whole_file(importance_file(run)) as temporary:
        table.to_parquet(temporary, index=False)
