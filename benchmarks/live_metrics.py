"""How long it takes until a row that training logs is on the Train page, and how long 10,000 rows take to draw.

    python benchmarks/live_metrics.py                   # 10,000 rows are logged before the measured ones
    python benchmarks/live_metrics.py --rows 1000000

A run in a real dashboard and a real Chromium; this process plays its worker and appends rows at random moments. From
the append to the pixels includes waiting for the page's next look. Building is what the server does to the rows of all
four panels, drawing what the browser does from having the data until they are painted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator
from served import dashboard

from dashboard.charts_live import panels
from dashboard.components.curves import drawing
from safemil_core.running.metrics_log import MetricsLog
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace
from tests.dashboard import run_fixtures

WATCH = """(canvas) => {
  window.seenAt = {};
  const look = () => {
    const update = canvas.getAttribute("aria-label").split("update ").at(-1);
    window.seenAt[update] ??= performance.timeOrigin + performance.now();
    requestAnimationFrame(look);
  };
  look();
}"""
DRAWN = "() => performance.getEntriesByName('curves').at(-1).duration"


def rows(n: int, rng: np.random.Generator) -> Iterator[dict[str, float]]:
    """What an alternating training would log, with noise on it."""
    names = (
        "cost_loss",
        "score_non_preferred",
        "score_unlabelled",
        "cost_mean",
        "cost_spread",
        "policy_loss",
        "bc_loss",
    )
    for number, noise in enumerate(rng.normal(scale=0.05, size=(n, len(names))), start=1):
        falling = np.exp(-5 * number / n)
        values = dict(zip(names, (falling + noise).round(6).tolist(), strict=True))
        yield {"update": 25.0 * number, "seconds": number / 10, **values, "saturated": 0.0}


def build_ms(run: Run, n_rounds: int = 20) -> list[float]:
    """Milliseconds in which the server turns all rows into what the browser draws."""
    log = MetricsLog(run.metrics_file)
    log.read()
    found = []
    for _ in range(n_rounds):
        start = time.perf_counter()
        drawing(panels(log.read()))
        found.append(1_000 * (time.perf_counter() - start))
    return found


def append_and_watch(canvas: Locator, run: Run, later: list[dict[str, float]], rng: np.random.Generator) -> np.ndarray:
    """[2, n] for each appended row the milliseconds until it is on the screen, and those of them that drawing took."""
    canvas.evaluate(WATCH)
    found = []
    for row in later:
        time.sleep(rng.uniform(0.8, 1.6))
        run.append_metrics(row)
        appended_at = time.time()
        words = f"{row['update']:,.0f}"
        canvas.page.wait_for_function("(words) => window.seenAt[words]", arg=words, polling=50)
        seen_at = canvas.page.evaluate("(words) => window.seenAt[words]", words) / 1_000
        canvas.page.wait_for_timeout(100)
        found.append((1_000 * (seen_at - appended_at), canvas.page.evaluate(DRAWN)))
    return np.array(found).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--appended", type=int, default=30)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        info = run_fixtures.add_dataset(workspace)
        run_fixtures.mark_costliest(workspace, info)
        run = run_fixtures.begin(run_fixtures.new_run(workspace, info), n_rows=0)
        logged = list(rows(options.rows + options.appended, rng))
        for row in logged[: options.rows]:
            run.append_metrics(row)
        built = build_ms(run)
        with dashboard(workspace.root) as (page, url):
            page.goto(f"{url}/train?dataset={info.name}&run={run.id}", timeout=120_000)
            canvas = page.get_by_role("img", name="Losses of the policies")
            canvas.wait_for(timeout=120_000)
            page.wait_for_timeout(3_000)
            shown, drawn = append_and_watch(canvas, run, logged[options.rows :], rng)
    print(
        f"{options.rows} rows logged, {len(shown)} appended: on the screen after a median of "
        f"{np.median(shown):.0f} ms, 95 % below {np.quantile(shown, 0.95):.0f} ms, largest {shown.max():.0f} ms"
    )
    print(
        f"all rows built in a median of {np.median(built):.0f} ms (largest {max(built):.0f} ms) "
        f"and drawn in {np.median(drawn):.0f} ms (largest {drawn.max():.0f} ms)"
    )


if __name__ == "__main__":
    main()
