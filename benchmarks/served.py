"""What benchmarks of pages share: a real dashboard on a port of its own, and a real browser window in front of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tests.browser.chromium import ADVICE, find_chromium  # noqa: E402


@dataclass(frozen=True)
class Server:
    """A dashboard that is up."""

    url: str
    pid: int


@contextmanager
def served(workspace: Path) -> Iterator[Server]:
    """A dashboard that serves this workspace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    environment = {**os.environ, "SAFEMIL_WORKSPACE": str(workspace)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield Server(f"http://127.0.0.1:{port}", server.pid)
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def window() -> Iterator[Page]:
    """A browser window."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": 1440, "height": 1000})
        browser.close()


@contextmanager
def dashboard(workspace: Path) -> Iterator[tuple[Page, str]]:
    """A browser window and the address of a dashboard that serves this workspace."""
    with served(workspace) as server, window() as page:
        yield page, server.url
