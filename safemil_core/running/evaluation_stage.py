"""The evaluation stage: both policies of a run and those beside it play the same episodes; metrics, steps and films are
kept in the run's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.assessment.comparisons import compare_all
from safemil_core.assessment.evaluation import evaluate_policy, evaluate_seeds
from safemil_core.assessment.immobility import Yardstick
from safemil_core.assessment.references import References
from safemil_core.assessment.rollouts import Episode
from safemil_core.assessment.videos import FPS
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import NotReady
from safemil_core.running.arena import FIRST_SEED, Arena, Filming, evaluate_policies, references_of
from safemil_core.running.doctor_stage import examine_run
from safemil_core.running.episode_cache import digest
from safemil_core.running.progress import OnProgress, Reports
from safemil_core.running.rollout_records import Rollouts, write_rollouts
from safemil_core.running.run_folder import POLICIES, Run
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace, whole_file

EPISODE_FRAMES = 75
"""About how many frames an episode's film gets, whatever its length."""


def evaluate_run(
    workspace: Workspace,
    run: Run,
    n_episodes: int,
    n_videos: int = 0,
    on_progress: OnProgress = lambda _: None,
    *,
    beside: Sequence[Run] = (),
    cost_limit: float | None = None,
) -> dict[str, Any]:
    """Let both policies of a finished run, and the safe ones of others beside them, play the same episodes; render the
    first ones, and keep the metrics in the run's folder.

    Args:
        workspace: of the run.
        run: whose cost network scores the steps.
        n_episodes: of each policy.
        n_videos: of the first episodes.
        on_progress: told after each episode.
        beside: other runs of the same dataset.
        cost_limit: what an episode may cost; None: what the references say, see `References.cost_limit`.

    Raises:
        SafeMILError: a run is not finished, or changes meanwhile, or is of another dataset, which names no environment,
            or that cannot be made.
    """
    datasets = DatasetStore.of(workspace)
    dataset = datasets.info(run.info.dataset)
    for other in beside:
        other.require_dataset(dataset)
    arena = Arena.of(workspace, dataset, run.model("cost") if run.has_costs else None)
    policies = {policy: run.model(policy) for policy in POLICIES} | {it.id: it.model("safe") for it in beside}
    stride = max(1, int(np.ceil(datasets.open(dataset.name).lengths.max() / EPISODE_FRAMES)))
    seeds = range(FIRST_SEED, FIRST_SEED + n_episodes)
    filming = Filming(seeds[:n_videos], stride)
    n_total, file = len(policies) * n_episodes, Task.of_run("evaluate", run).progress_file
    reports = Reports(file, n_total, on_progress=on_progress)
    references = references_of(workspace, dataset)
    networks = {file: digest(file) for file in (*policies.values(), arena.cost) if file is not None}
    episodes = evaluate_policies(arena, policies, seeds, filming=filming, on_done=reports.done)
    if not all(file.exists() and digest(file) == before for file, before in networks.items()):
        raise NotReady("a run was trained on or deleted while its policies played; evaluate again when that is done")
    outcome = {
        **_report(dataset, episodes, references, cost_limit, _alike(run, beside)),
        "frames": {"fps": FPS, "stride": stride},
    }
    _add_reach(outcome, episodes, Yardstick.of_table(datasets.table(dataset.name)))
    run.evaluation_file.unlink(missing_ok=True)  # until the steps are those that it is about
    _keep_steps(run, arena, policies, episodes, filming)
    run.write_evaluation(outcome)
    if run.config.method == "safemil" and run.has_costs:
        examine_run(workspace, run)  # what a policy does may show what is wrong with it
    reports.end()
    return outcome


def _keep_steps(
    run: Run,
    arena: Arena,
    policies: Mapping[str, Path | None],
    episodes: Mapping[str, list[Episode]],
    filming: Filming,
) -> None:
    """Steps and films of this evaluation into the run's folder, in place of those of the one before."""
    before = {*run.films(), *run.all_rollouts()}
    for name, played in episodes.items():
        write_rollouts(run.rollouts(name), played)
        cache = arena.cache(policies[name])
        for number, seed in enumerate(filming.seeds):
            with whole_file(run.film(name, number)) as temporary:
                shutil.copyfile(cache.film(seed, arena.cost), temporary)
    now = {run.rollouts(name) for name in episodes}
    now |= {run.film(name, number) for name in episodes for number in range(len(filming.seeds))}
    for old in before - now:
        old.unlink()


def _alike(run: Run, beside: Sequence[Run]) -> list[list[str]]:
    """The policies of runs that differ in their seed alone, one of each seed, where there are several."""
    groups: dict[tuple[int, str | None, str], dict[int, str]] = {}
    for name, it in (("safe", run), *((other.id, other) for other in beside)):
        settings = it.config.model_copy(update={"seed": 0}).model_dump_json()
        of_seeds = groups.setdefault((it.info.label_snapshot, it.info.warm_start, settings), {})
        of_seeds.setdefault(it.config.seed, name)
    return [list(of_seeds.values()) for of_seeds in groups.values() if len(of_seeds) > 1]


def _report(
    dataset: DatasetInfo,
    episodes: Mapping[str, list[Episode]],
    references: References,
    cost_limit: float | None,
    alike: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Metrics of every policy, what they are measured in, how the safe one compares with each other one, and metrics
    over the training seeds of those that are alike."""
    limit, why = references.cost_limit() if cost_limit is None else (cost_limit, "as you chose")
    scales = references.scales()
    policies = {name: evaluate_policy(played, scales, limit) for name, played in episodes.items()}
    seeds = [(names, evaluate_seeds([episodes[name] for name in names], scales, limit)) for names in alike]
    return {
        "env_id": dataset.env_id,
        "episodes": len(next(iter(episodes.values()))),
        "policies": policies,
        "comparisons": compare_all(policies, "safe"),
        "seeds": [{"policies": list(names), **metrics} for names, metrics in seeds],
        "cost_limit": {"limit": limit, "why": why},
        "normalisation": references.sentences(),
    }


def _add_reach(report: dict[str, Any], episodes: Mapping[str, list[Episode]], yardstick: Yardstick) -> None:
    """How far each episode's states reach, against the median trajectory of the dataset."""
    for policy, metrics in report["policies"].items():
        reaches = yardstick.measure(Rollouts.of(episodes[policy]).steps)
        for episode, reach in zip(metrics["episodes"], reaches, strict=True):
            episode["reach"] = float(reach)
