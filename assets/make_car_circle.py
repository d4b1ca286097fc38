"""Make the bundled dataset: rollouts of eleven policies in Bullet-Safety-Gym's SafetyCarCircle-v0.

    uv run python assets/make_car_circle.py --out assets/car_circle.hdf5

The tool needs data that hold the whole reward-cost trade-off, so PPO is trained on ``reward - penalty * cost``
for several penalties, and both final policies and early checkpoints drive the car. Every step in the file is
a genuine simulator step. Everything is seeded; other versions of pybullet or torch give slightly other numbers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bullet_safety_gym  # noqa: F401  (registers the environments)
import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from dsrl_file import write
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

Array = npt.NDArray[np.float32]
Controller = Callable[[Array], Array]

ENV_ID = "SafetyCarCircle-v0"
DSRL_ID = "OfflineCarCircle-v0"
STEPS = 300  # length of every episode: the environment never ends one early
CIRCLE = 7.0  # radius of the rewarded circle, metres
UPDATE = 2048  # environment steps between two PPO updates (8 environments x 256)
DATA_SEED = 20_000  # trajectory k is rolled out under seed DATA_SEED + k
REFERENCE_SEED = 90_000
REFERENCE_EPISODES = 50
OBSERVATION_NAMES = ["x", "y", "vx", "vy", "sin_yaw", "cos_yaw", "yaw_rate", "circle_offset"]
OBSERVATION_SCALES = [0.1, 0.1, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1]  # observation = scale * value in SI units
ACTION_NAMES = ["throttle", "steering"]


@dataclass(frozen=True)
class Training:
    """One PPO training; a step with |x| > limit loses ``penalty`` (6 m is the task's own limit)."""

    penalty: float
    seed: int
    updates: tuple[int, ...]  # checkpoints kept, counted in PPO updates; the last ends the training
    limit: float = 6.0


TRAININGS = {
    "fast-a": Training(penalty=0.0, seed=1, updates=(12, 26, 74)),
    "safe-a": Training(penalty=2.0, seed=1, updates=(12, 36, 124)),
    "safe-b": Training(penalty=2.0, seed=2, updates=(110,), limit=5.5),
    "trade-a": Training(penalty=0.5, seed=3, updates=(80,)),
    "trade-b": Training(penalty=0.8, seed=4, updates=(80,)),
    "fast-b": Training(penalty=0.0, seed=5, updates=(50,)),
}


@dataclass(frozen=True)
class Source:
    """One policy of the dataset: a checkpoint of a training (none: uniformly random actions)."""

    name: str
    training: str | None
    updates: int
    trajectories: int
    noise: tuple[float, float] = (0.05, 0.25)  # range of the action noise's sigma, drawn per trajectory


SOURCES = [
    Source("random", None, 0, 14),
    Source("fast unsafe A", "fast-a", 74, 60),
    Source("fast unsafe B", "fast-b", 50, 55),
    Source("medium unsafe", "fast-a", 26, 20),
    Source("poor unsafe", "fast-a", 12, 15),
    Source("trade-off, penalty 0.5", "trade-a", 80, 30),
    Source("trade-off, penalty 0.8", "trade-b", 80, 20),
    Source("fast safe A", "safe-a", 124, 60),
    Source("fast safe B", "safe-b", 110, 50),
    Source("medium safe", "safe-a", 36, 25),
    Source("slow safe", "safe-a", 12, 10),
]


def features(observation: npt.ArrayLike) -> Array:
    """What the trained policies see: the observation turned into the circle's own frame.

    Driving round a circle is the same problem at every angle, but not in world coordinates; in this frame PPO
    needs 100,000 steps instead of millions. It is a function of the observation alone, so the policies are too.
    """
    o = np.asarray(observation, dtype=np.float64)
    x, y = o[0] / 0.1, o[1] / 0.1
    radius = max(float(np.hypot(x, y)), 1e-6)
    out_x, out_y = x / radius, y / radius
    run_x, run_y = out_y, -out_x  # the rewarded direction: clockwise
    sin_yaw, cos_yaw = o[4], o[5]
    return np.array(
        [
            (radius - CIRCLE) / 3.0,
            o[2] * run_x + o[3] * run_y,
            o[2] * out_x + o[3] * out_y,
            cos_yaw * run_x + sin_yaw * run_y,
            cos_yaw * out_x + sin_yaw * out_y,
            o[6] * 5.0,
            out_x**2 - out_y**2,  # the limits at x = -6 and x = 6 look alike: cosine and sine of twice the angle
            2.0 * out_x * out_y,
            abs(x) - 6.0,
            max(abs(x) - 5.0, 0.0),
        ],
        dtype=np.float32,
    )


class PenalisedCircle(gym.Wrapper[Array, Array, Any, Array]):
    """The environment as PPO is trained on it: features, and the reward less a penalty for leaving the limits."""

    def __init__(self, training: Training) -> None:
        super().__init__(gym.make(ENV_ID))
        self.training = training
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (10,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return features(observation), info

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        outside = abs(observation[0] / 0.1) > self.training.limit
        shaped = 0.2 * (float(reward) - self.training.penalty * float(outside))  # 0.2 keeps the values small
        return features(observation), shaped, terminated, truncated, info


def checkpoint(folder: Path, training: str, updates: int) -> Path:
    return folder / f"{training}-{updates}.zip"


def train(name: str, folder: Path) -> str:
    """Train one policy and save its checkpoints; a finished training in the folder is used again."""
    training = TRAININGS[name]
    if all(checkpoint(folder, name, u).exists() for u in training.updates):
        return name
    torch.set_num_threads(1)
    envs = DummyVecEnv([lambda: PenalisedCircle(training)] * 8)
    model = PPO(
        "MlpPolicy", envs, seed=training.seed, n_steps=UPDATE // 8, batch_size=256, n_epochs=8, learning_rate=1e-3,
        gamma=0.98, policy_kwargs={"net_arch": [64, 64], "log_std_init": -0.5}, device="cpu",
    )  # fmt: skip
    for updates in training.updates:
        model.learn(updates * UPDATE - model.num_timesteps, reset_num_timesteps=False)
        model.save(checkpoint(folder, name, updates))
    envs.close()
    return name


def train_all(folder: Path, workers: int) -> None:
    """Each training in a process of its own: numpy's global random state, which the simulator uses, is its own too."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for job in [pool.submit(train, name, folder) for name in TRAININGS]:
            print("trained", job.result(), flush=True)


def controller(source: Source, folder: Path, noise: float, rng: np.random.Generator) -> Controller:
    """The source's policy as a function of the observation, with Gaussian action noise, clipped to [-1, 1]."""
    if source.training is None:
        return lambda observation: rng.uniform(-1.0, 1.0, 2).astype(np.float32)
    model = PPO.load(checkpoint(folder, source.training, source.updates), device="cpu")

    def act(observation: Array) -> Array:
        mean, _ = model.predict(features(observation), deterministic=True)
        return np.clip(mean + noise * rng.standard_normal(2), -1.0, 1.0).astype(np.float32)

    return act


def reset(env: gym.Env[Array, Array], seed: int) -> Array:
    """Start the episode that belongs to the seed.

    The environment draws its start from numpy's global state and ignores the seed it is given, and the motors
    keep the last episode's command during the first simulated step: both have to be set for a repeatable start.
    """
    env.unwrapped.agent.apply_action(np.zeros(2))  # type: ignore[attr-defined]
    np.random.seed(seed)  # noqa: NPY002  (the simulator's own source of randomness)
    return np.asarray(env.reset(seed=seed)[0], dtype=np.float32)


def rollout(env: gym.Env[Array, Array], act: Controller, seed: int) -> dict[str, Array]:
    """One episode as DSRL's seven arrays."""
    rows: dict[str, list[Any]] = {"observations": [], "next_observations": [], "actions": [], "rewards": [],
                                  "costs": [], "terminals": [], "timeouts": []}  # fmt: skip
    observation, done = reset(env, seed), False
    while not done:
        action = act(observation)
        following, reward, terminated, truncated, info = env.step(action)
        following = np.asarray(following, dtype=np.float32)
        step = (observation, following, action, reward, info["cost"], terminated, truncated)
        for column, value in zip(rows.values(), step, strict=True):
            column.append(value)
        observation, done = following, terminated or truncated
    return {name: np.asarray(column, dtype=np.float32) for name, column in rows.items()}


def reference(env: gym.Env[Array, Array], source: Source, folder: Path) -> tuple[float, float]:
    """Mean return and cost of a policy without noise, over fresh episodes."""
    act = controller(source, folder, 0.0, np.random.default_rng(REFERENCE_SEED))
    runs = [rollout(env, act, REFERENCE_SEED + k) for k in range(REFERENCE_EPISODES)]
    return float(np.mean([r["rewards"].sum() for r in runs])), float(np.mean([r["costs"].sum() for r in runs]))


def collect(env: gym.Env[Array, Array], folder: Path) -> tuple[list[int], list[dict[str, Array]]]:
    """All trajectories, in an order that does not tell the policy."""
    order = np.repeat(np.arange(len(SOURCES)), [s.trajectories for s in SOURCES])
    np.random.default_rng(DATA_SEED).shuffle(order)
    runs = []
    for k, index in enumerate(order):
        rng = np.random.default_rng(DATA_SEED + k)
        noise = float(rng.uniform(*SOURCES[index].noise))
        runs.append(rollout(env, controller(SOURCES[index], folder, noise, rng), DATA_SEED + k))
    return [int(i) for i in order], runs


def describe(source: Source, returns: list[float], costs: list[float]) -> dict[str, Any]:
    """One entry of the ``policies`` attribute."""
    entry: dict[str, Any] = {"name": source.name, "training": "none (uniform actions)", "noise": "none"}
    if source.training is not None:
        t = TRAININGS[source.training]
        entry |= {"training": "PPO", "penalty": t.penalty, "limit": t.limit, "seed": t.seed,
                  "steps": source.updates * UPDATE, "noise": list(source.noise)}  # fmt: skip
    return entry | {"trajectories": len(returns), "return": float(np.mean(returns)), "cost": float(np.mean(costs))}


def make(out: Path, folder: Path, workers: int) -> None:
    train_all(folder, workers)
    torch.set_num_threads(1)
    env = gym.make(ENV_ID)
    env.reset()  # a precaution: the first reset saves the state that later ones restore
    order, runs = collect(env, folder)
    random_return, random_cost = reference(env, SOURCES[0], folder)
    candidates = [reference(env, s, folder) for s in SOURCES if s.name.startswith("fast safe")]
    best_return, best_cost = max(c for c in candidates if c[1] <= 1.0)
    totals = {key: [float(r[key].sum()) for r in runs] for key in ("rewards", "costs")}
    policies = []
    for index, source in enumerate(SOURCES):
        mine = [k for k, i in enumerate(order) if i == index]
        policies.append(describe(source, [totals["rewards"][k] for k in mine], [totals["costs"][k] for k in mine]))
    arrays = {key: np.concatenate([r[key] for r in runs]) for key in runs[0]}
    attributes = {
        "env_id": ENV_ID, "dsrl_id": DSRL_ID, "observation_names": OBSERVATION_NAMES,
        "observation_scales": OBSERVATION_SCALES, "action_names": ACTION_NAMES,
        "random_return": random_return, "random_cost": random_cost, "constrained_return": best_return,
        "constrained_cost": best_cost, "policies": policies, "trajectory_policies": order,
    }  # fmt: skip
    write(out, arrays, attributes)
    for p in policies:
        print(f"{p['name']:24s} {p['trajectories']:4d} return {p['return']:7.1f} cost {p['cost']:6.1f}")
    print(f"random {random_return:.1f} / {random_cost:.1f}, constrained {best_return:.1f} / {best_cost:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("car_circle.hdf5"))
    parser.add_argument("--policies", type=Path, help="keep the trained policies here, and use those already there")
    parser.add_argument("--workers", type=int, default=2, help="trainings at the same time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.policies or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        make(arguments.out, folder, arguments.workers)


if __name__ == "__main__":
    main()
