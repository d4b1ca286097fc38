"""The Audit page in a real browser: a real committee, people who differ, a blind re-test, and alpha."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from safemil_core.data.labels.store import LabelStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard
from tests.browser.test_label_bulk import wait_until
from tests.dashboard import run_fixtures as runs

TWICE_P = """() => { for (const _ of "12")
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "p", bubbles: true })) }"""
"""Two presses before the page can be drawn anew."""
IS_HEARD = """() => document.querySelector("[data-listening=true]")?.dataset.about?.split(" ")[1]
    === document.body.innerText.match(/to go · trajectory (\\d+)/)?.[1]"""
"""Whether keys judge the trajectory that the page names."""
SLOW = 120_000
"""Milliseconds that a process with torch may take on a busy machine."""


def test_the_committee_finds_labels_that_are_relabelled_or_kept_by_one_click(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page, {"non_preferred": [0, *range(runs.N - 6, runs.N - 2)]})
    start = page.get_by_role("button", name="Run the audit")
    start.click()
    page.get_by_role("button", name="Stop").click()
    expect(start).to_be_enabled(timeout=SLOW)
    start.click()
    expect(page.get_by_text("By 5 networks")).to_be_visible(timeout=SLOW)
    finding = page.locator("[class*=st-key-audit-finding]").filter(has_text="Trajectory 0 ")
    expect(finding).to_contain_text("looks preferred")
    finding.get_by_role("button", name="Take the mark back").click()
    wait_until(lambda: labels.current()[0] == "none")
    expect(page.get_by_text("outdated: 1 label changed since").first).to_be_visible()
    expect(finding).to_have_count(0)
    assert labels.history()[0].origin == "settle"

    kept = page.locator("[class*=st-key-audit-finding]").first
    words = kept.inner_text().split("\n")[0]
    trajectory = int(words.split()[1])
    before = labels.current()[trajectory]
    kept.get_by_role("button", name="Keep").click()
    expect(page.locator("[class*=st-key-audit-finding]").filter(has_text=f"Trajectory {trajectory} ")).to_have_count(0)
    assert labels.current()[trajectory] == before

    look = page.locator("[class*=st-key-audit-finding]").first
    number = int(look.inner_text().split()[1])
    look.get_by_role("link", name="Look").click()
    expect(page.get_by_role("heading", name=f"Trajectory {number}", exact=True)).to_be_visible()


def test_people_settle_what_they_differ_on_and_are_tested_again(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page, {})
    page.get_by_role("textbox", name="Your name").fill("ann")
    page.get_by_role("textbox", name="Your name").press("Tab")
    labels.mark([0, 1, 2, 3], "preferred", author="ann")
    labels.mark([4, 5, 6, 7], "non_preferred", author="ann")
    labels.mark([0, 1, 2, 4], "preferred", author="bob")
    labels.mark([3, 5, 6, 7], "non_preferred", author="bob")
    expect(page.get_by_text("2 conflicts to settle")).to_be_visible()
    conflict = page.locator(".st-key-audit-conflict-3")
    expect(conflict).to_contain_text("ann: preferred · bob: non-preferred")
    conflict.get_by_role("button", name="Preferred", exact=True).click()
    expect(page.get_by_text("1 conflict to settle")).to_be_visible()
    assert (labels.current()[3], labels.history()[0].origin) == ("preferred", "settle")

    latest = labels.latest()
    page.get_by_role("button", name="Judge 4 trajectories again").click()
    for left in (4, 3, 2, 1):
        expect(page.get_by_text(f"{left} trajector{'y' if left == 1 else 'ies'} to go")).to_be_visible()
        page.wait_for_function(IS_HEARD)
        page.evaluate(TWICE_P)  # the second time it is still the same trajectory that is judged
    expect(page.get_by_text("ann judged 4 trajectories twice, 100% alike")).to_be_visible()
    assert len(labels.retests()) == 4
    assert labels.latest() == latest


def test_a_random_audit_gives_the_share_of_preferred_ones(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page, {"non_preferred": [22, 23]})
    page.get_by_role("button", name="Draw 30 at random").click()
    for left, key in ((22, "p"), (21, "p"), (20, "n"), (19, "u")):
        expect(page.get_by_text(f"{left} of 22 to go")).to_be_visible()
        page.wait_for_function(IS_HEARD)
        page.keyboard.press(key)
    expect(page.get_by_text("2 of 4 judged are preferred")).to_be_visible()
    expect(page.get_by_text("6.8% – 93.2%")).to_be_visible()
    counts = dict(zip(*np.unique(labels.current(), return_counts=True), strict=True))
    assert (counts["preferred"], counts["non_preferred"], counts["unsure"]) == (2, 3, 1)
    page.reload()
    expect(page.get_by_text("2 of 4 judged are preferred")).to_be_visible()
    expect(page.get_by_role("button", name="Judge the 18 that are left")).to_be_visible()


def open_page(dashboard: Dashboard, page: Page, marks: dict[str, list[int]]) -> LabelStore:
    """The Audit page over these labels of somebody."""
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace, env_id=None)
    labels = runs.store(workspace).labels(info.name)
    for label, trajectories in marks.items():
        labels.mark(trajectories, label, author="zoe")  # type: ignore[arg-type]
    page.goto(f"{dashboard.url}/audit?dataset={info.name}")
    expect(page.get_by_role("heading", name="Share of preferred trajectories")).to_be_visible()
    return labels
