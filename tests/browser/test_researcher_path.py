"""The researcher's path in a real browser: upload, label, train, look at the cost, weigh, and watch the policy drive.

Everything is real: the bundled file, the pipeline's processes, the simulator, the videos. Only the number of updates
is small. Screenshots of every page are left in test-artifacts/.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from safemil_core.data.datasets import DatasetStore
from safemil_core.workspace import Workspace
from tests.browser.conftest import ARTIFACTS, REPOSITORY, Dashboard

SLOW = 120_000
"""Milliseconds that a process with a simulator or torch may take on a busy machine."""


def test_from_upload_to_video(dashboard: Dashboard, page: Page) -> None:
    upload(dashboard, page)
    label(dashboard, page)
    train(page)
    look_at_costs(page)
    weigh(page)
    watch(page)


def upload(dashboard: Dashboard, page: Page) -> None:
    page.goto(dashboard.url)
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(REPOSITORY / "assets" / "car_circle.hdf5")
    page.get_by_role("textbox", name="Name (optional)").first.fill("my_demos")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("was imported: 359 trajectories")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("dataset=my_demos"))
    page.get_by_role("button", name="Mark the 50 costliest as an example").click()
    expect(page.get_by_text("50 trajectories marked non-preferred")).to_be_visible()
    picture(page, "datasets")


def label(dashboard: Dashboard, page: Page) -> None:
    follow(page, "Label")
    expect(page.get_by_text("50 non-preferred")).to_be_visible()
    expect(page.locator(".view .path")).to_be_visible()
    page.locator("[data-listening=true]").wait_for(state="attached")  # keys work from now on
    heading = page.get_by_role("heading", name=re.compile(r"^Trajectory \d+$"))
    expect(heading).to_have_text("Trajectory 0")
    press(page, "j")
    expect(heading).to_have_text("Trajectory 1")
    before = marks(dashboard)
    press(page, "p")
    expect(page.get_by_text("1 preferred", exact=True)).to_be_visible()
    assert marks(dashboard)[1] == "preferred", "a mark is on disk before the page shows it"
    press(page, "z")
    expect(page.get_by_text("0 preferred", exact=True)).to_be_visible()
    assert marks(dashboard) == before
    page.get_by_test_id("stCheckbox").first.wait_for()
    expect(page.get_by_text("approximate").first).to_be_visible(timeout=SLOW)  # the replay is there
    page.reload()
    expect(heading).to_have_text("Trajectory 1", timeout=SLOW)
    expect(page.get_by_text("approximate").first).to_be_visible(timeout=SLOW)
    picture(page, "label")


def train(page: Page) -> None:
    follow(page, "Train")
    fill(page.get_by_role("spinbutton", name="Cost updates"), 300)
    fill(page.get_by_role("spinbutton", name="Policy updates"), 300)
    page.get_by_role("button", name="Train", exact=False).filter(has_text="Train").last.click()
    expect(page).to_have_url(re.compile("run="), timeout=SLOW)
    page.reload()  # closing the browser would do no more: the run is a process of its own
    expect(page.get_by_text(re.compile(r"^(\d+) of \1 updates in"))).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Step AUC (hidden truth)")).to_be_visible(timeout=SLOW)
    picture(page, "train")


def look_at_costs(page: Page) -> None:
    follow(page, "Costs")
    expect(page.locator(".plot[data-area]")).to_have_count(2, timeout=SLOW)  # the learned cost, and the true one
    expect(page.locator(".view .timeline")).to_be_visible(timeout=SLOW)
    picture(page, "costs")


def weigh(page: Page) -> None:
    follow(page, "Weights")
    expect(page.get_by_text("Effective trajectories").first).to_be_visible(timeout=SLOW)
    picture(page, "weights")


def watch(page: Page) -> None:
    follow(page, "Rollouts")
    slider = page.get_by_role("slider", name="Episodes of each policy")
    slider.press("Home")
    page.get_by_role("slider", name="Videos").press("Home")
    page.get_by_role("slider", name="Videos").press("ArrowRight")
    page.get_by_role("button", name="Run the policies").click()
    video = page.locator("video").first
    expect(video).to_be_visible(timeout=SLOW)
    is_loaded = "v => v.readyState >= 2 || new Promise((done) => v.addEventListener('loadeddata', () => done(true)))"
    assert video.evaluate(is_loaded)
    duration, width = video.evaluate("v => [v.duration, v.videoWidth]")
    assert duration > 3.5  # 75 frames
    assert width == 400
    expect(page.locator("video").nth(1)).to_be_visible()  # plain cloning beside it
    expect(page.get_by_text("Safe policy against the others")).to_be_visible()
    expect(page.get_by_text("Is the difference sure?")).to_be_visible()
    picture(page, "rollouts")


def follow(page: Page, name: str) -> None:
    """Go to another page by the sidebar; dataset and run stay in the URL."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("dataset=my_demos"))


def fill(field: Locator, value: int) -> None:
    field.fill(str(value))
    field.press("Tab")


def press(page: Page, key: str) -> None:
    page.keyboard.press(key)


def marks(dashboard: Dashboard) -> list[str]:
    """The labels as another process reads them from disk."""
    workspace = Workspace(dashboard.workspace)
    return list(DatasetStore.of(workspace).labels("my_demos").current())


def picture(page: Page, name: str) -> Path:
    ARTIFACTS.mkdir(exist_ok=True)
    page.wait_for_timeout(1_500)  # charts fade in
    path = ARTIFACTS / f"{name}.png"
    page.screenshot(path=path)
    return path
