"""How long it takes on the Review page from a key to the next trajectory, its label on disk, with 5,000 trajectories.

    python benchmarks/review_latency.py

Random walks of 200 to 1,000 steps and 20 dimensions in a real dashboard and a real Chromium. The page itself measures:
from the key's event until the next trajectory is drawn.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from safemil_core.data.database import Database  # noqa: E402
from safemil_core.data.datasets import DatasetStore  # noqa: E402
from safemil_core.workspace import Workspace  # noqa: E402
from tests.browser.chromium import ADVICE, find_chromium  # noqa: E402

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


@contextmanager
def dashboard(workspace: Path) -> Iterator[str]:
    """A server of this workspace; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    environment = {**os.environ, "SAFEMIL_WORKSPACE": str(workspace)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def press_keys(url: str, n_keys: int) -> list[float]:
    """Milliseconds of each key."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"{url}/review?dataset=walks", timeout=120_000)
        page.locator(".review[data-trajectory]").wait_for(timeout=120_000)
        page.wait_for_timeout(5_000)
        for number in range(n_keys):
            page.keyboard.press("np"[number % 2])
            page.wait_for_timeout(PAUSE_MS)
        page.wait_for_timeout(2_000)
        measured: list[float] = page.evaluate(MEASURED)
        browser.close()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=5_000)
    parser.add_argument("--keys", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        write_walks(Path(folder) / "walks.hdf5", options.trajectories)
        datasets = DatasetStore(workspace, Database(workspace.database))
        datasets.add(Path(folder) / "walks.hdf5", name="walks")
        with dashboard(workspace.root) as url:
            measured = np.sort(press_keys(url, options.keys))
        n_labels = int((datasets.labels("walks").current() != "none").sum())
    print(
        f"{options.trajectories} trajectories, {len(measured)} keys, {n_labels} labels on disk: "
        f"median {np.median(measured):.0f} ms, 95 % below {np.quantile(measured, 0.95):.0f} ms, "
        f"largest {measured[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
