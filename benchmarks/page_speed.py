"""How quickly the pages answer with 5,000 trajectories of 1,000 steps and 60 dimensions, and what the server needs.

    python benchmarks/page_speed.py [--workspace DIR] [--pages costs,label] [--repeats N] [--out FILE.md]

A real dashboard and a real Chromium. For every interaction the page itself measures: from the input event until what
shows the result has changed for the last time, after that frame was painted. First paint: from asking for the address
until heading and first figure are there, in a new session each time; the browser's cache is warm but for the first.
The workspace is made where it is not there yet (see `large_workspace.py`); its labels change a little.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from large_workspace import NAME, prepare
from page_interactions import PAGES, Interaction, PageUnderTest
from playwright.sync_api import Error, Page
from served import Server, served, window

from safemil_core.data.datasets import DatasetStore
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

SCRIPT = Path(__file__).with_suffix(".js").read_text()
QUIET_MS, PATIENCE_MS = 450, 6_000
"""A result is complete when nothing of it has changed for so long; what does not come at all is given up after."""
BUDGET_MS, PAINT_MS = 500, 2_000


@dataclass
class Row:
    """What was measured of one interaction, or of a page's first paint."""

    page: str
    name: str
    budget: float
    times: list[float] = field(default_factory=list)
    misses: int = 0
    problem: str = ""


@dataclass
class Memory:
    """The most that a process has held, in MB."""

    resident: float = 0.0
    anonymous: float = 0.0
    mapped: float = 0.0


@contextmanager
def watched_memory(pid: int) -> Iterator[Memory]:
    """The memory of a process while the block runs; what is mapped from files counts in the resident size alone."""
    peak, stop = Memory(), threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            kb = {words[0].rstrip(":"): float(words[1]) for words in lines if words[0].startswith(("Rss", "VmHWM"))}
            peak.resident = kb["VmHWM"] / 1024
            peak.anonymous = max(peak.anonymous, kb["RssAnon"] / 1024)
            peak.mapped = max(peak.mapped, kb["RssFile"] / 1024)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()


def first_paint(page: Page, under_test: PageUnderTest, address: str, repeats: int) -> Row:
    """Milliseconds until a page that is opened by its address shows its heading and its first figure."""
    row = Row(under_test.name, "first paint", PAINT_MS)
    for _ in range(repeats):
        page.goto(address, wait_until="commit")
        try:
            page.wait_for_function("window.__speed", timeout=PATIENCE_MS)
            page.evaluate("selectors => window.__speed.paint(selectors)", list(under_test.ready))
            page.wait_for_function("window.__speed.first > 0", timeout=20_000)
            row.times.append(page.evaluate("window.__speed.first"))
        except Error as problem:
            row.misses += 1
            row.problem = str(problem).splitlines()[0]
    page.wait_for_timeout(1_500)
    return row


def interact(page: Page, under_test: PageUnderTest, interaction: Interaction, repeats: int) -> Row:
    """Milliseconds from the input event to the result."""
    row = Row(under_test.name, interaction.name, BUDGET_MS)
    for number in range(repeats):
        try:
            if interaction.before is not None:
                interaction.before(page, number)
                page.wait_for_timeout(QUIET_MS)
                _wait_until_idle(page)
            page.evaluate("selector => window.__speed.watch(selector)", interaction.watch)
            interaction.act(page, number)
            row.times.append(_result(page))
        except (Error, TimeoutError) as problem:
            row.misses += 1
            row.problem = str(problem).splitlines()[0]
            if row.misses > 1:
                break
        _wait_until_idle(page)
    return row


def _result(page: Page) -> float:
    """Milliseconds from the last input to the last change of what is watched."""
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while time.monotonic() < deadline:
        began, changed, now = page.evaluate("[window.__speed.began, window.__speed.changed, performance.now()]")
        if began and changed > began and now - changed > QUIET_MS and not _is_running(page):
            return float(changed - began)
        page.wait_for_timeout(60)
    raise TimeoutError("nothing changed" if not changed else "it did not come to rest")


def _is_running(page: Page) -> bool:
    return page.locator("[data-testid=stApp][data-test-script-state=running]").count() > 0


def _wait_until_idle(page: Page) -> None:
    page.wait_for_timeout(150)
    for _ in range(60):
        if not _is_running(page):
            return
        page.wait_for_timeout(100)


def measure(workspace: Workspace, pages: list[str], repeats: int) -> tuple[list[Row], Memory]:
    """All pages one after the other, in one window of one server."""
    info = DatasetStore.of(workspace).info(NAME)
    run = RunStore(workspace).list(info.id)[-1]
    rows: list[Row] = []
    with served(workspace.root) as server, watched_memory(server.pid) as memory, window() as page:
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(SCRIPT)
        _skip_the_tour(page, server)
        for under_test in PAGES:
            if pages and under_test.name not in pages:
                continue
            address = f"{server.url}/{under_test.path}?dataset={NAME}&run={run.id}{under_test.query}"
            rows.append(first_paint(page, under_test, address, max(3, repeats // 3)))
            print(_line(rows[-1]), file=sys.stderr)
            for interaction in under_test.interactions:
                rows.append(interact(page, under_test, interaction, repeats))
                print(_line(rows[-1]), file=sys.stderr)
    return rows, memory


def _skip_the_tour(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.locator("h1").first.wait_for(timeout=120_000)
    skip = page.get_by_role("button", name="Skip")
    page.wait_for_timeout(3_000)
    if skip.count():
        skip.first.click()
        page.wait_for_timeout(1_000)


def report(rows: list[Row], memory: Memory) -> str:
    """The measured rows in Markdown."""
    lines = ["| page | interaction | median | 95 % | largest | n |", "|---|---|---|---|---|---|", *map(_line, rows)]
    actions = [time for row in rows if row.budget == BUDGET_MS for time in row.times]
    paints = [time for row in rows if row.budget == PAINT_MS for time in row.times]
    for name, times, budget in (("interactions", actions, BUDGET_MS), ("first paints", paints, PAINT_MS)):
        if times:
            late = sum(time > budget for time in times)
            lines.append(
                f"\nAll {name}: {len(times)}, median {np.median(times):.0f} ms, 95 % below "
                f"{np.quantile(times, 0.95):.0f} ms, largest {max(times):.0f} ms; {late} above {budget} ms"
            )
    lines.append(
        f"\nServer: at most {memory.resident:.0f} MB resident; of these at most {memory.anonymous:.0f} MB are its own, "
        f"and at most {memory.mapped:.0f} MB are pages of files, which the system takes back where it needs them"
    )
    return "\n".join(lines)


def _line(row: Row) -> str:
    if not row.times:
        return f"| {row.page} | {row.name} | missed: {row.problem} | | | 0 |"
    median, high = np.median(row.times), np.quantile(row.times, 0.95)
    mark = " **late**" if high > row.budget else ""
    missed = f" ({row.misses} missed: {row.problem})" if row.misses else ""
    n = f"{len(row.times)}{missed}"
    return f"| {row.page} | {row.name} | {median:.0f} | {high:.0f}{mark} | {max(row.times):.0f} | {n} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, help="where it is kept between measurements; else made and removed")
    parser.add_argument("--pages", default="", help="names with commas between; all where empty")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(options.workspace or Path(folder))
        prepare(workspace)
        found = report(*measure(workspace, [name for name in options.pages.split(",") if name], options.repeats))
    print(found)
    if options.out:
        options.out.write_text(found + "\n")


if __name__ == "__main__":
    main()
