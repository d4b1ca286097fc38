"""The process of a local worker: `python -m safemil_core.running.sweeps.trial_worker --workspace DIR` reads trials, one
JSON document a line, and answers each with its row.

It ends when nobody writes to it any more: a sweep that was killed leaves no process behind.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import cache
from pathlib import Path

from safemil_core.errors import SafeMILError
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.trial_stage import row_of
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
            answers.write(json.dumps(_answer(workspace, Trial.of(json.loads(line))).document()) + "\n")
            answers.flush()


def _answer(workspace: Workspace, trial: Trial) -> Row:
    try:
        subject = _subject(workspace, trial.dataset, trial.episodes > 0)
    except SafeMILError as problem:
        return Row.about(trial, failure=str(problem))
    return row_of(trial, subject)


@cache
def _subject(workspace: Workspace, name: str, has_policies: bool) -> Subject:
    return Subject.of(workspace, name, has_policies=has_policies)


if __name__ == "__main__":
    main()
