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

from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.interfaces import Interface
from safemil_core.errors import EnvironmentUnavailable

MAX_STEPS = 10_000
"""An episode that has not ended by then is cut."""


@dataclass(frozen=True)
class EpisodeTask:
    """One episode to run: all that a worker needs."""

    env_id: str
    interface: Interface
    """Of the dataset that the networks learned from."""
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
    observations: np.ndarray
    """[T, O] float32, the numbers that the policy saw; images are left out."""
    actions: np.ndarray
    """[T, A] float32, as a dataset has them."""
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

    from safemil_core.learning.choices import spread_choices
    from safemil_core.learning.model_files import load_cost, load_policy

    torch.set_num_threads(1)
    policy, cost = load_policy(task.policy), load_cost(task.cost)
    simulator = Simulator(task.env_id, task.interface)
    observation = torch.from_numpy(simulator.reset(task.seed))
    rewards: list[float] = []
    costs: list[float] = []
    learned: list[float] = []
    observations: list[np.ndarray] = []
    actions: list[np.ndarray] = []
    frames: list[np.ndarray] = []
    with torch.inference_mode():
        while len(rewards) < MAX_STEPS:
            if task.frame_stride and len(rewards) % task.frame_stride == 0:
                frames.append(simulator.render())
            action = policy(observation).numpy()
            observations.append(observation[: task.interface.n_observations].numpy())
            actions.append(action.astype(np.float32))
            seen = spread_choices(actions[-1][None], task.interface.actions)
            learned.append(float(cost(observation, torch.from_numpy(seen[0]))))
            step = simulator.step(action)
            rewards.append(step.reward)
            costs.append(step.cost)
            if step.is_last:
                break
            observation = torch.from_numpy(step.observation)
    simulator.close()
    return Episode(
        seed=task.seed,
        rewards=np.array(rewards, dtype=np.float32),
        costs=np.array(costs, dtype=np.float32),
        learned_costs=np.array(learned, dtype=np.float32),
        observations=np.stack(observations),
        actions=np.stack(actions),
        frames=tuple(frames),
    )


def replay(env_id: str, interface: Interface, observations: np.ndarray, frame_stride: int) -> Iterator[np.ndarray]:
    """Frames of a recorded trajectory, observations [T, O], by placing the body where it was. Call it in a process
    of its own.

    Raises:
        EnvironmentUnavailable: the simulator is missing, or cannot be put into a recorded state.
    """
    simulator = Simulator(env_id, interface)
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
