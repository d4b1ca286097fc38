"""A workspace as large as pages have to bear: 5,000 trajectories of 1,000 steps and 60 dimensions, two trained runs.

    python benchmarks/large_workspace.py --workspace DIR

The walks are made here and go straight into the workspace; they have four ways to behave, so that embeddings, maps and
labels have something to show. Training is short: the pages show whatever was learned.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from served import ROOT

from safemil_core.assessment.state_axes import StateAxes
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.recording import CUT_OFF, About, Part, Recording, Steps
from safemil_core.data.storage.build import Built, build
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

NAME = "walks"
N_TRAJECTORIES, N_STEPS, N_OBSERVATIONS = 5_000, 1_000, 60
N_ACTIONS = 6
N_MARKED, N_PREFERRED = 200, 100
_BLOCK = 50
"""Trajectories that are made at once."""


def walks(n: int, n_steps: int, n_observations: int) -> Recording:
    """Walks in three positions, with their velocities and sensors that follow both; unsafe far from the middle.

    A walk drifts, circles, swings or hardly moves; every tenth goes faster and farther than the others of its kind.
    """
    about = About(
        observations=(Part("state", (n_observations,)),),
        actions=(Part("push", (N_ACTIONS,)),),
        has_rewards=True,
        has_costs=True,
        n_steps=n * n_steps,
    )
    return Recording(about, (_block(first, min(_BLOCK, n - first), n_steps, n_observations) for first in _starts(n)))


def _starts(n: int) -> Iterator[int]:
    return iter(range(0, n, _BLOCK))


def _block(first: int, n: int, n_steps: int, n_observations: int) -> Steps:
    rng = np.random.default_rng(first)
    kind = np.arange(first, first + n) % 4
    speed = np.where(np.arange(first, first + n) % 10 == 0, 2.5, 1.0) * rng.uniform(0.7, 1.3, n)
    speed[kind == 3] *= 0.05
    time = np.arange(n_steps) / n_steps
    turning = np.array([1.5, 12.0, 40.0, 1.5])[kind]
    turns = rng.uniform(0, 2 * np.pi, n)[:, None] + turning[:, None] * time
    actions = rng.normal(scale=0.3, size=(n, n_steps, N_ACTIONS)).astype(np.float32)
    actions[..., 0] += np.cos(turns)
    actions[..., 1] += np.sin(turns)
    positions = np.cumsum(actions[..., :3] * speed[:, None, None], axis=1) / 300
    mixing = np.random.default_rng(7).normal(size=(3 + N_ACTIONS, n_observations - 3)) / 3
    sensors = np.concatenate([positions, actions], axis=2) @ mixing
    sensors += rng.normal(scale=0.05, size=sensors.shape)
    flat = n * n_steps
    return Steps(
        observations=np.concatenate([positions, sensors], axis=2).astype(np.float32).reshape(flat, n_observations),
        actions=actions.reshape(flat, N_ACTIONS),
        ends=np.where(np.arange(1, flat + 1) % n_steps, 0, CUT_OFF).astype(np.uint8),
        rewards=np.linalg.norm(actions[..., :2], axis=2).astype(np.float32).reshape(flat),
        costs=(np.abs(positions[..., 0]) > 2.0).astype(np.float32).reshape(flat),
    )


def prepare(workspace: Workspace, n: int = N_TRAJECTORIES, n_steps: int = N_STEPS, width: int = N_OBSERVATIONS) -> None:
    """Fill a workspace with the dataset, labels and two runs; what is there already stays."""

    def build_walks(_paths: Any, _options: Any, into: Path, **_: Any) -> tuple[str, Built]:
        return "made here", build([("", walks(n, n_steps, width))], into)

    datasets = DatasetStore.of(workspace, build_walks)
    if NAME not in {info.name for info in datasets.list()}:
        datasets.add(Path(NAME), name=NAME)
    info = datasets.info(NAME)
    if not (datasets.labels(NAME).current() != "none").any():
        _label(datasets, info)
    StateAxes(workspace.state_axes(info.id), datasets.open(NAME)).prepare()  # as an import by the dashboard does
    for seed in range(len(RunStore(workspace).list(info.id)), 2):
        _train(workspace, seed)


def _label(datasets: DatasetStore, info: DatasetInfo) -> None:
    """Mark some of those with the highest true cost, and prefer some of those without any."""
    costs = datasets.table(NAME)["true_cost"].to_numpy()
    order = np.argsort(-costs, kind="stable")
    labels, n = datasets.labels(NAME), min(N_MARKED, info.n_trajectories // 4)
    labels.mark(order[:n].tolist(), "non_preferred", author="benchmark", origin="example")
    labels.mark(order[-min(N_PREFERRED, n) :].tolist(), "preferred", author="benchmark", origin="example")


def _train(workspace: Workspace, seed: int) -> None:
    command = [Path(sys.executable).with_name("safemil"), "--workspace", workspace.root, "train", NAME]
    settings = ["--set", "cost.updates=300", "--set", "policy.updates=100"]
    subprocess.run([*map(str, command), "--seed", str(seed), *settings], cwd=ROOT, check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    prepare(Workspace(parser.parse_args().workspace))
