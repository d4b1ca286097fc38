"""Episodes of trained policies, and replays of recorded trajectories, in worker processes that hold the simulators."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from loky import ProcessPoolExecutor

from safemil_core.assessment.environments import Simulator, Step
from safemil_core.errors import EnvironmentUnavailable

MAX_STEPS = 10_000
"""An episode that has not ended by then is cut."""


@dataclass(frozen=True)
class EpisodeTask:
    """One episode to run: all that a worker needs."""

    env_id: str
    n_observations: int
    n_actions: int
    policy: Path
    cost: Path
    """The trained networks' files."""
    seed: int
    frame_stride: int = 0
    """Render every so many steps; 0 renders nothing."""


@dataclass(frozen=True)
class Episode:
    """One episode that a policy lived through, of `T` steps."""

    seed: int
    rewards: np.ndarray
    """[T] float32."""
    costs: np.ndarray
    """[T] float32, true costs."""
    learned_costs: np.ndarray
    """[T] float32, c of each step."""
    frames: tuple[np.ndarray, ...] = ()
    """Every `frame_stride`-th step, [height, width, 3] uint8 each."""

    def __len__(self) -> int:
        return len(self.rewards)


def run_episodes(tasks: list[EpisodeTask], on_done: Callable[[int, Episode], None]) -> None:
    """Run episodes side by side, one process a core; `on_done` gets a task's position and episode as each ends.

    Raises:
        EnvironmentUnavailable: the simulator is missing, does not fit, or its process died.
    """
    with _workers(len(tasks)) as workers:
        futures: dict[Future[Episode], int] = {workers.submit(run_episode, task): i for i, task in enumerate(tasks)}
        for future in as_completed(futures):
            on_done(futures[future], future.result())


def run_episode(task: EpisodeTask) -> Episode:
    """Let a policy act from reset to the end. Call it in a worker process."""
    import torch  # only a worker needs it

    from safemil_core.learning.model_files import load_cost, load_policy

    torch.set_num_threads(1)
    policy, cost = load_policy(task.policy), load_cost(task.cost)
    simulator = Simulator(task.env_id, task.n_observations, task.n_actions)
    observations = [simulator.reset(task.seed)]
    actions: list[np.ndarray] = []
    steps: list[Step] = []
    frames: list[np.ndarray] = []
    with torch.inference_mode():
        while len(steps) < MAX_STEPS:
            if task.frame_stride and len(steps) % task.frame_stride == 0:
                frames.append(simulator.render())
            actions.append(policy(torch.from_numpy(observations[-1])).numpy())
            steps.append(simulator.step(actions[-1]))
            if steps[-1].is_last:
                break
            observations.append(steps[-1].observation)
        learned = cost(torch.from_numpy(np.stack(observations)), torch.from_numpy(np.stack(actions))).numpy()
    simulator.close()
    return Episode(
        seed=task.seed,
        rewards=np.array([step.reward for step in steps], dtype=np.float32),
        costs=np.array([step.cost for step in steps], dtype=np.float32),
        learned_costs=learned,
        frames=tuple(frames),
    )


def replay(env_id: str, observations: np.ndarray, n_actions: int, frame_stride: int) -> Iterator[np.ndarray]:
    """Frames of a recorded trajectory, observations [T, O], by placing the body where it was. Call it in a process
    of its own.

    Raises:
        EnvironmentUnavailable: the simulator is missing, or cannot be put into a recorded state.
    """
    simulator = Simulator(env_id, observations.shape[1], n_actions)
    if not simulator.can_place:
        raise EnvironmentUnavailable(f"{env_id} cannot be put into a recorded state, so there is no replay of its data")
    simulator.reset(seed=0)
    for observation in observations[::frame_stride]:
        simulator.place(observation)
        yield simulator.render()
    simulator.close()


@contextmanager
def _workers(n_tasks: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, ended whatever happens.

    Not by fork, which copies threads and simulators; and not multiprocessing's spawn, which runs the caller's main
    module once more: that may be a page or a script of the user's.
    """
    workers = ProcessPoolExecutor(max_workers=max(1, min(os.cpu_count() or 1, n_tasks)))
    try:
        yield workers
    except BrokenProcessPool:
        raise EnvironmentUnavailable("a simulator process died; look into the log, and evaluate again") from None
    finally:
        workers.shutdown(kill_workers=True)


def total(episodes: Iterable[Episode], key: str) -> np.ndarray:
    """[n] the sum of `rewards`, `costs` or `learned_costs` over each episode."""
    return np.array([float(getattr(episode, key).sum()) for episode in episodes])
