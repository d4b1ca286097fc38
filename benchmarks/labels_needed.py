"""How many judgements until the learned cost is good: a suggested order of looking, against a random one.

    python benchmarks/labels_needed.py [--seeds 3] [--judgements 60]

On the bundled dataset a labeller is simulated who looks at trajectories in the queue's order and calls the costliest
15 % non-preferred, the others preferred, by the true cost, which nothing else sees. After every five judgements a
cost network and an ensemble learn anew from the marks so far; printed is the per-step ROC AUC of the network against
the true cost, over all steps, and after how many judgements it first reaches --auc and stays there.
Every order begins alike: at random, until the first non-preferred one is found.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.assessment.review_queue import Order, random_order, review_queue
from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.trajectories import TrajectorySet, sum_by_trajectory
from safemil_core.learning.committee import QUICK, train_committee
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData
from safemil_core.workspace import Workspace

CAR_CIRCLE = Path(__file__).parents[1] / "assets" / "car_circle.hdf5"
COSTLIEST = 0.15
EVERY = 5
"""Judgements between two trainings."""
ORDERS: tuple[Order, ...] = (
    "random audit", "learned cost", "disagreement", "near a marked one", "unlike all marked",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A dataset whose truth is known to the labeller alone."""

    trajectories: TrajectorySet
    descriptors: np.ndarray
    is_non_preferred: np.ndarray
    """[N] bool."""

    @classmethod
    def of(cls, store: DatasetStore) -> Problem:
        trajectories, true_costs = store.open("cars"), store.open("cars").true_costs()
        assert true_costs is not None
        costliest = np.argsort(-true_costs, kind="stable")[: round(COSTLIEST * len(trajectories))]
        is_non_preferred = np.zeros(len(trajectories), dtype=bool)
        is_non_preferred[costliest] = True
        return cls(trajectories, describe(store.table("cars")), is_non_preferred)


@dataclass(frozen=True)
class Curve:
    """How one labeller fared."""

    order: Order
    seed: int
    judgements: tuple[int, ...]
    aucs: tuple[float, ...]
    n_marked: tuple[int, ...]

    def needed(self, auc: float) -> int | None:
        """Judgements after which the AUC is reached for good; None where it is not."""
        below = [n for n, found in zip(self.judgements, self.aucs, strict=True) if found < auc]
        later = [n for n in self.judgements if not below or n > below[-1]]
        return later[0] if later else None


def simulate(folder: str, order: Order, seed: int, n_judgements: int) -> Curve:
    """One labeller at work."""
    torch.set_num_threads(1)
    problem = Problem.of(_store(Path(folder)))
    labels = np.full(len(problem.trajectories), "none", dtype="U13")
    rows = []
    queue = iter(random_order(len(labels), seed).tolist())
    for n in range(1, n_judgements + 1):
        trajectory = next(queue)
        labels[trajectory] = "non_preferred" if problem.is_non_preferred[trajectory] else "preferred"
        n_marked = int((labels == "non_preferred").sum())
        if n_marked and (n % EVERY == 0):
            step_costs = _learned(problem, labels, seed)
            assert problem.trajectories.costs is not None
            rows.append((n, roc_auc(step_costs, problem.trajectories.costs > 0), n_marked))
            queue = _queue(problem, labels, order, seed, step_costs)
    judgements, aucs, marked = zip(*rows, strict=True)
    return Curve(order, seed, judgements, aucs, marked)


def _learned(problem: Problem, labels: np.ndarray, seed: int) -> np.ndarray:
    """[sum T] step costs of a network that has learned from these labels."""
    config = RunConfig(cost=QUICK, policy=PolicyConfig(hidden_sizes=(1,), updates=1), seed=seed)
    data = TrainingData.of(problem.trajectories, labels, torch.device("cpu"))
    costs: list[np.ndarray] = []
    train(
        data,
        config,
        on_metrics=lambda *_: None,
        on_checkpoint=lambda *_: None,
        should_stop=lambda: False,
        on_costs=costs.append,
    )
    return costs[0]


def _queue(problem: Problem, labels: np.ndarray, order: Order, seed: int, step_costs: np.ndarray) -> Iterator[int]:
    offsets = problem.trajectories.offsets
    disagreement = None
    if order == "disagreement":
        data = TrainingData.of(problem.trajectories, labels, torch.device("cpu"))
        disagreement = train_committee(data, seed=seed).disagreement
    items = review_queue(
        order,
        labels=labels,
        descriptors=problem.descriptors,
        learned_cost=sum_by_trajectory(step_costs, offsets),
        disagreement=disagreement,
        seed=seed,
    )
    return iter([item.trajectory for item in items])


def _store(folder: Path) -> DatasetStore:
    workspace = Workspace(folder)
    return DatasetStore(workspace, Database(workspace.database))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--judgements", type=int, default=60)
    parser.add_argument("--auc", type=float, default=0.9)
    options = parser.parse_args()
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        _store(Path(folder)).add(CAR_CIRCLE, name="cars")
        jobs = [(folder, order, seed, options.judgements) for order in ORDERS for seed in range(options.seeds)]
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
            curves = []
            for curve in pool.map(simulate, *zip(*jobs, strict=True)):
                curves.append(curve)
                print(_row(curve, options.auc), flush=True)
    _print_summary(curves, options.auc)
    print(f"\n{time.time() - started:.0f} s")


def _row(curve: Curve, auc: float) -> str:
    points = zip(curve.judgements, curve.aucs, curve.n_marked, strict=True)
    found = ", ".join(f"{n}: {a:.3f} ({m})" for n, a, m in points if n % (2 * EVERY) == 0)
    return f"{curve.order}, seed {curve.seed}: AUC (marked) after {found}; for {auc}: {curve.needed(auc)}"


def _print_summary(curves: list[Curve], auc: float) -> None:
    print(f"\n| order | judgements for AUC {auc}, by seed | AUC at the end | marked at the end |\n|---|---|---|---|")
    for order in ORDERS:
        of = [curve for curve in curves if curve.order == order]
        needed = ", ".join(str(curve.needed(auc) or "not reached") for curve in of)
        ends = ", ".join(f"{curve.aucs[-1]:.3f}" for curve in of)
        print(f"| {order} | {needed} | {ends} |", ", ".join(str(curve.n_marked[-1]) for curve in of), "|")


if __name__ == "__main__":
    main()
