"""What the doctor found of a run, as its folder keeps it. Without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.learning.unseen_costs import UnseenCosts
from safemil_core.running.run_folder import Run
from safemil_core.workspace import whole_file


def read_findings(run: Run) -> list[Finding] | None:
    """What was found, the most harmful first; None where the run has not been examined yet."""
    try:
        kept = json.loads(run.findings_file.read_text())
    except FileNotFoundError:
        return None
    return [Finding.from_json(values) for values in kept]


def write_findings(run: Run, findings: Sequence[Finding]) -> None:
    """Keep them in the place of what was found before."""
    run.write_json(str(run.findings_file.relative_to(run.folder)), [finding.as_json() for finding in findings])


def read_unseen(run: Run) -> UnseenCosts | None:
    """What the latest thorough examination of the cost network as it is now asked of others; None where there was
    none."""
    path = _unseen_file(run)
    if not run.is_current(path, "cost"):
        return None
    with np.load(path, allow_pickle=False) as kept:
        return UnseenCosts(**kept)


def write_unseen(run: Run, unseen: UnseenCosts) -> None:
    """Keep it for the examinations to come, which need not ask again."""
    with whole_file(_unseen_file(run)) as temporary, temporary.open("wb") as file:
        np.savez(file, **asdict(unseen))


def _unseen_file(run: Run) -> Path:
    return run.findings_file.with_name("unseen.npz")
