"""What was found of a run's policies without a simulator, as one file in its folder. Without torch: pages read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from safemil_core.assessment.intervals import Interval
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task
from safemil_core.workspace import whole_file


@dataclass(frozen=True)
class OfflineCheck:
    """One policy on one kind of steps, none of which it was cloned from; means over trajectories with intervals."""

    policy: str
    steps: str
    """Which, in words."""
    n_trajectories: int
    n_steps: int
    agreement: Interval
    """See `learning.held_out_cloning.agreement`."""
    log_likelihood: Interval
    """Of a policy cloned by it from the same weights, whatever the run's own loss."""


def checks_file(run: Run) -> Path:
    """Where they lie, if they were asked for."""
    return Task.of_run("offline", run).folder / "checks.json"


def read_checks(run: Run) -> list[OfflineCheck] | None:
    """None where nobody has asked for them, or not since the policies were cloned last."""
    path = checks_file(run)
    return [OfflineCheck(**row) for row in json.loads(path.read_text())] if run.is_current(path, "bc") else None


def write_checks(run: Run, checks: Sequence[OfflineCheck]) -> None:
    """Keep them, whole or not at all."""
    with whole_file(checks_file(run)) as temporary:
        temporary.write_text(json.dumps([asdict(check) for check in checks], indent=1))
