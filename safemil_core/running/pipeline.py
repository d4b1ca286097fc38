"""The process of a task that begins at once: `python -m safemil_core.running.pipeline TASK SUBJECT`, where the subject
is what `Task.subject` says.

`running.tasks` starts it; trainings are done by `running.worker`. What it does are the stages; what it adds is that
however it ends, the progress file says so.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter
from safemil_core.running.failures import explained
from safemil_core.running.intakes import IntakeStore
from safemil_core.running.progress import Reports, State, begin, write_progress
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.running.sweeps.sweep_folder import SweepStore
from safemil_core.running.tasks import RUN_TASKS, STOPPED, TASKS, Task
from safemil_core.workspace import Workspace


def main(arguments: list[str] | None = None) -> int:
    """One job: what it is, and how it ended, is in its progress file."""
    parser = argparse.ArgumentParser(prog="pipeline")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("subject", help="a run's id, a dataset's name, an import's id, a sweep's name or a package")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--videos", type=int, default=0)
    parser.add_argument("--beside", action="append", default=[], help="the id of a run whose policy plays too")
    parser.add_argument("--author", default="someone")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    task = Task.find(workspace, options.task, options.subject)
    heed_stopping()
    try:
        if not _take(task):
            return 1
        _work(workspace, options)
    except SystemExit as left:
        _end(task, "stopped", str(left))
        return 1
    except Exception as problem:  # noqa: BLE001  # the outermost frame of a process: say how it ended
        with suppress(OSError):  # the disk may be full
            traceback.print_exc()
        _end(task, "failed", str(explained(problem) or f"{type(problem).__name__}: {problem}"))
        return 1
    return 0


def heed_stopping() -> None:
    """Make SIGTERM leave this process as SystemExit, so that what is open is closed on the way.

    A signal may arrive in a finalizer, whose exceptions Python prints and forgets: that one is raised again elsewhere.
    """

    def leave(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is on its way out, and has to say so
        sys.exit(STOPPED)

    def hear(forgotten: sys.UnraisableHookArgs) -> None:
        if isinstance(forgotten.exc_value, SystemExit):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            sys.__unraisablehook__(forgotten)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGALRM, leave)
    sys.unraisablehook = hear


def _take(task: Task) -> bool:
    """Say that this process does the task; not where it was stopped while this one was on its way, or another process
    is at it."""
    with task.alone():
        begun = task.progress
        if begun is not None and (begun.state == "stopped" or (begun.pid and not begun.is_finished)):
            return False
        # Who wants to stop it needs its number before torch is there, which takes seconds.
        write_progress(task.progress_file, replace(begin(0, ""), state="starting"))
        return True


def _work(workspace: Workspace, options: argparse.Namespace) -> None:
    """Each task imports its own stage alone: an import need not wait for torch."""
    if options.task in RUN_TASKS:
        _work_on(RunStore(workspace).open(options.subject), workspace, options)
    elif options.task == "committee":
        from safemil_core.running.committee_stage import ask_committee

        ask_committee(workspace, options.subject, options.author, options.device)
    elif options.task == "intake":
        from safemil_core.running.intake_stage import take_in

        take_in(workspace, IntakeStore(workspace).open(options.subject))
    elif options.task == "sweep":
        from safemil_core.running.sweeps.sweep_stage import run_sweep

        address = os.environ.get("RAY_ADDRESS") or None
        run_sweep(workspace, SweepStore(workspace).open(options.subject), address=address)
    elif options.task == "interpreter":
        _set_up(LegacyInterpreter(workspace, options.subject))
    else:
        from safemil_core.running.replay_stage import render_replays

        render_replays(workspace, options.subject)


def _work_on(run: Run, workspace: Workspace, options: argparse.Namespace) -> None:
    """A task about a run."""
    if options.task == "evaluate":
        from safemil_core.running.evaluation_stage import evaluate_run

        beside = [RunStore(workspace).open(other) for other in options.beside]
        evaluate_run(workspace, run, options.episodes, options.videos, beside=beside)
    elif options.task == "doctor":
        from safemil_core.running.doctor_stage import examine_again

        examine_again(workspace, run)
    elif options.task == "what_if":
        from safemil_core.running.what_if_stage import ask_what_if

        ask_what_if(workspace, run, options.device)
    elif options.task == "label_curve":
        from safemil_core.running.label_curve_stage import draw_label_curve

        draw_label_curve(workspace, run, options.author, options.device)
    elif options.task == "inputs":
        from safemil_core.running.inputs_stage import weigh_inputs

        weigh_inputs(workspace, run)
    else:
        from safemil_core.running.offline_stage import check_offline

        check_offline(workspace, run, options.device)


def _set_up(interpreter: LegacyInterpreter) -> None:
    reports = Reports(Task.of_interpreter(interpreter).progress_file, total=1)
    interpreter.install()
    reports.end()


def _end(task: Task, state: State, message: str) -> None:
    """Say how it ended; where it was stopped, what did the work may have said so in words of its own."""
    latest = task.progress or begin(0, "")
    if state != "stopped" or not latest.is_finished:
        write_progress(task.progress_file, replace(latest, state=state, message=message, updated_at=time.time()))


if __name__ == "__main__":
    sys.exit(main())
