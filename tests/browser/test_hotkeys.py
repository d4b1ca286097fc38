"""Keys of the Label page in a hurry and on a busy machine: each is applied, in order, and once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard
from tests.browser.test_label_bulk import open_page, wait_until
from tests.dashboard import run_fixtures as runs

WORDS = {"n": "non_preferred", "p": "preferred", "u": "unsure"}


class LateAnswer:
    """Between browser and server: while it keeps, the browser hears nothing of what the server has drawn."""

    def __init__(self, page: Page) -> None:
        self.is_keeping = False
        self.kept: list[bytes] = []
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        self._browser, server = browser, browser.connect_to_server()
        browser.on_message(server.send)
        server.on_message(self._answered)

    def _answered(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        self.kept.append(message) if self.is_keeping else self._browser.send(message)

    def has_drawn(self) -> bool:
        return any(ForwardMsg.FromString(message).WhichOneof("type") == "script_finished" for message in self.kept)

    def release(self) -> None:
        self.is_keeping = False
        for message in self.kept:
            self._browser.send(message)
        self.kept.clear()


def test_thirty_quick_keys_are_thirty_actions_in_order(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    browser = page.context.new_cdp_session(page)
    browser.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    wanted = [(i, "npu"[i % 3]) for i in range(15)]
    for _, key in wanted:
        for pressed in (key, "j"):
            page.keyboard.press(pressed)
            page.wait_for_timeout(40)
    wait_until(lambda: len(labels.ledger()[1]) >= len(wanted))
    browser.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    expect(page.get_by_role("heading", name="Trajectory 15", exact=True)).to_be_visible()
    assert [(event.trajectory, event.value) for _, event in labels.ledger()[1]] == [
        (i, WORDS[key]) for i, key in wanted
    ]

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Datasets").click()
    expect(page.get_by_role("heading", name="Datasets", exact=True)).to_be_visible()
    page.keyboard.press("n")  # the Label page has been left, if only a moment ago
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Label").click()
    page.locator(".st-key-label-scatter .nsewdrag").first.wait_for()
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="Trajectory 14", exact=True)).to_be_visible()
    assert len(labels.ledger()[1]) == len(wanted)


def test_a_key_that_is_held_judges_once_but_goes_on(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    for key, times in (("n", 5), ("j", 3), ("p", 1)):
        for _ in range(times):  # from the second on, Playwright's `down` is the keyboard's repetition
            page.keyboard.down(key)
        page.keyboard.up(key)
    wait_until(lambda: (labels.current() == "preferred").any())
    assert [(event.trajectory, event.value) for _, event in labels.ledger()[1]] == [
        (0, "non_preferred"),
        (3, "preferred"),
    ]


def test_going_back_shows_what_was_shown_before_however_short_ago(dashboard: Dashboard, page: Page) -> None:
    open_page(dashboard, page)
    for n in (1, 2, 3):
        page.keyboard.press("j")
        expect(page.get_by_role("heading", name=f"Trajectory {n}", exact=True)).to_be_visible()
        expect(page).to_have_url(re.compile(rf"trajectory={n}\b"))
    page.go_back()
    expect(page.get_by_role("heading", name="Trajectory 2", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"trajectory=2\b"))


def test_a_number_is_typed_between_two_keys(dashboard: Dashboard, page: Page) -> None:
    labels = open_page(dashboard, page)
    page.keyboard.press("g")
    page.keyboard.type("16")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Trajectory 16", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Go to")).to_have_value("")
    page.keyboard.press("n")
    expect(page.get_by_text("1 non-preferred", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.type("7")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.get_by_text("1 preferred", exact=True)).to_be_visible()
    assert [(event.trajectory, event.value) for _, event in labels.ledger()[1]] == [
        (16, "non_preferred"),
        (16, "preferred"),
    ]


def test_arrows_walk_the_list_also_from_where_the_mouse_has_left_the_focus(dashboard: Dashboard, page: Page) -> None:
    open_page(dashboard, page)
    for key, n in (("ArrowDown", 1), ("ArrowRight", 2), ("ArrowUp", 1)):
        page.keyboard.press(key)
        expect_trajectory(page, n)
    click_in_table(page, 60, row=5)  # a cell
    expect_trajectory(page, 5)
    expect(page.locator("[role=gridcell][aria-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect_trajectory(page, 6)
    click_in_table(page, 18, row=2)  # the box of a row
    expect(page.locator(".st-key-label-preview")).to_contain_text("2 trajectories selected")
    page.keyboard.press("ArrowDown")
    expect_trajectory(page, 3)
    page.get_by_role("switch", name="Go on").click(force=True)
    page.keyboard.press("ArrowDown")
    expect_trajectory(page, 4)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Label").focus()
    page.keyboard.press("ArrowDown")
    expect_trajectory(page, 5)


def test_arrows_stay_with_what_uses_them_itself(dashboard: Dashboard, page: Page) -> None:
    open_page(dashboard, page)
    timeline = page.get_by_role("slider", name="Step")
    for used in (
        page.get_by_role("radio", name="All", exact=True),
        page.get_by_role("textbox", name="Note"),
        page.get_by_role("combobox", name="Order"),
        page.get_by_role("button", name="Filters"),
        page.get_by_role("button", name="Play", exact=True),
        timeline,
    ):
        used.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
    expect(timeline).to_have_attribute("aria-valuenow", "1")
    page.locator("h1").first.click()
    page.keyboard.press("j")
    expect_trajectory(page, 1)  # none of those before has gone on


def test_the_list_scrolls_to_what_is_gone_to(dashboard: Dashboard, page: Page) -> None:
    open_page(dashboard, page)
    scroller = page.locator("[class*=st-key-label-table] .dvn-scroller")
    expect(scroller).to_have_js_property("scrollTop", 0)
    page.get_by_role("textbox", name="Go to").fill(str(runs.N - 1))
    page.keyboard.press("Enter")
    expect_trajectory(page, runs.N - 1)
    page.wait_for_function(
        "box => box.scrollTop > 0 && box.scrollTop + box.clientHeight >= box.scrollHeight - 1",
        arg=scroller.element_handle(),
    )
    page.get_by_role("textbox", name="Go to").fill("0")
    page.keyboard.press("Enter")
    expect(scroller).to_have_js_property("scrollTop", 0)


def click_in_table(page: Page, x: float, row: int) -> None:
    box = page.get_by_test_id("data-grid-canvas").first.bounding_box()
    assert box is not None
    height = 33  # of a row; the header is as high as one
    page.mouse.click(box["x"] + x, box["y"] + (row + 1.5) * height)


def expect_trajectory(page: Page, number: int) -> None:
    expect(page.get_by_role("heading", name=f"Trajectory {number}", exact=True)).to_be_visible()


def test_a_key_is_void_where_the_page_still_showed_another_dataset(dashboard: Dashboard, page: Page) -> None:
    late = LateAnswer(page)
    workspace = Workspace(dashboard.workspace)
    runs.add_dataset(workspace)
    other = runs.add_dataset(workspace, "other", n=runs.N + 1)
    page.goto(f"{dashboard.url}/label?dataset=walks")
    page.locator("[data-listening=true]").wait_for(state="attached")
    page.get_by_role("combobox", name="Dataset").click()
    late.is_keeping = True
    page.get_by_role("option", name="other").click()
    while not late.has_drawn():
        page.wait_for_timeout(50)  # what goes between browser and server is passed on meanwhile
    page.locator("h1").first.click()  # away from the box
    page.keyboard.press("u")
    late.release()
    expect(page.locator("[data-listening=true]")).to_have_attribute("data-about", other.id)
    page.keyboard.press("p")
    expect(page.get_by_text("1 preferred", exact=True)).to_be_visible()
    ledgers = [runs.store(workspace).labels(name).ledger()[1] for name in ("walks", "other")]
    assert [[event.value for _, event in ledger] for ledger in ledgers] == [[], ["preferred"]]
