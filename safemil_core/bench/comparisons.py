"""Which contestants are compared at what, and what comes out, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from safemil_core.bench.rounds import Entrant, Process, updates_per_s
from safemil_core.bench.rows import Row, What, window_name
from safemil_core.bench.workloads import Example, Workload
from safemil_core.config import RunConfig

PRECISIONS = ("float32", "bfloat16")
GOOD_AUC = 0.93
"""Per step, on the bundled dataset: about what longer training comes to as well."""
LOOK_EVERY, REFERENCE_LOOK_EVERY = 10, 50
"""Updates between two looks at the AUC."""

Processes = Mapping[str, Process]


def cost_updates(processes: Processes, workload: Workload, seconds: float) -> list[Row]:
    """The cost network's update alone; a row for each precision."""
    return [
        replace(row, pairs_per_s=row.updates_per_s * _pairs(workload))
        for row in _beside_reference(processes, replace(workload, task="cost"), seconds)
    ]


def default_updates(processes: Processes, workload: Workload, seconds: float) -> Row:
    """The update of a run with our defaults, beside the reference's of the paper's network on bags of the same size."""
    ours = replace(workload, is_default=True)
    return _one_beside("default cost update", processes, ("engine", ours), ("reference", workload), seconds)


def fetched_updates(processes: Processes, workload: Workload, seconds: float) -> Row:
    """The cost network's update from data that stay on the host, beside one from data on the device."""
    far = replace(workload, is_on_host=True)
    return _one_beside("fetched cost update", processes, ("engine", far), ("engine", workload), seconds)


def alternating_updates(processes: Processes, workload: Workload, seconds: float) -> list[Row]:
    """An update of the cost network and one of the policies; a row for each precision."""
    rows = _beside_reference(processes, replace(workload, task="alternating"), seconds)
    return [replace(row, what="alternating update", policies=workload.policies) for row in rows]


def cloning_updates(processes: Processes, workload: Workload, seconds: float) -> list[Row]:
    """Behaviour cloning of one policy, and of two side by side, beside plain loops and, where there is one, d3rlpy."""
    work = replace(workload, task="cloning")
    asked = {
        "plain": ("plain_cloning", work),
        "mixture": ("plain_cloning", replace(work, task="cloning a mixture")),
        **({"d3rlpy": ("d3rlpy_cloning", work)} if "d3rlpy_cloning" in processes else {}),
        **{f"engine {n}": ("engine", replace(work, policies=n)) for n in (1, 2)},
        **{f"products {n}": ("products", replace(work, policies=n)) for n in (1, 2)},
    }
    rates = _rates(processes, asked, seconds)
    return [
        Row(
            what="cloning update",
            device=work.device,
            precision=work.precision,
            K=None,
            H=None,
            T=_length(work),
            hidden=work.hidden,
            updates_per_s=rates[f"engine {n}"],
            reference_updates_per_s=rates["plain"],
            speedup=rates[f"engine {n}"] / rates["plain"],
            gemm_updates_per_s=rates[f"products {n}"],
            policies=n,
            mixture_loop_updates_per_s=rates["mixture"],
            d3rlpy_updates_per_s=rates.get("d3rlpy"),
        )
        for n in (1, 2)
    ]


@dataclass
class _Learner:
    """How far a contestant is that learns from the bundled dataset."""

    entrant: Entrant
    look_every: int
    most_updates: int
    most_seconds: float
    updates: int = 0
    seconds: float = 0.0
    """Of updates alone; looks do not count."""
    best: tuple[float, float] = (0.0, 0.0)
    """AUC, and the seconds after which it was seen."""
    seconds_to_good: float | None = None

    @property
    def goes_on(self) -> bool:
        return self.updates < self.most_updates and self.seconds < self.most_seconds

    def go_on(self) -> None:
        """Some updates, and a look."""
        self.seconds += self.entrant.run(self.look_every)
        self.updates += self.look_every
        auc = self.entrant.auc()
        if auc > self.best[0]:
            self.best = auc, self.seconds
        if auc >= GOOD_AUC and self.seconds_to_good is None:
            self.seconds_to_good = self.seconds


def time_to_auc(processes: Processes, data: str, device: str, seconds: float) -> Row:
    """How long from the first update to costs that are good, and to the best seen.

    The engine trains the plain network with our settings to their end, the reference with the paper's for so many
    seconds.
    """
    _forget(processes)
    ours, paper = RunConfig.plain().cost, RunConfig.paper().cost
    work = Workload("cost", data, device, bag_size=ours.bag_size, window=ours.window, hidden=ours.hidden_sizes[0])
    like_paper = replace(work, bag_size=paper.bag_size, window=paper.window, hidden=paper.hidden_sizes[0])
    engine = _Learner(Entrant.prepared(processes["engine"], work), LOOK_EVERY, ours.updates, seconds)
    plain = Entrant.prepared(processes["reference"], like_paper)
    reference = _Learner(plain, REFERENCE_LOOK_EVERY, paper.updates, seconds)
    while engine.goes_on or reference.goes_on:
        for learner in (engine, reference):
            if learner.goes_on:
                learner.go_on()
    both = (engine.seconds_to_good, reference.seconds_to_good)
    return Row(
        what="time to AUC",
        device=device,
        precision=work.precision,
        K=work.bag_size,
        H=window_name(work),
        T=_length(work),
        hidden=work.hidden,
        updates_per_s=engine.updates / engine.seconds,
        reference_updates_per_s=reference.updates / reference.seconds,
        speedup=both[1] / both[0] if both[0] and both[1] else None,
        seconds_to_auc=both[0],
        reference_seconds_to_auc=both[1],
        best_auc=engine.best[0],
        seconds_to_best_auc=engine.best[1],
        reference_best_auc=reference.best[0],
        reference_seconds_to_best_auc=reference.best[1],
    )


def profile(processes: Processes, workload: Workload, updates: int = 20) -> str:
    """What bounds the engine, as a table of the profiler."""
    _forget(processes)
    entrant = Entrant.prepared(processes["engine"], workload)
    entrant.run(updates)
    table: str = entrant.process.ask("profile", number=entrant.number, updates=updates)["table"]
    return table


def _beside_reference(processes: Processes, workload: Workload, seconds: float) -> list[Row]:
    """The engine and the products in each precision, and the reference as it is."""
    asked = {"reference": ("reference", workload)}
    for precision in PRECISIONS:
        work = replace(workload, precision=precision)
        asked |= {f"engine {precision}": ("engine", work), f"products {precision}": ("products", work)}
    rates = _rates(processes, asked, seconds)
    return [
        Row(
            what="cost update",
            device=workload.device,
            precision=precision,
            K=workload.bag_size,
            H=window_name(workload),
            T=_length(workload),
            hidden=workload.hidden,
            updates_per_s=rates[f"engine {precision}"],
            reference_updates_per_s=rates["reference"],
            speedup=rates[f"engine {precision}"] / rates["reference"],
            gemm_updates_per_s=rates[f"products {precision}"],
        )
        for precision in PRECISIONS
    ]


def _one_beside(
    what: What, processes: Processes, one: tuple[str, Workload], other: tuple[str, Workload], seconds: float
) -> Row:
    """A contestant and its workload of cost updates beside another one, as a row."""
    work = one[1]
    rates = _rates(processes, {"one": one, "other": other}, seconds)
    return Row(
        what=what,
        device=work.device,
        precision=work.precision,
        K=work.bag_size,
        H=window_name(work),
        T=_length(work),
        hidden=work.hidden,
        updates_per_s=rates["one"],
        reference_updates_per_s=rates["other"],
        speedup=rates["one"] / rates["other"],
        pairs_per_s=rates["one"] * _pairs(work),
    )


def _rates(processes: Processes, asked: Mapping[str, tuple[str, Workload]], seconds: float) -> dict[str, float]:
    """Updates a second of each contestant, given its kind of process and its workload."""
    _forget(processes)
    entrants = {name: Entrant.prepared(processes[kind], work) for name, (kind, work) in asked.items()}
    return updates_per_s(entrants, seconds)


def _forget(processes: Processes) -> None:
    for process in processes.values():
        process.ask("forget")


def _pairs(workload: Workload) -> int:
    """State-action pairs of the two bags of an update."""
    return 2 * workload.bag_size * Example.read(workload.data).steps_of(workload.window)


def _length(workload: Workload) -> int:
    return Example.read(workload.data).steps_of(0)
