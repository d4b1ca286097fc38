"""Living through episodes, several in turn: `python -m safemil_core.assessment.episode_worker FD` does what
`rollouts.run_episodes` asks of it over the connection FD.

A policy is asked once for all of its episodes that are under way. It always sees a batch of the same size, because
with it a matrix product chooses its order of summation, and so the last bits of an action, from which an episode goes
another way.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.rollouts import Episode, EpisodeTask, task_of
from safemil_core.assessment.simulator_workers import MOST_AT_ONCE, Employer
from safemil_core.assessment.trained import Acts, Costs, trained_cost, trained_policy
from safemil_core.assessment.videos import film

MAX_STEPS = 10_000
"""An episode that has not ended by then is cut."""
SCORED_AT_ONCE = 1_024
"""Steps; so the images of a long episode need not be kept."""


def main() -> None:
    """Do tasks until there are no more."""
    with Employer(int(sys.argv[1])) as employer:
        stage = Stage(employer.say_alive)
        while True:
            for number, content in employer.tasks(is_idle=not len(stage)):
                stage.begin(number, task_of(content))
            for number, episode in stage.step():
                employer.say_done(number, episode.to_bytes())


class Stage:
    """The episodes that are under way in this process, at most `MOST_AT_ONCE`."""

    def __init__(self, say_alive: Callable[[], None] = lambda: None) -> None:
        self._say_alive = say_alive
        self._policy, self._cost = cache(trained_policy), cache(trained_cost)
        self._under_way: list[_UnderWay] = []
        self._free: list[_UnderWay] = []
        """Episodes that have ended, whose simulators can begin anew."""

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, number: int, task: EpisodeTask) -> None:
        """Set an episode up. Raises EnvironmentUnavailable like `Simulator`, NotReady for a file that is no network."""
        self._say_alive()
        before = next((each for each in self._free if each.simulator_fits(task)), None)
        if before:
            self._free.remove(before)
        policy = None if task.policy is None else self._policy(task.policy)
        cost = None if task.cost is None else self._cost(task.cost, task.interface.actions)
        self._under_way.append(_UnderWay(number, task, policy, cost, before.simulator if before else None))

    def step(self) -> list[tuple[int, Episode]]:
        """Every episode goes on by a step; gives the numbers of those that have ended with it, and what they were."""
        of_policies: dict[int, list[_UnderWay]] = {}
        for each in self._under_way:
            of_policies.setdefault(id(each.policy), []).append(each)
        for episodes in of_policies.values():
            for episode, action in zip(episodes, _actions(episodes[0].policy, episodes), strict=True):
                episode.act(action)
                self._say_alive()
        ended = [each for each in self._under_way if each.is_over]
        self._under_way = [each for each in self._under_way if not each.is_over]
        for each in ended:
            if each.simulator.resets_fully:
                self._free.append(each)
            else:
                each.simulator.close()
        return [(each.number, each.episode()) for each in ended]


class _UnderWay:
    """An episode under way."""

    def __init__(
        self, number: int, task: EpisodeTask, policy: Acts | None, cost: Costs | None, simulator: Simulator | None
    ) -> None:
        self.number, self.task, self.policy, self._cost = number, task, policy, cost
        self.is_over = False
        self._randomness, self._choices = _Randomness(task.seed), np.random.default_rng(task.seed)
        with self._randomness:
            self.simulator = simulator or Simulator(task.env_id, task.interface)
            self.observation = self.simulator.reset(task.seed)
        self._randomness.is_numpys_alone = self.simulator.resets_fully
        self._unscored: list[np.ndarray] = []
        self._learned: list[np.ndarray] = []
        self._observations: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []
        self._rewards: list[float] = []
        self._costs: list[float] = []
        self._frames: list[np.ndarray] = []

    def simulator_fits(self, task: EpisodeTask) -> bool:
        """Whether another episode can use its simulator."""
        return self.task.env_id == task.env_id and self.task.interface == task.interface

    def random_action(self) -> np.ndarray:
        """[A] what whoever has no policy does next."""
        return self.simulator.random_action(self._choices)

    def act(self, action: np.ndarray) -> None:
        """Go on by a step."""
        with self._randomness:
            if self.task.frame_stride and len(self._rewards) % self.task.frame_stride == 0:
                self._frames.append(self.simulator.render())
            step = self.simulator.step(action)
        self._observations.append(self.observation[: self.task.interface.n_observations].copy())
        self._actions.append(action.astype(np.float32))
        self._rewards.append(step.reward)
        self._costs.append(step.cost)
        self.is_over = step.is_last or len(self._rewards) == MAX_STEPS
        if self._cost is not None:
            self._unscored.append(self.observation)
            if self.is_over or len(self._unscored) == SCORED_AT_ONCE:
                self._learned.append(self._score(self._cost))
                self._unscored.clear()
        self.observation = step.observation

    def episode(self) -> Episode:
        """What it was, filmed where that was asked for."""
        n_steps = len(self._rewards)
        episode = Episode(
            seed=self.task.seed,
            rewards=np.array(self._rewards, dtype=np.float32),
            costs=np.array(self._costs, dtype=np.float32),
            learned_costs=np.concatenate(self._learned) if self._learned else np.zeros(n_steps, dtype=np.float32),
            observations=np.array(self._observations),
            actions=np.array(self._actions),
        )
        if self.task.video:
            film(self.task.video, episode, self._frames, self.task.frame_stride)
        return episode

    def _score(self, cost: Costs) -> np.ndarray:
        """[n] float32, c of the steps that have none yet."""
        return cost(np.array(self._unscored), np.array(self._actions[-len(self._unscored) :]))


def _actions(policy: Acts | None, episodes: Sequence[_UnderWay]) -> Sequence[np.ndarray]:
    """[A] what each episode is to do next."""
    if policy is None:
        return [each.random_action() for each in episodes]
    seen = np.zeros((MOST_AT_ONCE, len(episodes[0].observation)), dtype=np.float32)
    for row, each in zip(seen, episodes, strict=False):
        row[:] = each.observation
    return list(policy(seen)[: len(episodes)])


class _Randomness:
    """The global generators of NumPy and Python, as one episode has them while it is entered: simulators draw from
    them, and what they draw must not depend on the other episodes of this process."""

    def __init__(self, seed: int) -> None:
        self.is_numpys_alone = False
        """Bullet's and MuJoCo's tasks draw from NumPy's, which takes no time to set; Python's takes 12 us."""
        self._own, self._own_python = np.random.MT19937(seed), random.Random(seed).getstate()  # noqa: S311

    def __enter__(self) -> None:
        self._others = get_bit_generator()
        set_bit_generator(self._own)
        if not self.is_numpys_alone:
            self._others_python = random.getstate()
            random.setstate(self._own_python)

    def __exit__(self, *_: object) -> None:
        set_bit_generator(self._others)
        if not self.is_numpys_alone:
            self._own_python = random.getstate()
            random.setstate(self._others_python)


if __name__ == "__main__":
    main()
