"""The Review page in a real browser: each key, many in a hurry, brushes, other people, hidden scores."""

from __future__ import annotations

import json
import re
import time

import imageio.v2 as imageio
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, Dashboard
from tests.dashboard import run_fixtures as runs

N, T = 60, 120


@pytest.fixture
def workspace(dashboard: Dashboard) -> Workspace:
    return Workspace(dashboard.workspace)


@pytest.fixture
def info(workspace: Workspace) -> DatasetInfo:
    return runs.add_dataset(workspace, n=N, length=T, env_id=None)


@pytest.fixture
def labels(workspace: Workspace, info: DatasetInfo) -> LabelStore:
    """The labels as another process reads and writes them."""
    return runs.store(workspace).labels(info.name)


def open_page(dashboard: Dashboard, page: Page, order: str | None = "number") -> Locator:
    page.goto(f"{dashboard.url}/review?dataset=walks")
    page.locator("[data-listening=true]").wait_for(state="attached")
    if order is not None:
        page.get_by_role("combobox", name=re.compile("Order")).click()
        page.get_by_role("option", name=order, exact=True).click()
        expect(stage(page).locator(".why")).to_contain_text("number" if order == "number" else "")
    expect(stage(page)).to_have_attribute("data-trajectory", re.compile(r"\d"))
    return stage(page)


def stage(page: Page) -> Locator:
    return page.locator(".review")


def shows(page: Page, trajectory: int) -> None:
    expect(stage(page)).to_have_attribute("data-trajectory", str(trajectory))


def has(page: Page, name: str, value: str) -> None:
    expect(stage(page)).to_have_attribute(f"data-{name}", value)


def settled(page: Page) -> None:
    """Python has applied every key."""
    has(page, "pending", "0")


def brush(page: Page, first: int, last: int, *, shift: bool) -> None:
    """Drag over these steps of the timeline."""
    box = page.locator("canvas.timeline").bounding_box()
    assert box is not None
    gutter, y = 168, box["y"] + box["height"] / 2
    x = [box["x"] + gutter + (step + 0.5) / T * (box["width"] - gutter - 6) for step in (first, last)]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(x[0], y)
    page.mouse.down()
    page.mouse.move(x[1], y, steps=4)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def test_each_key_does_what_the_page_says(dashboard: Dashboard, page: Page, labels: LabelStore) -> None:
    labels.add_reason("too fast")
    labels.add_reason("left the lane")
    open_page(dashboard, page)
    press = page.keyboard.press
    shows(page, 0)
    for key, label, reason in (("n", "non_preferred", ""), ("p", "preferred", ""), ("u", "unsure", "left the lane")):
        before = int(stage(page).get_attribute("data-trajectory") or -1)
        if reason:
            press("2")
            has(page, "reason", reason)
        press(key)
        shows(page, before + 1)
        state = labels.state()
        assert (state.labels[before], state.reasons[before]) == (label, reason), "on disk before the next one shows"
    press("r")
    shows(page, 4)
    assert (labels.state().labels[3], labels.state().reasons[3]) == ("unsure", "left the lane")
    press("z")
    shows(page, 3)
    assert labels.state().labels[3] == "none"
    press("s")
    shows(page, 4)
    for key, there in (("k", 3), ("j", 4), ("ArrowLeft", 3), ("ArrowRight", 4)):
        press(key)
        shows(page, there)
    press("?")
    expect(page.locator(".help")).to_be_visible()
    press("Escape")
    expect(page.locator(".help")).to_be_hidden()
    press(".")
    has(page, "step", "1")
    press(",")
    has(page, "step", "0")
    press(" ")
    expect(stage(page)).to_have_attribute("data-step", re.compile(r"^[1-9]"))
    press(" ")
    page.locator("[data-key=p]").click()
    shows(page, 5)
    assert labels.current()[4] == "preferred"


def test_segments_are_brushed_kept_removed_and_undone(dashboard: Dashboard, page: Page, labels: LabelStore) -> None:
    open_page(dashboard, page)
    press = page.keyboard.press
    brush(page, 10, 40, shift=True)
    has(page, "draft", "10-40")
    press("Backspace")
    has(page, "draft", "")
    brush(page, 10, 40, shift=True)
    press("Enter")
    has(page, "segments", "[[10,40]]")
    shows(page, 0)
    assert labels.state().segments == {0: ((10, 40),)}
    press("w")
    brush(page, 60, 80, shift=False)
    has(page, "draft", "60-80")
    press("n")
    shows(page, 1)
    assert labels.state().segments == {0: ((10, 40), (60, 80))}
    press("k")
    has(page, "segments", "[[10,40],[60,80]]")
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "review.png")
    press("Backspace")  # the cursor is at the start, so that it is the last one
    has(page, "segments", "[[10,40]]")
    page.reload()
    page.locator("[data-listening=true]").wait_for(state="attached")
    shows(page, 0)
    press("z")
    has(page, "segments", "[[10,40],[60,80]]")
    press("z")
    has(page, "segments", "[[10,40]]")
    assert labels.state().segments == {0: ((10, 40),)}


def test_thirty_keys_in_a_hurry_none_lost_each_for_what_was_shown(
    dashboard: Dashboard, page: Page, labels: LabelStore
) -> None:
    open_page(dashboard, page)
    page.evaluate(
        """() => { window.pressed = [];
        const find = (node) => node.querySelector(".review") ?? [...node.querySelectorAll("*")]
            .map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
        const stage = find(document);
        const note = (e) => window.pressed.push([parseInt(stage.dataset.trajectory), e.key]);
        window.addEventListener("keydown", note, true); }"""
    )
    for i in range(30):
        page.keyboard.press("np"[i % 2])
        page.wait_for_timeout(50)
    settled(page)
    words = {"n": "non_preferred", "p": "preferred"}
    pressed = [(trajectory, words[key]) for trajectory, key in page.evaluate("window.pressed")]
    assert len(pressed) == 30
    _, events = labels.ledger()
    assert [(event.trajectory, event.value) for _, event in events] == pressed


def test_another_persons_label_shows_within_two_seconds_and_disturbs_nothing(
    dashboard: Dashboard, page: Page, workspace: Workspace, info: DatasetInfo, labels: LabelStore
) -> None:
    add_replay(workspace, info, 0)
    open_page(dashboard, page)
    video = page.locator("video").first
    page.wait_for_function("v => v.readyState >= 2", arg=video.element_handle())
    brush(page, 20, 50, shift=True)
    page.keyboard.press(" ")
    video.evaluate("v => { v.isTheSame = true; v.pauses = 0; v.addEventListener('pause', () => v.pauses++); }")
    before = video.evaluate("v => v.currentTime")
    labels.mark([0, 7], "preferred", author="bea")
    given = time.monotonic()
    has(page, "label", "preferred")
    assert time.monotonic() - given < 2.0
    expect(page.locator(".details")).to_have_text("by bea")
    expect(page.locator(".progress")).to_contain_text(f"2 of {N} judged")
    has(page, "draft", "20-50")
    assert video.evaluate("v => v.isTheSame && !v.paused && v.pauses === 0 && v.currentTime") > before


def test_scores_stay_hidden_until_judged(dashboard: Dashboard, page: Page, workspace: Workspace, info: DatasetInfo,
                                         labels: LabelStore) -> None:  # fmt: skip
    runs.mark_costliest(workspace, info)
    run = runs.finish(runs.new_run(workspace, info), workspace)
    page.goto(f"{dashboard.url}/review?dataset=walks&run={run.id}")
    page.locator("[data-listening=true]").wait_for(state="attached")
    expect(page.locator(".why")).to_contain_text("Learned cost ")
    page.get_by_test_id("stPopover").filter(has_text="Display").get_by_role("button").click()
    page.get_by_text("Hide scores until judged").click()
    page.keyboard.press("Escape")
    has(page, "lanes", "action 0,action 1")
    expect(page.locator(".why")).to_have_text("The highest learned cost among the unmarked.")
    first = int(stage(page).get_attribute("data-trajectory") or -1)
    page.locator(".name").click()
    page.keyboard.press("p")
    expect(stage(page)).not_to_have_attribute("data-trajectory", str(first))
    has(page, "lanes", "action 0,action 1")
    page.keyboard.press("k")
    shows(page, first)
    has(page, "lanes", "learned cost,action 0,action 1")
    expect(page.locator(".why")).to_contain_text("Learned cost ")


def add_replay(workspace: Workspace, info: DatasetInfo, trajectory: int) -> None:
    """A video of noise in the place where rendered replays are kept."""
    path = workspace.replay(info.replays, trajectory)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 255, (T, 48, 64, 3), dtype=np.uint8)
    with imageio.get_writer(path, fps=5, codec="libx264", macro_block_size=16) as writer:
        for frame in frames:
            writer.append_data(frame)
    path.with_suffix(".json").write_text(json.dumps({"fps": 5, "stride": 1, "exact": True, "note": ""}))
