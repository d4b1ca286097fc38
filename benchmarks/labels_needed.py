"""How many judgements until the learned cost is good, and how many bad trajectories they find, by the order of looking.

    python benchmarks/labels_needed.py                  # the bundled dataset as it is: 42 % unsafe
    python benchmarks/labels_needed.py --unsafe 30      # only 30 of its unsafe trajectories: few are bad

A labeller is simulated who looks at trajectories in the queue's order and calls those non-preferred whose true cost,
which nothing else sees, is above 60: hardly any lies between 5 and 60, so that no two that are nearly equal are told
apart. Every order begins alike: at random, until the first non-preferred one is found. From then on, and after every
ten judgements, cost networks learn anew from the marks so far. The ROC AUC is that of a step's learned cost against
its true cost, over all steps, averaged over three networks: one alone jumps by 0.1 from training to training.
One process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import h5py
import numpy as np
import torch

from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.assessment.review_queue import ORDERS, Order, random_order, review_queue
from safemil_core.bench.examples import BUNDLED
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.trajectories import TrajectorySet, sum_by_trajectory
from safemil_core.learning.arithmetic import prepare_process
from safemil_core.learning.committee import QUICK, train_committee
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.refit import refit_cost
from safemil_core.learning.training_data import TrainingData
from safemil_core.workspace import Workspace

UNSAFE = 60.0
"""True cost of a trajectory above which the labeller calls it non-preferred."""
EVERY = 10
"""Judgements between two trainings."""
N_NETWORKS = 3
FIRST_SEED = 100
"""Seeds from 0 served to try orders out; what is reported comes from others."""
COMPARED: tuple[Order, ...] = tuple(order for order in ORDERS if order != "number")
BY_LABELS: tuple[Order, ...] = ("near a marked one", "unlike all marked")
"""Orders that the page makes anew with every label; the others wait for a training."""


@dataclass(frozen=True)
class Problem:
    """A dataset whose truth is known to the labeller alone."""

    trajectories: TrajectorySet
    descriptors: np.ndarray
    is_unsafe: np.ndarray
    """[N] bool."""


@dataclass(frozen=True)
class Learned:
    """What networks make of the marks so far."""

    auc: float
    costs: np.ndarray
    """[N] of the trajectories."""


@dataclass(frozen=True)
class Curve:
    """How one labeller fared."""

    order: Order
    seed: int
    judgements: tuple[int, ...]
    aucs: tuple[float, ...]
    n_found: int
    """Non-preferred ones at the end."""

    def needed(self, auc: float) -> float:
        """Judgements after which the AUC is reached for good; infinite where it is not."""
        below = [n for n, found in zip(self.judgements, self.aucs, strict=True) if found < auc]
        return min((n for n in self.judgements if not below or n > below[-1]), default=float("inf"))


def problem(folder: Path, n_unsafe: int | None) -> Problem:
    """The bundled dataset, with all of its unsafe trajectories or so many, drawn at random."""
    workspace = Workspace(folder)
    store = DatasetStore.of(workspace)
    path = BUNDLED
    if n_unsafe is not None:
        path = folder / "few.hdf5"
        _write_few(path, n_unsafe)
    store.add(path, name="cars")
    trajectories = store.open("cars")
    true_costs = trajectories.true_costs()
    assert true_costs is not None
    return Problem(trajectories, describe(store.table("cars")), true_costs > UNSAFE)


def _write_few(path: Path, n_unsafe: int) -> None:
    with h5py.File(BUNDLED) as source, h5py.File(path, "w") as few:
        ends = np.flatnonzero(source["timeouts"][:])
        owner = np.searchsorted(ends, np.arange(len(source["costs"])))
        is_unsafe = np.bincount(owner, weights=source["costs"][:]) > UNSAFE
        kept = np.random.default_rng(0).permutation(np.flatnonzero(is_unsafe))[:n_unsafe]
        is_step_kept = (~is_unsafe | np.isin(np.arange(len(ends)), kept))[owner]
        for name, rows in source.items():
            few[name] = rows[:][is_step_kept]


def simulate(problem: Problem, order: Order, seed: int, n_judgements: int) -> Curve:
    """One labeller at work."""
    labels = np.full(len(problem.trajectories), "none", dtype="U13")
    queue = iter(random_order(len(labels), seed).tolist())
    aucs: dict[int, float] = {}
    learned = None
    for n in range(1, n_judgements + 1):
        trajectory = next(queue)
        labels[trajectory] = "non_preferred" if problem.is_unsafe[trajectory] else "preferred"
        if not (labels == "non_preferred").any():
            aucs |= {n: 0.5} if n % EVERY == 0 else {}
            continue
        is_time = n % EVERY == 0 or learned is None
        if is_time:
            learned = learn(problem, labels, seed)
        if n % EVERY == 0:
            aucs[n] = learned.auc
        if is_time or order in BY_LABELS:
            queue = _queue(problem, labels, order, seed, learned)
    return Curve(order, seed, tuple(aucs), tuple(aucs.values()), int((labels == "non_preferred").sum()))


def learn(problem: Problem, labels: np.ndarray, seed: int) -> Learned:
    """Train networks on these labels."""
    trajectories = problem.trajectories
    data = TrainingData.of(trajectories, labels, torch.device("cpu"))
    configs = [RunConfig(cost=QUICK, seed=seed * N_NETWORKS + network) for network in range(N_NETWORKS)]
    costs = [score_steps(refit_cost(data, config), data).mean for config in configs]
    aucs = [_auc(problem, of) for of in costs]
    return Learned(mean(aucs), sum_by_trajectory(np.mean(costs, axis=0), trajectories.offsets))


def _auc(problem: Problem, costs: np.ndarray) -> float:
    """Of learned costs [sum T], over all steps."""
    true_costs = problem.trajectories.costs
    assert true_costs is not None
    auc = roc_auc(costs, true_costs > 0)
    assert auc is not None  # an unsafe trajectory was marked, which has costly steps, and no trajectory has only these
    return auc


def _queue(problem: Problem, labels: np.ndarray, order: Order, seed: int, learned: Learned) -> Iterator[int]:
    disagreement = None
    if order == "disagreement":
        data = TrainingData.of(problem.trajectories, labels, torch.device("cpu"))
        disagreement = train_committee(data, seed=seed).disagreement
    items = review_queue(
        order,
        labels=labels,
        descriptors=problem.descriptors,
        learned_cost=learned.costs,
        disagreement=disagreement,
        seed=seed,
    )
    return iter([item.trajectory for item in items])


def main() -> None:
    """Print every labeller as it ends, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--judgements", type=int, default=60)
    parser.add_argument("--auc", type=float, default=0.9)
    parser.add_argument("--unsafe", type=int, help="how many of the 150 unsafe trajectories to keep; all, if not given")
    parser.add_argument("--orders", nargs="+", choices=COMPARED, default=COMPARED)
    options = parser.parse_args()
    prepare_process()
    started = time.process_time()
    curves = []
    with tempfile.TemporaryDirectory() as folder:
        cars = problem(Path(folder), options.unsafe)
        for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
            for order in options.orders:
                curves.append(simulate(cars, order, seed, options.judgements))
                print(_row(curves[-1]), flush=True)
    print(f"\n{cars.is_unsafe.sum()} of {len(cars.is_unsafe)} trajectories are unsafe.\n")
    _print_table(curves, options.auc)
    print(f"\n{time.process_time() - started:.0f} s of processor time")


def _row(curve: Curve) -> str:
    points = zip(curve.judgements, curve.aucs, strict=True)
    return f"{curve.order}, seed {curve.seed}: " + ", ".join(f"{n}: {auc:.3f}" for n, auc in points)


def _print_table(curves: list[Curve], auc: float) -> None:
    """Medians over the seeds, and in brackets the least and the most."""
    measured = curves[0].judgements
    half, end = measured[len(measured) // 2 - 1], measured[-1]
    print(f"| order | judgements for AUC {auc:.2f} | reached | AUC after {half} | after {end} | non-preferred found |")
    print("|---|---|---|---|---|---|")
    for order in dict.fromkeys(curve.order for curve in curves):
        of = [curve for curve in curves if curve.order == order]
        needed = [curve.needed(auc) for curve in of]
        n_reached = sum(np.isfinite(needed))
        cells = [
            f"{median(needed):.0f}" if np.isfinite(median(needed)) else "not reached",
            f"{n_reached} of {len(of)}",
            *(_spread([dict(zip(c.judgements, c.aucs, strict=True))[n] for c in of], ".3f") for n in (half, end)),
            _spread([float(curve.n_found) for curve in of], ".0f"),
        ]
        print(f"| {order} | " + " | ".join(cells) + " |")


def _spread(values: list[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
