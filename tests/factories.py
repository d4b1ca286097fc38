"""Small datasets and networks that tests of several folders share. Everything is seeded."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from safemil_core.assessment.interfaces import Interface
from safemil_core.config import CostConfig, PolicyConfig, RunConfig
from safemil_core.data import formats
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.recording import Options, Part
from safemil_core.data.storage.build import Built, build
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.learning.model_files import save_cost, save_policy
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.policies import make_policy
from safemil_core.running.run_folder import Run
from safemil_core.running.runs import RunStore
from safemil_core.workspace import Workspace

CAR_CIRCLE = Path(__file__).parents[1] / "assets" / "car_circle.hdf5"
CAR = "SafetyCarCircle-v0"
CAR_SIZES = (8, 2)
CAR_INTERFACE = Interface(8, (Part(shape=(2,)),))

TINY = RunConfig(
    cost=CostConfig(hidden_sizes=(8,), bag_size=8, updates=20),
    policy=PolicyConfig(hidden_sizes=(8,), batch_size=16, updates=30),
    log_every=10,
    checkpoint_every=20,
    rescore_every=5,
)
"""Settings that train in a moment."""


def dsrl_arrays(
    lengths: tuple[int, ...] = (5, 3, 4), n_observations: int = 3, n_actions: int = 2, seed: int = 0
) -> dict[str, np.ndarray]:
    """The arrays of a valid DSRL file: the last trajectory ends by `terminals`, all others by `timeouts`."""
    rng, n = np.random.default_rng(seed), sum(lengths)
    last = np.cumsum(lengths) - 1
    timeouts, terminals = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    timeouts[last[:-1]] = True
    terminals[last[-1]] = True
    observations = rng.normal(size=(n, n_observations)).astype(np.float32)
    return {
        "observations": observations,
        "next_observations": np.roll(observations, -1, axis=0),
        "actions": rng.uniform(-1, 1, size=(n, n_actions)).astype(np.float32),
        "rewards": rng.normal(size=n).astype(np.float32),
        "costs": (rng.random(n) < 0.3).astype(np.float32),
        "terminals": terminals,
        "timeouts": timeouts,
    }


def write_dsrl(path: Path, arrays: dict[str, Any] | None = None, **attributes: Any) -> Path:
    """An HDF5 file of these arrays and attributes."""
    with h5py.File(path, "w") as file:
        for key, values in (dsrl_arrays() if arrays is None else arrays).items():
            file[key] = values
        for key, value in attributes.items():
            file.attrs[key] = value
    return path


def trajectory_set(*lengths: int, n_observations: int = 3, n_actions: int = 2, seed: int = 0) -> TrajectorySet:
    """Random trajectories of these lengths, with rewards and costs."""
    arrays = dsrl_arrays(lengths, n_observations, n_actions, seed)
    return TrajectorySet(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        **{key: arrays[key] for key in ("observations", "actions", "rewards", "costs")},
    )


def build_here(paths: Sequence[Path], options: Options, into: Path, **_: Any) -> tuple[str, Built]:
    """Like `intake.build`, but in this process, which is quicker; only for files that tests made themselves."""
    names = [formats.known(path) for path in paths]
    sources = [(path.name, formats.read(path, options, name)) for path, name in zip(paths, names, strict=True)]
    return ", ".join(dict.fromkeys(names)), build(sources, into)


def store_of(workspace: Workspace) -> DatasetStore:
    return DatasetStore.of(workspace, build_here)


def crossing_arrays(n: int = 40, length: int = 16, seed: int = 0) -> dict[str, np.ndarray]:
    """Walkers (x, y), the step is the action. Odd ones walk on over the limit x = 0.5, where every step costs 1; even
    ones turn back before it. So at x = 0.4 the unsafe action is forwards, and the safe one backwards."""
    rng = np.random.default_rng(seed)
    observations = np.zeros((n, length, 2), dtype=np.float32)
    actions = np.zeros((n, length, 1), dtype=np.float32)
    for i in range(n):
        x, heading = 0.2 * rng.random(), 1.0
        for t in range(length):
            if x > 0.35:
                heading = 1.0 if i % 2 else -1.0
            elif x < 0.05:
                heading = 1.0
            action = 0.8 * heading + 0.1 * rng.normal()
            observations[i, t] = x, rng.random()
            actions[i, t] = action
            x += 0.12 * action
    costs = (observations[..., 0] > 0.5).astype(np.float32)
    ends = np.arange(n * length) % length == length - 1
    return {
        "observations": observations.reshape(-1, 2),
        "actions": actions.reshape(-1, 1).clip(-0.99, 0.99),
        "rewards": actions.reshape(-1),
        "costs": costs.reshape(-1),
        "terminals": np.zeros(n * length, dtype=bool),
        "timeouts": ends,
    }


def add_dataset(
    workspace: Workspace,
    name: str = "walks",
    arrays: dict[str, np.ndarray] | None = None,
    env_id: str | None = None,
    **attributes: Any,
) -> DatasetInfo:
    """Import a small dataset through a file, as a user does."""
    path = write_dsrl(workspace.uploads / f"{name}.hdf5", crossing_arrays() if arrays is None else arrays, **attributes)
    info = store_of(workspace).add(path, name=name, env_id=env_id)
    path.unlink()
    return info


def new_run(
    workspace: Workspace, name: str = "walks", marked: tuple[int, ...] = (1, 3, 5, 7), config: RunConfig = TINY
) -> Run:
    """A run of a dataset with these trajectories marked, not started."""
    datasets = store_of(workspace)
    labels = datasets.labels(name)
    labels.mark(marked, "non_preferred", author="ann")
    return RunStore(workspace).create(datasets.info(name), labels, config, author="ann")


def save_untrained(folder: Path, sizes: Sizes, names: tuple[str, ...] = ("cost", "safe", "bc")) -> dict[str, Path]:
    """Networks as they are before any training, in files; of curves, all would be level."""
    cost, policy = CostConfig(network="mlp", inputs="all", hidden_sizes=(4,)), PolicyConfig(hidden_sizes=(4,))
    paths = {name: folder / f"{name}.safetensors" for name in names}
    for name, path in paths.items():
        if name == "cost":
            save_cost(path, CostNetwork(cost, sizes), cost, sizes)
        else:
            save_policy(path, make_policy(policy, sizes), policy, sizes)
    return paths


def finished_car_run(workspace: Workspace, name: str = "cars") -> Run:
    """A run on a few steps of the car's dataset that counts as trained, with untrained networks."""
    arrays = dsrl_arrays((4, 4, 4), *CAR_SIZES)
    add_dataset(workspace, name, arrays, env_id=CAR)
    run = new_run(workspace, name, marked=(0,))
    save_untrained(run.folder, Sizes(*CAR_SIZES))
    return run


def document(path: Path) -> Any:
    return json.loads(path.read_text())


def fill(path: Path) -> None:
    """Write a file until not one more byte fits on its disk."""
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as problem:
                assert problem.errno == errno.ENOSPC
