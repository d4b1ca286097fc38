"""Train the policies whose rollouts are the further tasks' data, and keep them in assets/behaviours/TASK.safetensors.

    uv run python assets/train_behaviours.py half_cheetah_velocity --scratch /tmp/behaviours

Policies are linear and found by augmented random search (V2-t of Mania, Guy and Recht 2018, arXiv 1803.07055): try
random changes of the weights both ways, move along those that paid most. On these tasks that takes minutes on one core,
twenty each for the walker.
Unsafe ones maximise the reward, safe ones what is left of it after a penalty for unsafe steps. Everything is seeded;
other versions of the simulators give other numbers.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from controllers import Controller, Linear, noisy
from safetensors.numpy import load_file, save_file
from tasks import TASKS, behaviours_file

from safemil_core.assessment.environments.making import make as make_environment

Array = npt.NDArray[np.float64]
Objective = Callable[[Array, float, dict[str, Any]], float]
"""What a step is worth in training, by the observation after it, its reward and its info."""

CHECKPOINT = 5
"""Updates from one kept policy to the next."""


@dataclass(frozen=True)
class Search:
    """How augmented random search goes on a task."""

    directions: int = 16
    kept: int = 8
    """Directions that move the weights: those that paid most, one way or the other."""
    stride: float = 0.02
    reach: float = 0.03
    """Standard deviation of the tried changes, in weights of normalised observations."""
    horizon: int = 1000
    """Steps of an episode in training."""


@dataclass(frozen=True)
class Training:
    """One search, from weights of zero: for how many updates, for what."""

    objective: Objective
    seed: int
    updates: int
    noise: float = 0.0
    """Standard deviation of the action noise in training, for policies that must bear some."""


def reward_alone(observation: Array, reward: float, info: dict[str, Any]) -> float:
    return reward


def moving_alone(observation: Array, reward: float, info: dict[str, Any]) -> float:
    """For bodies that are paid 1 for every step that they do not fall, and so would learn to stand (Mania et al.)."""
    return reward - 1.0


def slower_than(limit: float, penalty: float, worth: Objective = reward_alone) -> Objective:
    """For velocity tasks: a step loses the penalty for every m/s above the limit."""
    return lambda observation, reward, info: (
        worth(observation, reward, info) - penalty * max(info["x_velocity"] - limit, 0.0)
    )


@dataclass(frozen=True)
class Ball:
    """For BallRun: what a step loses if it is too fast (m/s), or too far from the middle (m)."""

    speed: float
    beside: float
    penalty: float = 40.0
    where: tuple[float, float] = (-np.inf, np.inf)
    """Range of x (m) in which speed counts."""

    def __call__(self, observation: Array, reward: float, info: dict[str, Any]) -> float:
        x, y = observation[:2] * 10.0
        too_fast = np.hypot(*observation[2:4]) * 5.0 > self.speed and self.where[0] < x < self.where[1]
        return reward - self.penalty * too_fast - self.penalty * (abs(y) > self.beside)


@dataclass(frozen=True)
class Plan:
    """All trainings of a task."""

    search: Search
    trainings: dict[str, Training]


PLANS = {
    "half_cheetah_velocity": Plan(
        Search(directions=8, kept=8, horizon=200),
        {
            "fast-a": Training(reward_alone, seed=1, updates=120),
            "fast-b": Training(reward_alone, seed=2, updates=120, noise=0.1),
            "safe-a": Training(slower_than(2.9, 4.0), seed=1, updates=120, noise=0.1),
            "safe-b": Training(slower_than(2.8, 4.0), seed=4, updates=120, noise=0.1),
            "edge": Training(slower_than(3.4, 4.0), seed=5, updates=120, noise=0.1),
        },
    ),
    "walker2d_velocity": Plan(
        Search(directions=32, kept=20, stride=0.03, reach=0.025),
        {
            "fast-a": Training(moving_alone, seed=1, updates=200),
            "fast-b": Training(moving_alone, seed=3, updates=200, noise=0.05),
            "safe-a": Training(slower_than(2.2, 4.0, moving_alone), seed=2, updates=200),
            "safe-b": Training(slower_than(1.9, 6.0, moving_alone), seed=5, updates=200, noise=0.05),
            "edge": Training(slower_than(2.9, 4.0, moving_alone), seed=4, updates=200),
        },
    ),
    "hopper_velocity": Plan(
        Search(directions=16, kept=8, stride=0.02, reach=0.025),
        {
            "fast-a": Training(moving_alone, seed=1, updates=200),
            "fast-b": Training(moving_alone, seed=2, updates=200, noise=0.05),
            "safe-a": Training(slower_than(0.6, 6.0, moving_alone), seed=3, updates=200),
            "safe-b": Training(slower_than(0.5, 6.0, moving_alone), seed=4, updates=200, noise=0.05),
            "edge": Training(slower_than(1.1, 2.0, moving_alone), seed=6, updates=120),
            "falls-a": Training(slower_than(0.85, 2.0, moving_alone), seed=7, updates=120),
            "falls-b": Training(slower_than(0.65, 4.0, moving_alone), seed=8, updates=120, noise=0.05),
        },
    ),
    "swimmer_velocity": Plan(
        Search(directions=8, kept=4, reach=0.02),
        {
            "fast-a": Training(reward_alone, seed=1, updates=100),
            "fast-b": Training(reward_alone, seed=2, updates=100, noise=0.1),
            "safe-a": Training(slower_than(0.2, 10.0), seed=3, updates=100),
        },
    ),
    "ball_run": Plan(
        Search(directions=8, kept=4, stride=0.05, reach=0.1),
        {
            "fast": Training(reward_alone, seed=1, updates=40),
            "safe-a": Training(Ball(speed=2.4, beside=1.9), seed=2, updates=60),
            "safe-b": Training(Ball(speed=2.2, beside=1.5, penalty=60.0), seed=3, updates=40),
            "edge": Training(Ball(speed=3.2, beside=1.9), seed=4, updates=40),
            "late": Training(Ball(speed=2.4, beside=1.9, where=(-np.inf, 3.0)), seed=5, updates=40),
            "early": Training(Ball(speed=2.4, beside=1.9, where=(4.0, np.inf)), seed=7, updates=60),
        },
    ),
}


class Statistics:
    """Running mean and standard deviation of all observations seen (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.n, self.mean, self._squares = 0, np.zeros(()), np.zeros(())

    def add(self, rows: Array) -> None:
        mean = rows.mean(axis=0)
        total, apart = self.n + len(rows), mean - self.mean
        self._squares = self._squares + ((rows - mean) ** 2).sum(axis=0) + apart**2 * self.n * len(rows) / total
        self.n, self.mean = total, self.mean + apart * len(rows) / total

    @property
    def scale(self) -> Array:
        """What has not moved yet keeps its unit."""
        deviation = np.sqrt(self._squares / self.n)
        return np.where(deviation > 1e-7, deviation, 1.0)


def episode(env: gym.Env[Any, Any], act: Controller, objective: Objective, horizon: int) -> tuple[float, list[Array]]:
    """What the objective sums to, and the observations."""
    observation, _ = env.reset()
    total, seen = 0.0, []
    for _ in range(horizon):
        seen.append(observation)
        observation, reward, terminated, truncated, info = env.step(act(observation))
        total += objective(observation, float(reward), info)
        if terminated or truncated:
            break
    return total, seen


def train(task: str, name: str, scratch: Path) -> str:
    """Search, and keep a policy every few updates; what the folder has already is not trained again."""
    file = scratch / f"{task}-{name}.safetensors"
    if file.exists():
        return name
    search, training = PLANS[task].search, PLANS[task].trainings[name]
    rng = np.random.default_rng(training.seed)
    np.random.seed(training.seed)  # noqa: NPY002  (Bullet's own source of randomness)
    env = make_environment(TASKS[task].env_id)
    env.reset(seed=training.seed)
    n, n_actions = env.observation_space.shape[0], env.action_space.shape[0]  # type: ignore[index]
    weights = np.zeros((n_actions, n + 1))  # of the normalised observations, and of a constant 1
    statistics = Statistics()
    idle = Linear(weights[:, :n], weights[:, n])
    statistics.add(np.array(episode(env, idle, training.objective, search.horizon)[1]))

    def plain(weights: Array) -> Linear:
        matrix = weights[:, :n] / statistics.scale
        return Linear(matrix, weights[:, n] - matrix @ statistics.mean)

    kept = []
    for update in range(1, training.updates + 1):
        directions = rng.standard_normal((search.directions, *weights.shape))
        totals, seen = np.zeros((search.directions, 2)), []
        for k, way in np.ndindex(totals.shape):
            tried = plain(weights + (1 - 2 * way) * search.reach * directions[k])
            acting = noisy(tried, n_actions, training.noise, rng)
            totals[k, way], rows = episode(env, acting, training.objective, search.horizon)
            seen += rows
        best = np.argsort(-totals.max(axis=1))[: search.kept]
        slopes = (totals[best, 0] - totals[best, 1]) / (search.kept * totals[best].std() + 1e-8)
        weights = weights + search.stride * np.tensordot(slopes, directions[best], axes=1)
        statistics.add(np.array(seen))
        if update % CHECKPOINT == 0:
            kept.append(plain(weights))
    env.close()
    save_file({"weights": np.array([p.weights for p in kept]), "bias": np.array([p.bias for p in kept])}, file)
    return name


def checkpoint(scratch: Path, task: str, name: str, updates: int) -> Linear:
    stored = load_file(scratch / f"{task}-{name}.safetensors")
    k = updates // CHECKPOINT - 1
    return Linear(stored["weights"][k], stored["bias"][k])


def train_all(task: str, scratch: Path, workers: int) -> None:
    """Each training in a process of its own: NumPy's global random state, which Bullet uses, is its own too."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for job in [pool.submit(train, task, name, scratch) for name in PLANS[task].trainings]:
            print("trained", job.result(), flush=True)


def keep(task: str, scratch: Path) -> None:
    """Write the chosen policies into the repository."""
    tensors = {}
    for source in TASKS[task].sources:
        if isinstance(source.origin, tuple):
            policy = checkpoint(scratch, task, *source.origin)
            tensors |= {f"{source.name}.weights": policy.weights, f"{source.name}.bias": policy.bias}
    save_file({name: tensor.astype(np.float32) for name, tensor in tensors.items()}, behaviours_file(task))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=PLANS)
    parser.add_argument("--scratch", type=Path, required=True, help="folder of the trainings; finished ones are kept")
    parser.add_argument("--workers", type=int, default=2, help="trainings at the same time")
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    train_all(arguments.task, arguments.scratch, arguments.workers)
    keep(arguments.task, arguments.scratch)


if __name__ == "__main__":
    main()
