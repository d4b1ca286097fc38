"""Every page on real data, in both themes and several widths: pictures for people, and what no picture may show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, expect

from safemil_core.data.datasets import DatasetStore
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, REPOSITORY, Dashboard
from tests.dashboard import run_fixtures as runs

PAGES = {
    "datasets": "", "review": "review", "label": "label", "audit": "audit", "train": "train", "compare": "compare",
    "costs-state": "costs", "costs-time": "costs?section=time", "costs-probe": "costs?section=probe",
    "costs-inputs": "costs?section=inputs", "costs-truth": "costs?section=truth", "weights": "weights",
    "doctor": "doctor", "rollouts": "rollouts",
    "experiments": "experiments",
}  # fmt: skip
WIDTHS = {"costs-state": (1280, 2560), "train": (1280, 1920, 2560), "label": (1280, 2560)}
"""Beside 1440."""
OUTSIDE = """() => {
  const main = document.querySelector("[data-testid=stMain]"), found = [];
  const scrolls = (it) => it && it !== main && (it.scrollWidth > it.clientWidth
    && /(auto|scroll|hidden|clip)/.test(getComputedStyle(it).overflowX) || scrolls(it.parentElement));
  const pages = [document.documentElement, main];
  if (pages.some((it) => it.scrollWidth > it.clientWidth)) found.push("a horizontal scrollbar");
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const range = document.createRange(), element = walk.currentNode.parentElement;
    range.selectNodeContents(walk.currentNode);
    const box = range.getBoundingClientRect(), isOut = box.right > innerWidth + 1 || box.left < 0;
    const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (box.width > 1 && box.height > 1 && isOut && isSeen && !scrolls(element)) found.push(range.toString());
  }
  return found;
}"""
"""What is cut off at the sides of the window, but for what has a scrollbar of its own."""


def test_every_page_is_whole_in_both_themes(dashboard: Dashboard, page: Page) -> None:
    run = _trained(dashboard)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if _is_trouble(message) else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for name, path in PAGES.items():
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 1000})
        page.goto(f"{dashboard.url}/{path}{'&' if '?' in path else '?'}dataset=car_circle&run={run}")
        _settle(page)
        _look(page, f"{name}-light")
        for width in WIDTHS.get(name, ()):
            page.set_viewport_size({"width": width, "height": 1000})
            _look(page, f"{name}-light-{width}")
        page.set_viewport_size({"width": 1440, "height": 1000})
        page.emulate_media(color_scheme="dark")
        _look(page, f"{name}-dark")
        assert said == [], name


def test_pages_without_data_say_what_they_are_for(dashboard: Dashboard, page: Page) -> None:
    for name in ("train", "costs", "weights", "doctor", "rollouts", "compare"):
        page.goto(f"{dashboard.url}/{name}")
        _settle(page)
        _look(page, f"empty-{name}-light")
        if name != "train":
            expect(page.locator("[data-testid=stMain]").get_by_role("link")).to_have_count(1)


def _trained(dashboard: Dashboard) -> str:
    """A run of the bundled dataset, with an evaluation."""
    workspace = Workspace(dashboard.workspace)
    for arguments in (
        ["import", "assets/car_circle.hdf5"],
        ["label", "car_circle", "--example"],
        ["train", "car_circle", "--set", "policy.updates=100", "--set", "cost.members=2"],
    ):
        command = [Path(sys.executable).with_name("safemil"), "--workspace", str(workspace.root), *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    info = DatasetStore.of(workspace).info("car_circle")
    (run,) = RunStore(workspace).list(info.id)
    runs.finish(runs.new_run(workspace, info), workspace)  # to compare with
    runs.evaluate(run, videos=())
    return run.id


def _settle(page: Page) -> None:
    """Until the page is drawn and nothing waits."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()
    page.wait_for_timeout(700)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def _look(page: Page, name: str) -> None:
    page.wait_for_timeout(400)
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("BidiComponent Error")).to_have_count(0)
    outside: list[Any] = page.evaluate(OUTSIDE)
    assert outside == [], name


def _is_trouble(message: ConsoleMessage) -> bool:
    """Errors of the console but for two answers that Streamlit looks for in the wrong place on every sub page."""
    return message.type == "error" and "/_stcore/" not in message.location["url"]
