"""What the doctor found of a run, as its folder keeps it. Without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.running.run_folder import Run


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
