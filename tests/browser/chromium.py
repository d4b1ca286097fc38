"""Finds the browser of the tests: prints its path, or one line that says what to install (exit code 1)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ADVICE = "no Chromium was found for the browser tests: install one (Debian: apt-get install chromium) and run again"


def find_chromium() -> str | None:
    """Chromium of the system, else the one that `playwright install chromium` fetched, else None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        fetched = playwright.chromium.executable_path
    return fetched if Path(fetched).exists() else None


if __name__ == "__main__":
    path = find_chromium()
    print(path or ADVICE, file=sys.stdout if path else sys.stderr)
    sys.exit(0 if path else 1)
