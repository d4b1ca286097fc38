"""All that `safemil bench` measures, in its order."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

from safemil_core.bench import comparisons, examples
from safemil_core.bench.rounds import processes
from safemil_core.bench.rows import Row, window_name
from safemil_core.bench.workloads import WHOLE, Workload
from safemil_core.errors import InvalidConfig, NotFound
from safemil_core.running.provenance import provenance

Devices = Literal["cpu", "cuda", "all"]
LONG_STEPS = 1_000
"""Of the longer trajectories on which whole ones are measured too."""
FAR_STEPS = 20_000
"""Of trajectories that together are larger than the host's caches."""
AUC_S = 60.0
"""That the reference has for learning."""


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    devices: Devices = "all"
    bag_sizes: Sequence[int] = (1, 16, 64, 128, 256)
    windows: Sequence[int] = (1, 10, WHOLE)
    hidden: Sequence[int] = (64, 256)
    seconds: float = 6.0
    """For each comparison: as long as contestants take turns."""
    has_policy: bool = True
    has_auc: bool = True
    has_profile: bool = False
    d3rlpy_python: str | None = None
    """The Python of an environment with d3rlpy; this one if it has it."""

    @property
    def cells(self) -> list[tuple[int, int, int]]:
        """K, H and the hidden width of each comparison of cost updates."""
        return list(product(self.bag_sizes, self.windows, self.hidden))


@dataclass(frozen=True)
class Measured:
    """What came out."""

    rows: list[Row]
    about: dict[str, str]
    """What it was measured with: machine, load of others, torch, threads and, where there is one, gpu."""
    profiles: dict[str, str]
    """By device, where asked for."""


def measure(plan: Plan, on_step: Callable[[str], None] = lambda _: None) -> Measured:
    """Measure all of a plan.

    Args:
        plan: what.
        on_step: told, in a few words, what is measured next.

    Raises:
        InvalidConfig: there is no CUDA device, and it was asked for.
        NotFound: the Python that was named has no d3rlpy.
        OutOfRoom: there is too little memory.
    """
    load = os.getloadavg()[0]  # before our own processes begin
    with tempfile.TemporaryDirectory() as folder, processes(_pythons(plan)) as running:
        about, rows, profiles = {"load": f"{load:.1f}", **_about(running)}, [], {}
        for device in _devices(plan, has_cuda="gpu" in about):
            common = Workload("cost", examples.write_noise(Path(folder) / device / "noise"), device)
            for step, compare in _steps(plan, running, common):
                on_step(f"{device}: {step}")
                rows += compare()
            if plan.has_profile:
                on_step(f"{device}: profile")
                profiles[device] = comparisons.profile(running, common)
    return Measured(rows, about, profiles)


def _steps(
    plan: Plan, running: comparisons.Processes, common: Workload
) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """What is measured on a device: a few words, and how. Data come to lie beside those of the common workload."""
    seconds, folder = plan.seconds, Path(common.data).parent
    for bag_size, window, hidden in plan.cells:
        work = replace(common, bag_size=bag_size, window=window, hidden=hidden)
        yield f"cost update, {_named(work)}", partial(comparisons.cost_updates, running, work, seconds)
    if WHOLE in plan.windows:
        longer = replace(common, window=WHOLE, data=examples.write_noise(folder / "longer", LONG_STEPS))
        name = f"cost update, {_named(longer)}, trajectories of {LONG_STEPS} steps"
        yield name, partial(comparisons.cost_updates, running, longer, seconds)
    name = f"default cost update, {_named(common)}"
    yield name, lambda: [comparisons.default_updates(running, common, seconds)]
    if common.device != "cpu":
        far = replace(common, data=examples.write_noise(folder / "far", FAR_STEPS))
        name = f"cost update from the host, {_named(far)}"
        yield name, lambda: [comparisons.fetched_updates(running, far, seconds)]
    if plan.has_policy:
        name = f"alternating update, {_named(common)}"
        yield name, partial(comparisons.alternating_updates, running, common, seconds)
        yield "cloning update", partial(comparisons.cloning_updates, running, common, seconds)
    if plan.has_auc and examples.BUNDLED.exists():
        data = examples.write_bundled(folder / "bundled")
        yield "time to AUC", lambda: [comparisons.time_to_auc(running, data, common.device, AUC_S)]


def _pythons(plan: Plan) -> dict[str, str]:
    """The Python that runs each kind of contestant."""
    kinds = ["reference", "engine", "products", *(["plain_cloning"] if plan.has_policy else [])]
    pythons = dict.fromkeys(kinds, sys.executable)
    d3rlpy = plan.d3rlpy_python or sys.executable
    if plan.has_policy and _has_d3rlpy(d3rlpy):
        return pythons | {"d3rlpy_cloning": d3rlpy}
    if plan.has_policy and plan.d3rlpy_python:
        raise NotFound(f"{d3rlpy} has no d3rlpy; `make bench` makes an environment that has it")
    return pythons


def _has_d3rlpy(python: str) -> bool:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('d3rlpy') is None)"
    return subprocess.run([python, "-c", code]).returncode == 0


def _about(running: comparisons.Processes) -> dict[str, str]:
    found = {name: str(value) for name, value in running["reference"].ask("about").items() if value}
    return {"machine": provenance("cpu").machine, **found}


def _devices(plan: Plan, *, has_cuda: bool) -> list[str]:
    if plan.devices == "cuda" and not has_cuda:
        raise InvalidConfig("there is no CUDA device here; measure with --device cpu")
    devices = {"cpu": ["cpu"], "cuda": ["cuda"], "all": ["cpu", "cuda"] if has_cuda else ["cpu"]}
    return devices[plan.devices]


def _named(work: Workload) -> str:
    return f"K = {work.bag_size}, H = {window_name(work)}, hidden {work.hidden}"
