"""The evaluation stage of a run: episodes of both policies from the same starts, step by step, metrics and videos."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from safemil_core.assessment.environments import dsrl_range
from safemil_core.assessment.evaluation import Scale, evaluate_policy
from safemil_core.assessment.immobility import Yardstick
from safemil_core.assessment.interfaces import Interface
from safemil_core.assessment.rollouts import Episode, EpisodeTask, run_episodes
from safemil_core.assessment.videos import FPS, side_by_side, write_mp4
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running.doctor_stage import examine_run
from safemil_core.running.progress import OnProgress, begin, write_progress
from safemil_core.running.rollout_records import read_rollouts, write_rollouts
from safemil_core.running.run_folder import POLICIES, Policy, Run
from safemil_core.workspace import Workspace

EPISODE_FRAMES = 100
"""About how many frames an episode's video gets, whatever its length."""
FIRST_SEED = 1_000
"""Of the episodes: every policy of every run starts from the same states."""


def evaluate_run(
    workspace: Workspace, run: Run, n_episodes: int, n_videos: int = 0, on_progress: OnProgress = lambda _: None
) -> dict[str, Any]:
    """Roll out both policies of a finished run from the same starts, render the first episodes, and keep the metrics.

    Raises:
        SafeMILError: the run is not finished, its dataset names no environment, or that cannot be made.
    """
    datasets = DatasetStore(workspace, Database(workspace.database))
    dataset = datasets.info(run.info.dataset)
    if dataset.env_id is None:
        raise EnvironmentUnavailable(
            f"dataset {dataset.name!r} names no environment; import its file again with --env, "
            "for example --env SafetyCarCircle-v0"
        )
    trajectories = datasets.open(dataset.name)
    stride = max(1, int(np.ceil(trajectories.lengths.max() / EPISODE_FRAMES)))
    tasks = [
        (policy, _episode_task(run, dataset, policy, FIRST_SEED + number, stride if number < n_videos else 0))
        for number in range(n_episodes)
        for policy in POLICIES
    ]
    progress = begin(len(tasks), "cpu")
    path = run.folder / "evaluation" / "progress.json"
    path.parent.mkdir(exist_ok=True)
    for old in run.videos():
        old.unlink()
    matches: dict[int, dict[Policy, Episode]] = {FIRST_SEED + number: {} for number in range(n_episodes)}

    def report(position: int, episode: Episode) -> None:
        nonlocal progress
        match = matches[episode.seed]
        match[tasks[position][0]] = episode
        if episode.frames and len(match) == len(POLICIES):
            _write_video(run, match, episode.seed - FIRST_SEED, stride)
            # Frames are large, and the video has them now.
            matches[episode.seed] = {policy: replace(each, frames=()) for policy, each in match.items()}
        progress = replace(progress, done=progress.done + 1, updated_at=time.time())
        write_progress(path, progress)
        on_progress(progress)

    write_progress(path, progress)
    on_progress(progress)
    run_episodes([task for _, task in tasks], report)
    for policy in POLICIES:
        write_rollouts(run.rollouts(policy), [match[policy] for match in matches.values()])
    report_of = {**_report(dataset, trajectories, matches), "frames": {"fps": FPS, "stride": stride}}
    _add_reach(report_of, run, Yardstick.of_table(datasets.table(dataset.name)))
    run.write_json("evaluation/evaluation.json", report_of)
    if run.has_costs:
        examine_run(workspace, run)  # what a policy does may show what is wrong with it
    final = replace(progress, state="done", updated_at=time.time())
    write_progress(path, final)
    on_progress(final)
    return report_of


def _add_reach(report: dict[str, Any], run: Run, yardstick: Yardstick) -> None:
    """How far each episode's states reach, against the median trajectory of the dataset."""
    for policy in POLICIES:
        rollouts = read_rollouts(run.rollouts(policy))
        assert rollouts is not None
        for episode, reach in zip(
            report["policies"][policy]["episodes"], yardstick.measure(rollouts.steps), strict=True
        ):
            episode["reach"] = float(reach)


def _episode_task(run: Run, dataset: DatasetInfo, policy: Policy, seed: int, stride: int) -> EpisodeTask:
    assert dataset.env_id is not None
    return EpisodeTask(
        env_id=dataset.env_id,
        interface=Interface.of(dataset),
        policy=run.model(policy),
        cost=run.model("cost"),
        seed=seed,
        frame_stride=stride,
    )


def _write_video(run: Run, match: dict[Policy, Episode], number: int, stride: int) -> None:
    titles = {"safe policy": match["safe"], "plain cloning": match["bc"]}
    write_mp4(run.folder / "evaluation" / f"episode-{number:03d}.mp4", side_by_side(titles, stride))


def _report(
    dataset: DatasetInfo, trajectories: TrajectorySet, matches: dict[int, dict[Policy, Episode]]
) -> dict[str, Any]:
    """Metrics of both policies, normalised where the reference values are known, and what the scales mean."""
    assert dataset.env_id is not None
    known, true_costs, limits = dataset.references, trajectories.true_costs(), dsrl_range(dataset.env_id)
    paper = dsrl = None
    sentences = []
    costliest = 0.0 if true_costs is None else float(true_costs.max())
    if (
        {"random_return", "constrained_return", "constrained_cost"} <= known.keys()
        and known["random_return"] != known["constrained_return"]
        and costliest > known["constrained_cost"]
    ):
        paper = (
            Scale(known["random_return"], known["constrained_return"]),
            Scale(known["constrained_cost"], costliest),
        )
        sentences.append(
            f"Normalised return: 0 is a random policy's ({known['random_return']:.1f}), 1 the constrained-RL policy's "
            f"({known['constrained_return']:.1f}). Normalised cost: 0 is the constrained-RL policy's "
            f"({known['constrained_cost']:.1f}), 1 the costliest trajectory's in the dataset ({costliest:.0f})."
        )
    if limits:
        dsrl = (
            Scale(limits["least_return"], limits["largest_return"]),
            Scale(limits["least_cost"], limits["largest_cost"]),
        )
        sentences.append(
            f"By dsrl.infos: 0 and 1 are the least and largest return ({dsrl[0].zero:.1f}, {dsrl[0].one:.1f}) and cost "
            f"({dsrl[1].zero:.0f}, {dsrl[1].one:.0f}) of an episode in DSRL's own dataset of this task."
        )
    episodes = {policy: [match[policy] for match in matches.values()] for policy in POLICIES}
    return {
        "env_id": dataset.env_id,
        "episodes": len(matches),
        "policies": {
            policy: evaluate_policy(done, {"paper": paper, "dsrl": dsrl}) for policy, done in episodes.items()
        },
        "normalisation": sentences,
    }
