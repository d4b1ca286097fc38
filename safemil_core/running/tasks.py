"""Tasks that begin at once, each in a process of its own: started, watched and stopped. One of a kind and subject at a
time; its folder holds its progress, its log and what it gives.

Trainings wait in a queue instead (`running.jobs`). `running.pipeline`, which does the work, is not imported here, so
that pages can do without torch.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, get_args

from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import NotReady
from safemil_core.running.intakes import Intake, IntakeRequest, IntakeStore
from safemil_core.running.processes import start_process
from safemil_core.running.progress import Progress, find_progress, is_alive, write_progress
from safemil_core.running.requirements import require_learnable
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.running.sweeps.sweep_folder import Sweep, SweepStore
from safemil_core.workspace import Workspace, file_lock, whole_file

RunTask = Literal["evaluate", "doctor", "what_if", "label_curve", "inputs", "offline"]
"""Tasks about a run; each has a folder in the run's."""
DatasetTask = Literal["replay", "committee"]
TaskName = Literal[RunTask, DatasetTask, "intake", "sweep", "interpreter"]
RUN_TASKS: tuple[RunTask, ...] = get_args(RunTask)
TASKS: tuple[TaskName, ...] = (*RUN_TASKS, *get_args(DatasetTask), "intake", "sweep", "interpreter")

PIPELINE = "safemil_core.running.pipeline"
RETRY_AFTER_S = 60.0
PATIENCE_S = 10.0
"""With whoever begins or stops a task at the same moment."""
STOPPED = "stopped before it was done"
RUN_TASK_WORDS: dict[RunTask, str] = {
    "evaluate": "an evaluation",
    "doctor": "an examination",
    "what_if": "a what-if",
    "label_curve": "a label curve",
    "inputs": "a look at the inputs",
    "offline": "an offline check",
}


@dataclass(frozen=True)
class Task:
    """What is to be done, of what, and where its folder is."""

    name: TaskName
    subject: str
    """A run's id, a dataset's name, an import's id, a sweep's name or a package of simulators."""
    folder: Path

    @classmethod
    def of_run(cls, name: RunTask, run: Run) -> Self:
        """A task about a run."""
        folder = run.evaluation_file.parent if name == "evaluate" else run.folder / name
        return cls(name, run.id, folder)

    @classmethod
    def of_dataset(cls, name: DatasetTask, workspace: Workspace, dataset: DatasetInfo) -> Self:
        """A task about a dataset."""
        is_replay = name == "replay"
        folder = workspace.replays(dataset.replays) if is_replay else workspace.committee(dataset.id)
        return cls(name, dataset.name, folder)

    @classmethod
    def of_sweep(cls, sweep: Sweep) -> Self:
        """The trials of a sweep that are not done yet."""
        return cls("sweep", sweep.name, sweep.folder)

    @classmethod
    def of_interpreter(cls, interpreter: LegacyInterpreter) -> Self:
        """The setting up of an interpreter for a package of simulators."""
        package = interpreter.package
        return cls("interpreter", package, interpreter.workspace.simulators / f"{package}-setup")

    @classmethod
    def find(cls, workspace: Workspace, name: TaskName, subject: str) -> Self:
        """The task as its process knows it, by name. Raises NotFound where its subject is gone."""
        if name == "intake":
            return cls(name, subject, IntakeStore(workspace).open(subject).folder)
        if name == "sweep":
            return cls.of_sweep(SweepStore(workspace).open(subject))
        if name == "interpreter":
            return cls.of_interpreter(LegacyInterpreter(workspace, subject))
        if name == "replay" or name == "committee":
            dataset = DatasetStore.of(workspace).info(subject)
            return cls.of_dataset(name, workspace, dataset)
        return cls.of_run(name, RunStore(workspace).open(subject))

    @property
    def progress_file(self) -> Path:
        return self.folder / "progress.json"

    @property
    def progress(self) -> Progress | None:
        """How far it is or how it ended; None where it was never begun."""
        return find_progress(self.progress_file)

    @property
    def is_live(self) -> bool:
        """Whether it is at work."""
        progress = self.progress
        return progress is not None and not progress.is_finished

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else begins or stops it: two dashboards may ask at once. Raises NotReady where one goes on."""
        self.folder.mkdir(exist_ok=True)
        with file_lock(self.folder / "begin.lock", patience_s=PATIENCE_S) as is_ours:
            if not is_ours:
                raise NotReady(
                    f"another program has been starting or stopping {self.name!r} of {self.subject} for more than "
                    f"{PATIENCE_S:.0f} s; wait for it, or end it, and do this again"
                )
            yield


def start(workspace: Workspace, task: Task, *arguments: str, prepare: Callable[[], object] = lambda: None) -> Progress:
    """Have a task done.

    Args:
        workspace: where it is done.
        task: what.
        arguments: of `running.pipeline`.
        prepare: what is to be there before it begins, or to be asked; called only where it is not at work.

    Returns:
        Its progress, or that of the same task where it is at work already.

    Raises:
        NotReady: somebody else has been about to begin or stop it for `PATIENCE_S`.
    """
    with task.alone():
        progress = task.progress
        if progress is not None and not progress.is_finished:
            return progress
        prepare()
        now = time.time()
        progress = Progress("starting", started_at=now, updated_at=now)
        write_progress(task.progress_file, progress)
        start_process(workspace, task.folder / "log.txt", PIPELINE, task.name, task.subject, *arguments)
        return progress


def stop(task: Task) -> None:
    """End a task; what it gave before stays. Raises NotReady as `start`."""
    if task.progress is None:
        return
    with task.alone():
        progress = task.progress
        if progress is None or progress.is_finished:
            return
        if not progress.pid:  # its process has not said its number yet; it reads this before it begins
            write_progress(task.progress_file, replace(progress, state="stopped", message=STOPPED))
        elif is_alive(progress.pid, progress.born):
            os.kill(progress.pid, signal.SIGTERM)


def start_evaluation(
    workspace: Workspace, run: Run, episodes: int, n_videos: int, beside: Sequence[Run] = ()
) -> Progress:
    """Roll out a finished run's policies, and those of other runs beside them; render the first episodes."""
    task = Task.of_run("evaluate", run)
    others = [word for other in beside for word in ("--beside", other.id)]
    return start(workspace, task, "--episodes", str(episodes), "--videos", str(n_videos), *others)


def start_intake(workspace: Workspace, request: IntakeRequest) -> Intake:
    """Have a dataset fetched, read and checked in the background."""
    intake = IntakeStore(workspace).create(request)
    start_process(workspace, intake.folder / "log.txt", PIPELINE, "intake", intake.id)
    return intake


def start_committee(workspace: Workspace, dataset: DatasetInfo, author: str) -> Progress:
    """Have an ensemble of cost networks learn from the labels of now, for `committees.read_committee`.

    Returns:
        Like `start`.

    Raises:
        InvalidLabels, InvalidConfig: nothing can be learned from the dataset.
        NotReady: like `start`.
    """

    def check() -> None:
        labels = DatasetStore.of(workspace).labels(dataset.name)
        require_learnable(dataset, labels.current())

    return start(workspace, Task.of_dataset("committee", workspace, dataset), "--author", author, prepare=check)


def want_replays(workspace: Workspace, dataset: DatasetInfo, trajectories: list[int]) -> Progress | None:
    """Have replays of these trajectories rendered in the background, in this order, before any wished for earlier.

    Returns:
        The progress of the process that renders them; None where all are in the cache already.
    """
    missing = [t for t in trajectories if not workspace.replay(dataset.replays, t).exists()]
    if not missing:
        return None
    task = Task.of_dataset("replay", workspace, dataset)
    with whole_file(task.folder / "wanted.json", is_durable=False) as temporary:
        temporary.write_text(json.dumps(missing))
    progress = task.progress
    if progress is not None and progress.state == "failed" and time.time() - progress.updated_at < RETRY_AFTER_S:
        return progress  # it would only fail again; later, the environment may have been named or installed
    return start(workspace, task)
