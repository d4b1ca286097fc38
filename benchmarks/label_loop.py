"""How long it takes from changed labels to pages that show the new costs, on the bundled dataset.

    python benchmarks/label_loop.py

In a real dashboard and a real Chromium: ten labels change, and the clock begins with the click on Train. It is read
when the Train page says that the costs are learned, and once more when the Costs page, opened by that link, has drawn
its map. The first round starts from new networks, the others from the run before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page
from served import dashboard

from safemil_core.bench.examples import BUNDLED
from safemil_core.data.datasets import DatasetStore
from safemil_core.running import jobs
from safemil_core.running.runs import RunStore
from safemil_core.running.spares import has_spare
from safemil_core.workspace import Workspace

PATIENCE_MS = 120_000


def one_round(page: Page, url: str, workspace: Workspace, warm: str | None) -> tuple[float, float]:
    """Seconds until the costs are learned, and until they are drawn."""
    page.goto(f"{url}/train?dataset=car_circle")
    page.get_by_role("button", name="Train", exact=True).wait_for(timeout=PATIENCE_MS)
    if warm:
        page.get_by_role("combobox", name="Begin with").click()
        page.get_by_role("option").nth(1).click()  # the newest run
        page.wait_for_timeout(1_000)
    while not has_spare(workspace):
        time.sleep(0.1)
    page.wait_for_timeout(8_000)  # somebody looks at the settings; the spare has all in memory by then
    began = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    link = page.get_by_role("link", name="The costs are learned")
    link.wait_for(timeout=PATIENCE_MS)
    learned = time.perf_counter() - began
    link.click()
    page.locator(".plot[data-area]").first.wait_for(timeout=PATIENCE_MS)
    return learned, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a spare worker may still write
        workspace = Workspace(Path(folder) / "workspace")
        datasets = DatasetStore.of(workspace)
        datasets.add(BUNDLED, name="car_circle")
        labels, costs = datasets.labels("car_circle"), datasets.open("car_circle").true_costs()
        assert costs is not None
        costliest = np.argsort(-costs, kind="stable")[:80]
        labels.mark(costliest[:50].tolist(), "non_preferred", author="bench")
        runs, warm = RunStore(workspace), None
        with dashboard(workspace.root) as (page, url):
            for number in range(options.rounds):
                flipped = rng.choice(costliest, 10, replace=False)
                for label in ("none", "non_preferred"):
                    chosen = flipped[(labels.current()[flipped] == "none") == (label == "non_preferred")]
                    labels.mark(chosen.tolist(), label, author="bench")
                learned, drawn = one_round(page, url, workspace, warm)
                begun = f"from run {warm}" if warm else "from new networks"
                print(f"round {number + 1}, {begun}: learned after {learned:.1f} s, drawn after {drawn:.1f} s")
                warm = runs.list()[0].id
                jobs.stop(workspace, runs.open(warm))
                while not jobs.job_of(workspace, runs.open(warm)).is_finished:
                    time.sleep(0.1)


if __name__ == "__main__":
    main()
