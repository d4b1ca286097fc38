"""Trials on a Ray cluster: datasets and this package's own code travel through Ray, no disk is shared.

A machine that dies costs the trials that it was at, which Ray repeats elsewhere; the rows of those done are here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import safemil_core
from safemil_core.errors import InvalidConfig, NotFound
from safemil_core.running.sweeps.local_workers import ATTEMPTS
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.trials import Row, Trial


def perform_on_cluster(
    subjects: Mapping[str, Subject], trials: Sequence[Trial], address: str, on_row: Callable[[Row], None]
) -> None:
    """Do trials, one on each core of the cluster at a time; `on_row` gets the row of each as it is done.

    Args:
        subjects: the datasets by name.
        trials: to do.
        address: of the cluster, HOST:PORT or ray://HOST:PORT; `auto`: that of this machine.
        on_row: called in this thread.

    Raises:
        InvalidConfig: Ray is not installed.
        NotFound: no cluster answers there.
    """
    ray = _connected(address)
    try:
        perform = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_row)
        sent = {name: ray.put(subject) for name, subject in subjects.items()}
        waiting = {perform.remote(trial, sent[trial.dataset]): trial for trial in trials}
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting))
            trial = waiting.pop(ready)
            try:
                row = ray.get(ready)
            except ray.exceptions.RayError as problem:  # as often as it was tried
                row = Row.about(trial, failure=f"its process died {ATTEMPTS} times: {type(problem).__name__}")
            on_row(row)
    finally:
        ray.shutdown()


def _connected(address: str) -> ModuleType:
    try:
        import ray
        import ray.exceptions
    except ModuleNotFoundError:
        raise InvalidConfig("Ray is not installed; `pip install 'safemil[cluster]'`, or leave --ray out") from None
    environment = {"py_modules": [safemil_core], "env_vars": {"SAFEMIL_CORES": "1"}}
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level=logging.WARNING)
    except (ConnectionError, RuntimeError, ValueError) as problem:
        cause = str(problem).partition("\n")[0]
        raise NotFound(f"no Ray cluster answers at {address!r} ({cause}); start one with `ray start --head`") from None
    module: ModuleType = ray
    return module


def _row(trial: Trial, subject: Subject) -> Row:
    from safemil_core.running.sweeps.trial_stage import row_of  # torch is not needed where trials are handed out

    return row_of(trial, subject)
