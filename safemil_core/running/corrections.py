"""Runs that are to cure what was found of another: started, found again, and compared with it. Without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from safemil_core.assessment.doctor.findings import Finding
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelStore
from safemil_core.running import jobs
from safemil_core.running.comparison import final_values
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

KEY_NUMBERS = {
    "cost_loss": "loss of the cost",
    "cost_spread": "spread of c",
    "gap": "gap of the bags",
    "effective_trajectories": "effective trajectories",
    "safe_reach": "reach of the safe policy",
    "safe_return": "return of the safe policy",
    "safe_cost": "cost of the safe policy",
}
"""What tells whether a run learns and its policy moves, and what it is called."""
OF_THE_TRUTH = frozenset({"safe_return", "safe_cost"})
"""Those that some want hidden."""


@dataclass(frozen=True)
class Correction:
    """Which finding of which run a run is to cure."""

    run: str
    cause: str

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """What a run was started for; None where it is not a corrected one."""
        answers = run.info.answers
        return None if answers is None else cls(*answers.split("/", 1))

    def __str__(self) -> str:
        return f"{self.run}/{self.cause}"


def start_correction(
    workspace: Workspace, run: Run, finding: Finding, dataset: DatasetInfo, labels: LabelStore, *, author: str
) -> Run:
    """Queue the run again with the cure of a finding, beginning with new networks.

    Its labels stay, so that the cure alone makes a difference; unless the cure is another labelling: then those of now.

    Raises:
        SafeMILError: nothing can be learned from it, or the settings are of another version.
    """
    snapshot = run.info.label_snapshot if finding.settings else None
    corrected = RunStore(workspace).create(
        dataset,
        labels,
        run.config.with_values(finding.settings),
        author=author,
        label_snapshot=snapshot,
        answers=str(Correction(run.id, finding.cause)),
    )
    jobs.start_training(workspace, corrected)
    return corrected


def corrections_of(run: Run, runs: Iterable[Run]) -> dict[str, Run]:
    """Of these runs, newest first, the latest that is to cure each cause found of one."""
    found: dict[str, Run] = {}
    for other in runs:
        correction = Correction.of(other)
        if correction is not None and correction.run == run.id:
            found.setdefault(correction.cause, other)
    return found


def key_numbers(run: Run) -> dict[str, float]:
    """Each of KEY_NUMBERS that is known of the run, by its name: the mean of the last few values logged, of the
    effective trajectories the last one, and the mean of the last rollouts."""
    metrics = run.metrics()
    final = final_values(metrics)
    if "effective_trajectories" in metrics:
        weighed = metrics["effective_trajectories"].dropna()
        if len(weighed):
            final["effective_trajectories"] = float(weighed.iloc[-1])
    played = run.evaluation.get("policies", {}).get("safe", {}).get("episodes", [])
    for name, key in (("safe_reach", "reach"), ("safe_return", "return"), ("safe_cost", "cost")):
        values = [episode[key] for episode in played if key in episode]
        if values:
            final[name] = sum(values) / len(values)
    return {name: final[name] for name in KEY_NUMBERS if name in final}
