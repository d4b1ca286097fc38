"""A sweep from its specification to the last row: which trials are to do, where they are done, how far it is."""

from __future__ import annotations

import os
from collections import Counter

from safemil_core.running.progress import OnProgress, Reports
from safemil_core.running.sweeps.cluster import perform_on_cluster
from safemil_core.running.sweeps.local_workers import perform_here
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.sweep_folder import Sweep
from safemil_core.running.sweeps.trials import Row, rows_by_trial, wanted_trials
from safemil_core.workspace import Workspace


def run_sweep(
    workspace: Workspace,
    sweep: Sweep,
    *,
    n_workers: int | None = None,
    address: str | None = None,
    on_progress: OnProgress = lambda _: None,
) -> list[Row]:
    """Do every trial of a sweep that has no row yet or has failed; those done are never done again.

    Args:
        workspace: with the datasets and the sweep.
        sweep: to do.
        n_workers: processes on this machine; one a core where None.
        address: of a Ray cluster that is to do the trials instead; `auto`: the one of this machine.
        on_progress: told as trials are done.

    Returns:
        The rows of all its trials.

    Raises:
        NotFound: a dataset is not there.
        NotReady: another process is at this sweep.
        InvalidConfig: a setting is out of its range.
        EnvironmentUnavailable: there are to be policies, and nowhere to roll them out.
    """
    trials = wanted_trials(workspace, sweep.spec)
    with sweep.alone():
        done = rows_by_trial(trials, (row for row in sweep.rows() if not row.failure))
        missing = [trial for trial in trials if trial.id not in done]
        # Before any trial, whether all that it needs is there.
        names = {trial.dataset for trial in missing}
        subjects = {name: Subject.of(workspace, name, has_policies=sweep.spec.episodes > 0) for name in names}
        n_done, place = len(trials) - len(missing), address or "cpu"
        reports = Reports(sweep.progress_file, len(trials), place, on_progress, done=n_done, every_s=0)

        def report(row: Row) -> None:
            sweep.keep(row)
            done[row.trial] = row
            reports.done(reports.latest.done + 1)

        try:
            if address is not None:
                perform_on_cluster(subjects, missing, address, report)
            elif missing:
                perform_here(workspace, missing, n_workers or os.cpu_count() or 1, sweep.log_file, report)
        except BaseException:
            reports.stop("stopped; what is done stays, and it goes on from there")
            raise
        rows = [done[trial.id] for trial in trials]
        reports.end(_failures(rows))
        return rows


def _failures(rows: list[Row]) -> str:
    """Why trials failed, the most frequent reason first; empty where none did."""
    reasons = Counter(row.failure for row in rows if row.failure)
    if not reasons:
        return ""
    ((reason, n),) = reasons.most_common(1)
    return f"{reasons.total()} of {len(rows)} trials failed, {n} of them since: {reason}"
