"""What only a browser can tell of the Label page: boxes, lassos and regions, bulk actions, and two people at once."""

from __future__ import annotations

import re
import time

import numpy as np
from playwright.sync_api import Locator, Page, expect

from safemil_core.data.labels.store import LabelStore
from safemil_core.running.dataset_removal import remove_dataset
from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard, scroll_to
from tests.dashboard import run_fixtures as runs

Point = tuple[float, float]
WITHIN_S = 2.0
"""Another person's label has to be seen by then; the test allows for the time that a busy machine takes to draw."""


def test_a_box_selects_points_which_are_marked_tagged_and_taken_back_as_one(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    drag(page, page.locator(".st-key-label-scatter .nsewdrag").first, (0.5, 0.02), (0.98, 0.98))
    preview = page.locator(".st-key-label-preview")
    expect(preview).to_contain_text("selected")
    n = int(re.findall(r"\d+", preview.inner_text())[0])
    assert 2 < n < runs.N
    expect(page.locator(".view")).to_have_attribute("data-others", "true")  # their paths stand out

    choose_new(page, "Reason", "too fast")
    page.get_by_role("button", name=f"Non-preferred {n}").click()
    expect(page.get_by_text(f"{n} non-preferred", exact=True)).to_be_visible()
    marked = np.flatnonzero(labels.current() == "non_preferred")
    (action,) = labels.history()
    assert (len(marked), action.origin, action.reason) == (n, "bulk", "too fast")
    expect(preview).to_contain_text(f"{n} already non-preferred")

    page.get_by_role("button", name="Tag").click()
    choose_new(page, "Tag", "night")
    page.get_by_role("button", name=f"Add to {n} trajectories").click()
    wait_until(lambda: labels.state().tags == {"night": tuple(marked.tolist())})
    page.keyboard.press("Escape")
    page.locator("h1").first.click()

    page.keyboard.press("z")
    wait_until(lambda: labels.state().tags == {})
    page.keyboard.press("z")
    expect(page.get_by_text("0 non-preferred", exact=True)).to_be_visible()
    assert set(labels.current()) == {"none"}
    page.reload()
    page.locator("[data-listening=true]").wait_for(state="attached")
    page.keyboard.press("y")
    expect(page.get_by_text(f"{n} non-preferred", exact=True)).to_be_visible()


def test_a_region_drawn_on_the_paths_selects_those_that_go_through_it(dashboard: Dashboard, page: Page) -> None:
    open_page(dashboard, page)
    page.get_by_text("Paths", exact=True).click()
    plot = page.locator("[class*=st-key-label-region] .nsewdrag").first
    drag(page, plot, (0.02, 0.05), (0.2, 0.05), (0.2, 0.95), (0.02, 0.95), (0.02, 0.05))
    preview = page.locator(".st-key-label-preview")
    expect(preview).to_contain_text("selected")
    n = int(re.findall(r"\d+", preview.inner_text())[0])
    assert 1 < n < runs.N
    # A box around the middle, where all begin, has everybody. It must not begin in the lasso: that would move it.
    page.locator("[class*=st-key-label-region] [data-title='Box Select']").first.click()
    drag(page, plot, (0.23, 0.02), (0.98, 0.98))
    expect(preview).to_contain_text(f"{runs.N} trajectories selected")


def test_what_others_label_is_seen_soon_and_the_selection_stays(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    page.get_by_role("button", name="Select all of them").click()
    expect(page.locator(".st-key-label-preview")).to_contain_text(f"{runs.N} trajectories selected")
    page.wait_for_timeout(500)
    labels.mark([1, 2], "preferred", author="bob")
    began = time.monotonic()
    expect(page.get_by_text("2 preferred", exact=True)).to_be_visible()
    print(f"seen after {time.monotonic() - began:.2f} s, wanted within {WITHIN_S} s")
    expect(page.locator(".st-key-label-preview")).to_contain_text(
        f"{runs.N} trajectories selected: 2 already preferred, {runs.N - 2} unlabelled"
    )


def test_a_dataset_that_somebody_removes_is_left_with_a_word_for_it(dashboard: Dashboard, page: Page) -> None:
    workspace = Workspace(dashboard.workspace)
    for name, n in (("walks", runs.N), ("other", runs.N + 1)):
        runs.add_dataset(workspace, name, n=n)
    page.goto(f"{dashboard.url}/label?dataset=walks")
    page.locator("[data-listening=true]").wait_for(state="attached")
    author = page.get_by_role("textbox", name="Your name")
    author.fill("ann")
    author.press("Tab")
    remove_dataset(workspace, "walks")
    expect(page.get_by_text("There is no dataset walks; this is other.")).to_be_visible()
    expect(page.get_by_text(f"{runs.N + 1} unlabelled", exact=True)).to_be_visible()
    page.locator("h1").first.click()
    page.keyboard.press("p")
    expect(page.get_by_text("1 preferred", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(author).to_have_value("ann")
    assert [action.author for action in runs.store(workspace).labels("other").history()] == ["ann"]


def test_history_is_compared_named_and_gone_back_to(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    first = labels.mark([3, 4], "non_preferred", author="bob")
    expect(page.get_by_text("2 non-preferred", exact=True)).to_be_visible()
    page.get_by_text("History, snapshots and files").click()
    page.get_by_role("tab", name="Snapshots").click()
    page.get_by_role("textbox", name="Name for the labels as they are now").fill("first-pass")
    page.get_by_role("textbox", name="Name for the labels as they are now").press("Tab")
    page.get_by_role("button", name="Save snapshot").click()
    wait_until(lambda: [snapshot.action for snapshot in labels.snapshots()] == [first])
    labels.mark([4, 5], "preferred", author="bob")
    expect(page.get_by_text("2 preferred", exact=True)).to_be_visible()
    page.locator("[class*='st-key-label-since_snapshot-first-pass'] button").first.click()
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_text("2 changes")).to_be_visible()
    page.get_by_role("tab", name="Files").click()
    for name, content in (("Labels as CSV", b"trajectory,label"), ("History as JSON lines", b'"origin": "hand"')):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert content in download.value.path().read_bytes()
    page.get_by_role("tab", name="Snapshots").click()
    page.locator("[class*='st-key-label-restore_snapshot-first-pass'] button").first.click()
    expect(page.get_by_text("0 preferred", exact=True)).to_be_visible()
    assert np.flatnonzero(labels.current() == "non_preferred").tolist() == [3, 4]


def open_page(dashboard: Dashboard, page: Page) -> LabelStore:
    """The Label page with nothing labelled, and the labels as another process sees them."""
    workspace = Workspace(dashboard.workspace)
    info = runs.add_dataset(workspace, env_id=None)
    page.goto(f"{dashboard.url}/label?dataset={info.name}")
    page.locator(".st-key-label-scatter .nsewdrag").first.wait_for()
    page.locator("[data-listening=true]").wait_for(state="attached")
    return runs.store(workspace).labels(info.name)


def drag(page: Page, plot: Locator, *points: Point) -> None:
    """Press at the first point, move over the others, release; each as a share of the plot's width and height."""
    scroll_to(plot)
    box = plot.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def choose_new(page: Page, name: str, word: str) -> None:
    """Type a new word into a select box that takes any."""
    field = page.get_by_role("combobox", name=name).last
    field.fill(word)
    field.press("Enter")


def wait_until(is_so) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
