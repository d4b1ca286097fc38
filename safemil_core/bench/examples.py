"""The data that contestants learn from, as folders of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from safemil_core.assessment.summaries import example_marks
from safemil_core.data import formats
from safemil_core.data.storage.build import build
from safemil_core.data.storage.trajectory_table import read_table

BUNDLED = Path(__file__).parents[2] / "assets" / "car_circle.hdf5"
"""There in a checkout, not in an installed package."""

N_TRAJECTORIES, N_MARKED, N_STEPS, N_OBSERVATIONS, N_ACTIONS = 359, 50, 300, 8, 2
"""The bundled dataset's, with the example labels."""


def write_noise(folder: Path, n_steps: int = N_STEPS) -> str:
    """Noise in the shape of the bundled dataset, or with longer trajectories; returns the folder as workloads name it.

    What the numbers are makes no difference to how fast they are multiplied.
    """
    rng, n = np.random.default_rng(0), N_TRAJECTORIES * n_steps
    folder.mkdir(parents=True)
    np.save(folder / "observations.npy", rng.normal(size=(n, N_OBSERVATIONS)).astype(np.float32))
    np.save(folder / "actions.npy", rng.uniform(-1, 1, size=(n, N_ACTIONS)).astype(np.float32))
    np.save(folder / "offsets.npy", np.arange(N_TRAJECTORIES + 1) * n_steps)
    _save_labels(folder, N_TRAJECTORIES, range(N_MARKED))
    return str(folder)


def write_bundled(folder: Path) -> str:
    """The bundled dataset with its true costs, the costliest marked as in the example; returns the folder likewise."""
    folder.mkdir(parents=True)
    built = build([(BUNDLED.name, formats.read(BUNDLED))], folder)
    _save_labels(folder, built.n_trajectories, example_marks(read_table(folder / "table.parquet")))
    return str(folder)


def _save_labels(folder: Path, n: int, marked: list[int] | range) -> None:
    labels = np.full(n, "none", dtype="<U13")
    labels[list(marked)] = "non_preferred"
    np.save(folder / "labels.npy", labels)
