"""Processes of our own modules, which outlive the page or command that asked for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from safemil_core.workspace import Workspace

_children: list[subprocess.Popen[bytes]] = []
"""Only to collect the exit status of our own children; losing it is harmless."""


def start_process(workspace: Workspace, log: Path, module: str, *arguments: str) -> None:
    """Run a module, `python -m module --workspace DIR arguments`; what it prints goes to the end of `log`.

    Modules are found where they are installed, never in the current folder (-P): files of anybody's may lie there.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    command = [sys.executable, "-P", "-m", module, "--workspace", str(workspace.root), *arguments]
    with log.open("ab") as output:
        _children.append(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the dashboard's terminal does not reach it
            )
        )
