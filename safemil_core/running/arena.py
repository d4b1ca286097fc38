"""Where policies play: their episodes come from the simulator, or from the workspace where they were played before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from safemil_core.assessment.environments import Environment, dsrl_range, find_environment
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.references import References
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes, total
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running.episode_cache import EpisodeCache
from safemil_core.workspace import Workspace

FIRST_SEED = 1_000
"""Of the episodes: every policy of every run starts from the same states."""
REFERENCE_EPISODES = 10
"""Of random actions, where a dataset's file does not say what they get."""


@dataclass(frozen=True)
class Arena:
    """Where policies are rolled out, and by what their steps are scored."""

    workspace: Workspace
    """That keeps the episodes."""
    environment: Environment
    interface: Interface
    """Of the dataset that the policies learned from."""
    cost: Path | None = None
    """The cost network's file; without one, learned costs are 0."""

    @classmethod
    def of(cls, workspace: Workspace, dataset: DatasetInfo, cost: Path | None = None) -> Self:
        """The environment that a dataset comes from. Raises EnvironmentUnavailable where it names none, or it may not
        be used."""
        if dataset.env_id is None:
            raise EnvironmentUnavailable(
                f"dataset {dataset.name!r} names no environment; import its file again with --env, "
                "for example --env SafetyCarCircle-v0"
            )
        return cls(workspace, find_environment(workspace, dataset.env_id), Interface.of(dataset), cost)

    def cache(self, policy: Path | None) -> EpisodeCache:
        """The episodes of a policy, which other runs may have asked for."""
        return EpisodeCache(self.workspace, str(self.environment), policy, self.cost if self.interface.images else None)


@dataclass(frozen=True)
class Filming:
    """Which episodes are rendered."""

    seeds: Sequence[int] = ()
    stride: int = 1
    """Steps between two frames."""


def evaluate_policies(
    arena: Arena,
    policies: Mapping[str, Path | None],
    seeds: Sequence[int],
    *,
    filming: Filming = Filming(),
    n_workers: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Episode]]:
    """Let policies play from the same starts, equal ones together. Each episode is kept in the workspace as soon as it
    ends, and one that is there is not played again: what was interrupted goes on where it was. Files that are replaced
    meanwhile, as by a training that goes on, change nothing.

    Args:
        arena: where.
        policies: their files, by any names; None acts at random.
        seeds: of the starts.
        filming: which of them are rendered; the films are `EpisodeCache.film`.
        n_workers: simulator processes; None: one a core.
        on_done: told how many episodes are there, first those that were kept.

    Returns:
        For each name its episodes, in the order of the seeds.

    Raises:
        EnvironmentUnavailable: the simulator is missing, does not fit, or died several times.
        NotReady: a file holds no policy.
    """
    with arena.workspace.aside(arena.workspace.runs) as folder:
        arena, policies = _copied(arena, policies, folder)
        return _play(arena, policies, seeds, filming, n_workers, on_done)


def _copied(arena: Arena, policies: Mapping[str, Path | None], folder: Path) -> tuple[Arena, Mapping[str, Path | None]]:
    """The same, with the networks' files as they are now."""

    def copied(file: Path | None, name: str) -> Path | None:
        return None if file is None else Path(shutil.copyfile(file, folder / name))

    files = enumerate(policies.values())
    copies = dict(zip(policies, (copied(file, str(number)) for number, file in files), strict=True))
    return replace(arena, cost=copied(arena.cost, "cost")), copies


def _play(
    arena: Arena,
    policies: Mapping[str, Path | None],
    seeds: Sequence[int],
    filming: Filming,
    n_workers: int | None,
    on_done: Callable[[int], None],
) -> dict[str, list[Episode]]:
    """What `evaluate_policies` gives."""
    caches = {name: arena.cache(policy) for name, policy in policies.items()}
    players = {cache.folder: name for name, cache in caches.items()}
    done: dict[Path, dict[int, Episode]] = {folder: {} for folder in players}
    wanted: list[tuple[str, int]] = []
    for seed in seeds:
        for folder, name in players.items():
            kept = caches[name].read(seed)
            if kept is None or (seed in filming.seeds and not caches[name].film(seed, arena.cost).exists()):
                wanted.append((name, seed))
            else:
                done[folder][seed] = kept

    def keep(position: int, episode: Episode) -> None:
        name, seed = wanted[position]
        caches[name].write(episode)
        done[caches[name].folder][seed] = episode
        report()

    def report() -> None:
        on_done(sum(len(done[cache.folder]) for cache in caches.values()))

    report()
    if wanted:
        run_episodes([_task(arena, policies[name], seed, filming) for name, seed in wanted], keep, n_workers=n_workers)
    scored = {folder: _scored([played[seed] for seed in seeds], arena) for folder, played in done.items()}
    return {name: scored[cache.folder] for name, cache in caches.items()}


def references_of(workspace: Workspace, dataset: DatasetInfo) -> References:
    """What a dataset's returns and costs are measured in; random actions are rolled out where its file does not say
    what they get. Raises EnvironmentUnavailable like `evaluate_policies`."""
    known, arena = dataset.references, Arena.of(workspace, dataset)
    constrained = _reference(known, "constrained")
    random = _reference(known, "random")
    is_measured = random is None and constrained is not None  # without the other end there is no scale
    if is_measured:
        seeds = range(FIRST_SEED, FIRST_SEED + REFERENCE_EPISODES)
        (played,) = evaluate_policies(arena, {"random": None}, seeds).values()
        random = {"return": float(total(played, "rewards").mean()), "cost": float(total(played, "costs").mean())}
    true_costs = DatasetStore.of(workspace).open(dataset.name).true_costs()
    return References(
        random=random,
        constrained=constrained,
        dsrl=dsrl_range(str(arena.environment)),
        costliest=None if true_costs is None else float(true_costs.max()),
        random_is_measured=is_measured,
    )


def _reference(known: Mapping[str, float], of: str) -> dict[str, float] | None:
    keys = {"return": f"{of}_return", "cost": f"{of}_cost"}
    return {key: known[name] for key, name in keys.items()} if known.keys() >= set(keys.values()) else None


def _task(arena: Arena, policy: Path | None, seed: int, filming: Filming) -> EpisodeTask:
    is_filmed = seed in filming.seeds
    return EpisodeTask(
        env_id=arena.environment,
        interface=arena.interface,
        policy=policy,
        # Only for what cannot be scored afterwards, as those of the cache are, which were played for other networks.
        cost=arena.cost if is_filmed or arena.interface.images else None,
        seed=seed,
        video=arena.cache(policy).film(seed, arena.cost) if is_filmed else None,
        frame_stride=filming.stride if is_filmed else 0,
    )


def _scored(episodes: list[Episode], arena: Arena) -> list[Episode]:
    """The same with the learned costs of the arena's network; with images they have been scored as they were played."""
    if arena.interface.images:
        return episodes
    if arena.cost is None:  # those that were filmed with another network have its costs
        return [replace(it, learned_costs=np.zeros(len(it.rewards), dtype=np.float32)) for it in episodes]
    import torch  # a trial's process has it; one that finds all in the cache of a run without costs does without

    from safemil_core.learning.choices import spread_choices
    from safemil_core.learning.model_files import load_cost

    cost, parts = load_cost(arena.cost), arena.interface.actions
    with torch.inference_mode():
        return [
            replace(
                it,
                learned_costs=cost(
                    torch.from_numpy(it.observations), torch.from_numpy(spread_choices(it.actions, parts))
                ).numpy(),
            )
            for it in episodes
        ]
