"""A real dashboard on a port of its own and a real browser in front of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from safemil_core.workspace import Workspace
from tests.browser.chromium import ADVICE, find_chromium

REPOSITORY = Path(__file__).parents[2]
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


@pytest.fixture
def dashboard(tmp_path: Path, environment: dict[str, str]) -> Iterator[Dashboard]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    workspace, log = tmp_path / "workspace", tmp_path / "server.log"
    Workspace(workspace).tour_ended.touch()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "SAFEMIL_WORKSPACE": str(workspace), "SAFEMIL_SPARE_WORKER_S": "0", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}", server, log)
        yield Dashboard(url=f"http://127.0.0.1:{port}", workspace=workspace)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def page(chromium_path: str) -> Iterator[Page]:
    """A browser window; the test fails if the page asks any other host for anything."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        window = browser.new_page(viewport={"width": 1440, "height": 1000})
        window.set_default_timeout(PATIENCE_MS)
        foreign: list[str] = []
        window.on("request", lambda r: foreign.append(r.url) if not _is_local(r.url) else None)
        yield window
        browser.close()
    assert not foreign, f"requests left this machine: {foreign}"


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}", pytrace=False)
