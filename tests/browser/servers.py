"""Dashboards for tests, each in a process of its own that begins with its libraries imported.

Importing them takes as long as many a test. So one process, this file run as a script, imports them and forks off
itself whatever dashboard is asked for; the dashboard's own code each imports for itself, as `streamlit run` has it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LIBRARIES = (
    *("torch", "captum.attr", "scipy.stats", "pandas", "pydantic", "sqlalchemy", "gymnasium"),
    *("plotly.graph_objects", "plotly.io", "streamlit.web.cli"),
)
"""None begins a thread when it is imported: a fork would lack it."""


class Servers:
    """The process that has the libraries."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.browser.servers"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)

    @contextmanager
    def dashboard(self, port: int, environment: dict[str, str], log: Path) -> Iterator[None]:
        """Serve one there, with these variables besides; what it prints is in the log."""
        pid = self._ask({"port": port, "environment": environment, "log": str(log)})
        try:
            yield
        finally:
            self._ask({"end": pid})

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=10)

    def _ask(self, request: dict[str, object]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


def _answer_requests() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "end" in request:
            os.kill(request["end"], signal.SIGTERM)
            print(*os.waitpid(request["end"], 0)[:1], flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            _become_dashboard(**request)


def _become_dashboard(port: int, environment: dict[str, str], log: str) -> None:
    from streamlit.web.cli import main

    os.environ |= environment
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(opened, stream)
    sys.argv = ["streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    try:
        main()
    finally:
        os._exit(0)  # the requests that may follow are not for this process


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    _answer_requests()
