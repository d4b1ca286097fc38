"""Workers in processes that need not import torch first: killed, starved and waited for by the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from safemil_core.workspace import Workspace

FORKS = """
import json, os, resource, sys
from pathlib import Path
import scipy.cluster.vq, scipy.stats, torch._dynamo  # what a training imports on its way, once: it takes seconds
from safemil_core.running import training_stage, worker
for line in sys.stdin:
    workspace, spare_memory = json.loads(line)
    child = os.fork()
    if child == 0:
        if spare_memory:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (used + spare_memory, used + spare_memory))
        worker.main(["--workspace", workspace])
        os._exit(0)
    print(child, flush=True)
    _, status = os.waitpid(child, 0)
    print(status, flush=True)
"""


class Workers:
    """`worker.main`, one at a time, forked from a process that has imported everything."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        )

    def start(self, workspace: Workspace, spare_memory: int | None = None) -> int:
        """The number of the process that does the next job of a workspace, in so many bytes more than it has."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(workspace.root), spare_memory]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def has_ended_well(self) -> bool:
        """Waits for its end."""
        return self._answer() == 0

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait() == 0

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()
