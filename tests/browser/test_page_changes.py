"""From one page to another while the first one still polls."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from safemil_core.workspace import Workspace
from tests.browser.conftest import Dashboard
from tests.dashboard import run_fixtures as runs


class LatePoll:
    """Between browser and server: keeps a poll back, and sends it when the server has begun to draw another page."""

    def __init__(self, page: Page) -> None:
        self.is_keeping = False
        self.kept: bytes | None = None
        self.n_polls = 0
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def asked(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            rerun = BackMsg.FromString(message).rerun_script
            self.n_polls += rerun.is_auto_rerun
            if rerun.is_auto_rerun and self.is_keeping:
                self.kept = message
            else:
                server.send(message)

        def answered(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            drawn = ForwardMsg.FromString(message).new_session.page_script_hash
            if self.kept is not None and drawn not in ("", BackMsg.FromString(self.kept).rerun_script.page_script_hash):
                server.send(self.kept)
                self.kept, self.is_keeping = None, False
            browser.send(message)

        browser.on_message(asked)
        server.on_message(answered)


def test_a_late_poll_of_the_page_before_leaves_the_next_one_whole(dashboard: Dashboard, page: Page) -> None:
    runs.add_dataset(Workspace(dashboard.workspace))
    late = LatePoll(page)
    page.goto(f"{dashboard.url}/review?dataset=walks")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Review")
    late.is_keeping = True
    _until(lambda: late.kept is not None, page)
    page.get_by_role("link", name="Label").click()
    expect(heading).to_have_text("Label")
    assert not late.is_keeping
    late.n_polls = 0
    _until(lambda: late.n_polls >= 2, page)  # of the new page: the late one is served by then
    expect(heading).to_have_text("Label")


def _until(is_so: Callable[[], bool], page: Page) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        page.wait_for_timeout(50)  # what goes between browser and server is passed on meanwhile
