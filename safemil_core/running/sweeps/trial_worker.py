"""The process of a local worker: `python -m safemil_core.running.sweeps.trial_worker --workspace DIR` reads trials, one
JSON document a line, and answers each with its row.

It ends when nobody writes to it any more: a sweep that was killed leaves no process behind.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from functools import cache
from pathlib import Path

from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import SafeMILError
from safemil_core.running.sweeps.trial_stage import perform
from safemil_core.running.sweeps.trials import Row, Trial
from safemil_core.workspace import Workspace


def main(arguments: list[str] | None = None) -> None:
    """Do trials until there are none."""
    parser = argparse.ArgumentParser(prog="trial_worker")
    parser.add_argument("--workspace", type=Path, required=True)
    workspace = Workspace(parser.parse_args(arguments).workspace)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # simulators print what is no answer
        for line in sys.stdin:
            answers.write(json.dumps(answer(workspace, Trial.of(json.loads(line))).document()) + "\n")
            answers.flush()


def answer(workspace: Workspace, trial: Trial) -> Row:
    """The row of a trial, whatever becomes of it."""
    try:
        return perform(trial, *_dataset(workspace, trial.dataset))
    except SafeMILError as problem:
        return Row.about(trial, failure=str(problem))
    except Exception as problem:  # noqa: BLE001  # the outermost frame of a trial: its row says why
        traceback.print_exc()
        return Row.about(trial, failure=f"{type(problem).__name__}: {problem}")


@cache
def _dataset(workspace: Workspace, name: str) -> tuple[DatasetInfo, TrajectorySet]:
    datasets = DatasetStore(workspace, Database(workspace.database))
    return datasets.info(name), datasets.open(name)


if __name__ == "__main__":
    main()
