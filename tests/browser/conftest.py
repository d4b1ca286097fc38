"""A real dashboard on a port of its own and a real browser in front of it."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from safemil_core.workspace import Workspace
from tests.browser.chromium import ADVICE, find_chromium
from tests.browser.servers import REPOSITORY, Servers

ARTIFACTS = REPOSITORY / "test-artifacts"
"""Where screenshots of the test run go."""
# Chromium refuses to run its sandbox as root, and would look up Google's hosts at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


PATIENCE_MS = 60_000
"""A busy machine may take half a minute to draw a first page."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Dashboard:
    """A running server and the workspace behind it."""

    url: str
    workspace: Path


def scroll_to(locator: Locator) -> None:
    """Bring an element into view at once: Playwright's own waits until it rests, and fails when it is drawn anew."""
    locator.evaluate("element => element.scrollIntoViewIfNeeded()")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None:
        pytest.fail(ADVICE, pytrace=False)
    return path


@pytest.fixture
def environment() -> dict[str, str]:
    """Variables of the dashboard's process; tests that need some have a fixture of the same name."""
    return {}


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture
def dashboard(tmp_path: Path, environment: dict[str, str], servers: Servers) -> Iterator[Dashboard]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workspace, log = tmp_path / "workspace", tmp_path / "server.log"
    Workspace(workspace).tour_ended.touch()
    variables = {"SAFEMIL_WORKSPACE": str(workspace), "SAFEMIL_SPARE_WORKER_S": "0", **environment}
    with servers.dashboard(port, variables, log):
        _wait_until_up(f"http://127.0.0.1:{port}", log)
        yield Dashboard(url=f"http://127.0.0.1:{port}", workspace=workspace)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window that knows nothing of the ones before it; the test fails if it asks any other host for anything."""
    window = browser.new_page(viewport={"width": 1440, "height": 1000})
    window.set_default_timeout(PATIENCE_MS)
    foreign: list[str] = []
    window.on("request", lambda r: foreign.append(r.url) if not _is_local(r.url) else None)
    yield window
    window.context.close()
    assert not foreign, f"requests left this machine: {foreign}"


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def _wait_until_up(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}", pytrace=False)
