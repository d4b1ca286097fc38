"""How long it takes on the Review page from a key to the next trajectory, its label on disk, with 5,000 trajectories.

    python benchmarks/review_latency.py

Random walks of 200 to 1,000 steps and 20 dimensions in a real dashboard and a real Chromium. The page itself measures:
from the key's event until the next trajectory is drawn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import h5py
import numpy as np
from playwright.sync_api import Page
from served import dashboard

from safemil_core.data.datasets import DatasetStore
from safemil_core.workspace import Workspace

PAUSE_MS = 500
MEASURED = "() => performance.getEntriesByName('review').map((entry) => entry.duration)"


def write_walks(path: Path, n: int, n_observations: int = 20) -> None:
    """A DSRL file of `n` random walks."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(200, 1001, n)
    actions = rng.normal(size=(int(lengths.sum()), 2)).astype(np.float32)
    with h5py.File(path, "w") as file:
        file["actions"] = actions
        file["observations"] = np.cumsum(np.repeat(actions, n_observations // 2, axis=1), axis=0) / 100
        file["timeouts"] = np.isin(np.arange(len(actions)), np.cumsum(lengths) - 1)
        file["terminals"] = np.zeros(len(actions), dtype=bool)


def press_keys(page: Page, url: str, n_keys: int) -> list[float]:
    """Milliseconds of each key."""
    page.goto(f"{url}/review?dataset=walks", timeout=120_000)
    page.locator(".review[data-trajectory]").wait_for(timeout=120_000)
    page.wait_for_timeout(5_000)
    for number in range(n_keys):
        page.keyboard.press("np"[number % 2])
        page.wait_for_timeout(PAUSE_MS)
    page.wait_for_timeout(2_000)
    measured: list[float] = page.evaluate(MEASURED)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=5_000)
    parser.add_argument("--keys", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        write_walks(Path(folder) / "walks.hdf5", options.trajectories)
        datasets = DatasetStore.of(workspace)
        datasets.add(Path(folder) / "walks.hdf5", name="walks")
        with dashboard(workspace.root) as (page, url):
            measured = np.sort(press_keys(page, url, options.keys))
        n_labels = int((datasets.labels("walks").current() != "none").sum())
    print(
        f"{options.trajectories} trajectories, {len(measured)} keys, {n_labels} labels on disk: "
        f"median {np.median(measured):.0f} ms, 95 % below {np.quantile(measured, 0.95):.0f} ms, "
        f"largest {measured[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
