"""The process of a job: `python -m safemil_core.running.pipeline train RUN`, `evaluate RUN` or `replay DATASET`.

`running.jobs` starts it. What it does are the stages; what it adds is that however it ends, the progress file says so.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetStore
from safemil_core.errors import SafeMILError
from safemil_core.running.evaluation_stage import evaluate_run
from safemil_core.running.progress import Progress, write_progress
from safemil_core.running.replay_stage import render_replays
from safemil_core.running.runs import RunStore
from safemil_core.running.training_stage import train_run
from safemil_core.workspace import Workspace


def main(arguments: list[str] | None = None) -> int:
    """One job: what it is, and how it ended, is in its progress file."""
    parser = argparse.ArgumentParser(prog="pipeline")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("task", choices=["train", "evaluate", "replay"])
    parser.add_argument("subject", help="a run, or for replays a dataset")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--videos", type=int, default=0)
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    progress_file = _progress_file(workspace, options.task, options.subject)
    try:
        if options.task == "train":
            train_run(workspace, RunStore(workspace).open(options.subject), options.device)
        elif options.task == "evaluate":
            evaluate_run(workspace, RunStore(workspace).open(options.subject), options.episodes, options.videos)
        else:
            render_replays(workspace, options.subject)
    except Exception as problem:  # noqa: BLE001  # the outermost frame of a process: say how it ended
        traceback.print_exc()
        message = str(problem) if isinstance(problem, SafeMILError) else f"{type(problem).__name__}: {problem}"
        now = time.time()
        write_progress(progress_file, Progress("failed", started_at=now, updated_at=now, message=message))
        return 1
    return 0


def _progress_file(workspace: Workspace, task: str, subject: str) -> Path:
    if task == "replay":
        dataset = DatasetStore(workspace, Database(workspace.database)).info(subject)
        return workspace.replay(dataset.id, 0).parent / "progress.json"
    folder = RunStore(workspace).open(subject).folder
    return folder / "progress.json" if task == "train" else folder / "evaluation" / "progress.json"


if __name__ == "__main__":
    sys.exit(main())
