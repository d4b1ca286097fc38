"""How fast episodes are lived through in worker processes, against the bare simulator stepped in one process; and how
long films take.

    python benchmarks/simulator_speed.py                                   # the bundled task and the velocity tasks
    python benchmarks/simulator_speed.py SafetyCarRun-v0 --rounds 5
    python benchmarks/simulator_speed.py --films                           # 3 policies x 4 filmed episodes each

Bare: the environment as gymnasium makes it, and nothing but `reset` and `step` with the actions of the very episodes
that the workers live through: no policy, nothing kept. Once in one process, and once in as many as there are cores,
which is what the machine can do. Workers: a policy of the default size, every step kept and sent here; from the end of
their first episodes on, so without starting, which is said beside it. All in turn, `--rounds` times; medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from safemil_core.assessment.environments import Environment
from safemil_core.assessment.environments.making import make
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes
from safemil_core.assessment.simulator_workers import MOST_AT_ONCE
from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.data.recording import Part
from safemil_core.learning.model_files import save_cost, save_policy
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.policies import make_policy

BODIES = ("Ant", "HalfCheetah", "Hopper", "Humanoid", "Swimmer", "Walker2d")
TASKS = ("SafetyCarCircle-v0", *(f"Safety{body}Velocity-v1" for body in BODIES))
CORES = os.cpu_count() or 1
N_WAVES = 12
BARE_S = 5.0
"""About how long the bare simulator is stepped."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", nargs="*", default=TASKS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", action="store_true")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        print(bare_rate(*options.environments, options.bare))
        return
    for environment in options.environments:
        with tempfile.TemporaryDirectory() as folder:
            measured = films(environment, Path(folder)) if options.films else speed(environment, Path(folder), options)
        print(json.dumps({"environment": environment, "cores": CORES, **measured}), flush=True)


def speed(environment: Environment, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Steps a second, and what the workers' are of the others'."""
    tasks = [_task(environment, folder, seed) for seed in range(N_WAVES * CORES * MOST_AT_ONCE)]
    rounds = []
    for _ in range(options.rounds):
        start_s, rate = worker_rate(tasks, folder / "actions.npz")
        (alone,) = bare_rates(environment, folder / "actions.npz", 1)
        rounds.append((start_s, rate, alone, sum(bare_rates(environment, folder / "actions.npz", CORES))))
    start_s, rate, alone, together = map(median, zip(*rounds, strict=True))
    return {
        "workers": round(rate),
        "bare_alone": round(alone),
        "bare_on_all_cores": round(together),
        "of_cores_times_alone": round(median(each[1] / (CORES * each[2]) for each in rounds), 3),
        "of_all_cores": round(median(each[1] / each[3] for each in rounds), 3),
        "start_s": round(start_s, 1),
    }


def worker_rate(tasks: list[EpisodeTask], actions: Path) -> tuple[float, float]:
    """Seconds until the first episodes are over, and steps a second from then on; some episodes' actions are kept."""
    began, ended, episodes = time.perf_counter(), [], {}

    def keep(position: int, episode: Episode) -> None:
        ended.append((time.perf_counter() - began, len(episode)))
        episodes[position] = episode.actions

    run_episodes(tasks, keep)
    np.savez(actions, *(episodes[position] for position in range(MOST_AT_ONCE)))
    first_s = ended[len(ended) // N_WAVES - 1][0]
    return first_s, sum(n for at, n in ended if at > first_s) / (ended[-1][0] - first_s)


def bare_rates(environment: Environment, actions: Path, n_processes: int) -> list[float]:
    """Steps a second of processes that step bare simulators at the same time."""
    command = [sys.executable, __file__, str(environment), "--bare", str(actions)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(n_processes)
    ]
    return [float(process.communicate()[0].split()[-1]) for process in running]


def bare_rate(environment: Environment, actions: Path) -> float:
    """Steps a second of the bare simulator, here."""
    env, n_steps, seed = make(environment), 0, 0
    with np.load(actions) as kept:
        episodes = list(kept.values())
    began = time.perf_counter()
    while time.perf_counter() - began < BARE_S:
        np.random.seed(seed)  # noqa: NPY002  # where Bullet draws its starts from
        env.reset(seed=seed)
        for action in episodes[seed]:
            env.step(action)
        n_steps, seed = n_steps + len(episodes[seed]), (seed + 1) % len(episodes)
    return n_steps / (time.perf_counter() - began)


def films(environment: Environment, folder: Path) -> dict[str, float]:
    """Seconds until films of three policies' first four episodes can be watched."""
    tasks = [
        _task(environment, folder / str(policy), seed, is_filmed=True)
        for policy in range(3)
        for seed in range(1000, 1004)
    ]
    began = time.perf_counter()
    run_episodes(tasks, lambda *_: None)
    taken_s = time.perf_counter() - began
    assert all(task.video and task.video.exists() for task in tasks)
    return {"films": len(tasks), "seconds": round(taken_s, 1)}


def _task(environment: Environment, folder: Path, seed: int, *, is_filmed: bool = False) -> EpisodeTask:
    """An episode of untrained networks of the default sizes, which are made where they are not there yet."""
    policy, cost = folder / "policy.safetensors", folder / "cost.safetensors"
    spaces = make(environment) if not policy.exists() else None
    if spaces is not None:
        sizes = Sizes(spaces.observation_space.shape[0], spaces.action_space.shape[0])
        save_policy(policy, make_policy(PolicyConfig(), sizes), PolicyConfig(), sizes)
        save_cost(cost, CostNetwork(CostConfig(), sizes), CostConfig(), sizes)
        (folder / "sizes.json").write_text(json.dumps([sizes.observations, sizes.actions]))
    n_observations, n_actions = json.loads((folder / "sizes.json").read_text())
    interface = Interface(n_observations, (Part(shape=(n_actions,)),))
    video = folder / f"{seed}.mp4" if is_filmed else None
    return EpisodeTask(environment, interface, policy, cost if is_filmed else None, seed, video, 4 * is_filmed)


if __name__ == "__main__":
    main()
