"""Stop-labelling curves of a run: asked for, and read back. Without torch: pages read them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safemil_core.assessment.label_curve import MARKS, STEP, CurvePoint, LabelCurve
from safemil_core.data.datasets import DatasetStore
from safemil_core.errors import InvalidLabels
from safemil_core.running.progress import Progress
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.tasks import Task, start
from safemil_core.workspace import Workspace, whole_file


def curve_file(run: Run) -> Path:
    """Where the curve is kept."""
    return Task.of_run("label_curve", run).folder / "curve.json"


def read_curve(run: Run) -> LabelCurve | None:
    """The last one that was made; None before the first."""
    try:
        values = json.loads(curve_file(run).read_text())
    except FileNotFoundError:
        return None
    return LabelCurve(**{**values, "points": tuple(CurvePoint(**point) for point in values["points"])})


def write_curve(run: Run, curve: LabelCurve) -> None:
    """Keep it in the place of the earlier one."""
    with whole_file(curve_file(run)) as temporary:
        temporary.write_text(json.dumps(asdict(curve)))


def start_curve(workspace: Workspace, run: Run, author: str) -> Progress:
    """Have the curve made with the labels of now and the settings of a run, for `read_curve`.

    Raises:
        InvalidLabels, InvalidConfig: nothing can be learned from the labels, or they are too few for a curve.
        NotReady: like `tasks.start`.
    """

    def check() -> None:
        datasets = DatasetStore.of(workspace)
        labels = datasets.labels(run.info.dataset).current()
        require_learnable(datasets.info(run.info.dataset), labels)
        n_marks = sum(int((labels == mark).sum()) for mark in MARKS)
        if n_marks <= STEP:
            raise InvalidLabels(f"{n_marks} trajectories are marked, too few for a curve; mark more than {STEP}")

    return start(workspace, Task.of_run("label_curve", run), "--author", author, prepare=check)
