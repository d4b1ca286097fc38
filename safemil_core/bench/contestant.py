"""A contestant's process: `python -m safemil_core.bench.contestant KIND` does what it is asked until its input ends.

A request is a line of JSON, a method of `Contestant` and its arguments; the answer, likewise, is what that returns.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.bench.workloads import Prepared, Workload

N_PROFILED = 20
"""Rows of a profile."""

Answer = dict[str, Any]


def main(kind: str) -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    contestant = Contestant(import_module(f"safemil_core.bench.{kind}").prepare)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(contestant, request.pop("do"))(**request)
        answers.write(json.dumps(answer) + "\n")


class Contestant:
    """Workloads that are prepared, by number, in the one way of this process."""

    def __init__(self, prepare: Callable[[Workload], Prepared]) -> None:
        self._prepare = prepare
        self._prepared: list[tuple[Workload, Prepared]] = []

    def about(self) -> Answer:
        """What it computes with."""
        import torch

        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "gpu": gpu}

    def forget(self) -> Answer:
        """All workloads, and the memory that they take."""
        self._prepared.clear()
        return {}

    def prepare(self, workload: dict[str, Any]) -> Answer:
        """Get ready for a workload."""
        asked = Workload(**workload)
        self._prepared.append((asked, self._prepare(asked)))
        return {"number": len(self._prepared) - 1, "period": self._prepared[-1][1].period}

    def run(self, number: int, updates: int) -> Answer:
        """Seconds that so many updates take."""
        _, prepared = self._prepared[number]
        _finish()
        start = time.perf_counter()
        for _ in range(updates):
            prepared.update()
        _finish()
        return {"seconds": time.perf_counter() - start}

    def auc(self, number: int) -> Answer:
        """How well the costs learned so far tell costly steps from others."""
        from safemil_core.assessment.evaluation import roc_auc

        workload, prepared = self._prepared[number]
        assert prepared.costs is not None
        true_costs = np.load(Path(workload.data) / "costs.npy", allow_pickle=False)
        return {"auc": roc_auc(prepared.costs(), true_costs > 0)}

    def profile(self, number: int, updates: int) -> Answer:
        """A table of what so many updates spend their time on."""
        from torch.profiler import ProfilerActivity, profile

        workload, prepared = self._prepared[number]
        is_cuda = workload.device == "cuda"
        with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_cuda else [])]) as seen:
            for _ in range(updates):
                prepared.update()
            _finish()
        by = "self_cuda_time_total" if is_cuda else "self_cpu_time_total"
        return {"table": seen.key_averages().table(sort_by=by, row_limit=N_PROFILED, max_name_column_width=40)}


def _finish() -> None:
    """Let a GPU do what it has been given."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()


if __name__ == "__main__":
    main(sys.argv[1])
