"""Make a further task's data: rollouts of its kept policies in the real simulator, in DSRL's layout.

    uv run python assets/make_tasks.py half_cheetah_velocity --out half_cheetah_velocity.hdf5

Every step in the file is a genuine simulator step. Everything is seeded; each trajectory has its own seed, so that the
number of workers changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from controllers import Controller, noisy
from dsrl_file import write
from loky import ProcessPoolExecutor
from tasks import TASKS, Source, controllers

from safemil_core.assessment.environments.making import make as make_environment

DATA_SEED = 20_000  # trajectory k is rolled out under seed DATA_SEED + k
REFERENCE_SEED = 90_000
REFERENCE_EPISODES = 50
SAFE_SHARE = 0.02  # share of its steps that may cost a policy that counts as safe
Arrays = dict[str, np.ndarray]


def rollout(env_id: str, act: Controller, seed: int, n_steps: int | None = None) -> Arrays:
    """One episode, or its first steps, as DSRL's seven arrays. In a simulator of its own: Bullet keeps motor commands
    and more from one to the next, and draws its starts from NumPy's global generator."""
    rows: dict[str, list[Any]] = {"observations": [], "next_observations": [], "actions": [], "rewards": [],
                                  "costs": [], "terminals": [], "timeouts": []}  # fmt: skip
    env = make_environment(env_id)
    np.random.seed(seed)  # noqa: NPY002
    observation, done = np.float32(env.reset(seed=seed)[0]), False
    while not done:
        action = act(observation)
        following, reward, terminated, truncated, info = env.step(action)
        following, truncated = np.float32(following), truncated or len(rows["actions"]) + 1 == n_steps
        step = (observation, following, action, reward, info["cost"], terminated, truncated and not terminated)
        for column, value in zip(rows.values(), step, strict=True):
            column.append(value)
        observation, done = following, terminated or truncated
    env.close()
    return {name: np.asarray(column, dtype=np.float32) for name, column in rows.items()}


def trajectory(name: str, n_steps: int | None, drawn: tuple[int, Source]) -> Arrays:
    """Trajectory k, of a policy."""
    k, source = drawn
    rng = np.random.default_rng(DATA_SEED + k)
    noise = float(rng.uniform(*source.noise))
    act = noisy(controllers(name).get(source.name), len(TASKS[name].action_names), noise, rng)
    return rollout(TASKS[name].env_id, act, DATA_SEED + k, n_steps)


def reference(name: str, n_steps: int | None, source: Source, k: int) -> tuple[float, float]:
    """Return and cost of a fresh episode of a policy without noise."""
    rng = np.random.default_rng(REFERENCE_SEED + k)
    act = noisy(controllers(name).get(source.name), len(TASKS[name].action_names), 0.0, rng)
    run = rollout(TASKS[name].env_id, act, REFERENCE_SEED + k, n_steps)
    return float(run["rewards"].sum()), float(run["costs"].sum())


def describe(source: Source, runs: list[Arrays]) -> dict[str, Any]:
    """One entry of the `policies` attribute."""
    origin = "{}, update {}".format(*source.origin) if isinstance(source.origin, tuple) else source.origin and "by hand"
    totals = {key: np.array([run[column].sum() for run in runs]) for key, column in
              {"return": "rewards", "cost": "costs"}.items()}  # fmt: skip
    about = {
        "name": source.name,
        "origin": origin or "none (uniform actions)",
        "noise": list(source.noise),
        "trajectories": len(runs),
    }
    return {**about, **{key: float(total.mean()) for key, total in totals.items()},
            **{f"{key}_deviation": float(total.std()) for key, total in totals.items()}}  # fmt: skip


def constrained(sources: Sequence[Source], about: Sequence[dict[str, Any]], runs: Sequence[Arrays]) -> Source:
    """The best of the policies that are safe."""
    limit = SAFE_SHARE * max(len(run["costs"]) for run in runs)
    trained = [k for k, source in enumerate(sources) if source.origin and about[k]["cost"] <= limit]
    return sources[max(trained, key=lambda k: float(about[k]["return"]))]


def make(name: str, out: Path, workers: int, share: float = 1.0, n_steps: int | None = None) -> list[dict[str, Any]]:
    """Roll out a task's policies, in an order that does not tell them; with fewer and shorter trajectories for a look.

    Returns:
        What is said of each policy.
    """
    sources = TASKS[name].sources
    counts = [max(round(share * source.trajectories), 1) for source in sources]
    order = np.repeat(np.arange(len(sources)), counts)
    np.random.default_rng(DATA_SEED).shuffle(order)
    with ProcessPoolExecutor(workers) as pool:
        drawn = [(k, sources[i]) for k, i in enumerate(order)]
        runs = list(pool.map(partial(trajectory, name, n_steps), drawn, chunksize=4))
        about = [describe(source, [runs[k] for k in np.flatnonzero(order == i)]) for i, source in enumerate(sources)]
        references = {}
        for key, source in {"random": sources[0], "constrained": constrained(sources, about, runs)}.items():
            measure = partial(reference, name, n_steps, source)
            found = np.array(list(pool.map(measure, range(max(round(share * REFERENCE_EPISODES), 1)), chunksize=4)))
            references |= {f"{key}_return": float(found[:, 0].mean()), f"{key}_cost": float(found[:, 1].mean())}
    task = TASKS[name]
    attributes = {
        "env_id": task.env_id, "observation_names": list(task.observation_names),
        "action_names": list(task.action_names), **references, "policies": about,
        "trajectory_policies": [int(i) for i in order],
    }  # fmt: skip
    write(out, {key: np.concatenate([run[key] for run in runs]) for key in runs[0]}, attributes)
    for p in about:
        print(f"{p['name']:20s} {p['trajectories']:4d} return {p['return']:8.1f} ± {p['return_deviation']:6.1f} "
              f"cost {p['cost']:6.1f} ± {p['cost_deviation']:5.1f}")  # fmt: skip
    print(references)
    return about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    make(arguments.task, arguments.out, arguments.workers)


if __name__ == "__main__":
    main()
