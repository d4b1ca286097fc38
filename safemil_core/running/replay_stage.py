"""The replay stage: recorded trajectories as cached videos, rendered in the order of the wishes for them."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np

from safemil_core.assessment.rollouts import replay
from safemil_core.assessment.videos import FPS, write_mp4
from safemil_core.data.database import Database
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running.runs import begin, write_progress
from safemil_core.workspace import Workspace, whole_file

REPLAY_FRAMES = 60
"""About how many frames a replay gets, whatever its trajectory's length."""
ABOUT = {"fps": FPS, "exact": False, "note": "Placed from the recorded observations, not simulated again."}


def render_replays(workspace: Workspace, name: str) -> None:
    """Render the wished-for replays of a dataset, first wish first, until none is missing."""
    datasets = DatasetStore(workspace, Database(workspace.database))
    dataset, trajectories = datasets.info(name), datasets.open(name)
    folder = workspace.replay(dataset.id, 0).parent
    progress = begin(0, "cpu")
    write_progress(folder / "progress.json", progress)
    if dataset.env_id is None:
        raise EnvironmentUnavailable(f"dataset {name!r} names no environment to replay it in")
    while (trajectory := _next_wish(workspace, dataset)) is not None:
        path = workspace.replay(dataset.id, trajectory)
        observations = np.asarray(trajectories[trajectory].observations)
        stride = max(1, int(np.ceil(len(observations) / REPLAY_FRAMES)))
        with whole_file(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps({**ABOUT, "stride": stride}))
        write_mp4(path, replay(dataset.env_id, observations, trajectories.actions.shape[1], stride))
        progress = replace(progress, done=progress.done + 1, updated_at=time.time())
        write_progress(folder / "progress.json", progress)
    write_progress(folder / "progress.json", replace(progress, state="done", updated_at=time.time()))


def _next_wish(workspace: Workspace, dataset: DatasetInfo) -> int | None:
    wanted = json.loads((workspace.replay(dataset.id, 0).parent / "wanted.json").read_text())
    return next((t for t in wanted if not workspace.replay(dataset.id, t).exists()), None)
