"""The replay stage: recorded trajectories as cached videos, rendered in the order of the wishes for them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from safemil_core.assessment.clips import cut_clip
from safemil_core.assessment.environments import Simulator, find_environment
from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter
from safemil_core.assessment.environments.sources import ROBOSUITE
from safemil_core.assessment.environments.stored_states import show_states
from safemil_core.assessment.interfaces import Interface, newest_frames
from safemil_core.assessment.videos import FPS, enlarged, write_mp4
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.formats.robomimic_writer import ENV_ARGS
from safemil_core.data.recording import Clip
from safemil_core.data.trajectories import Trajectory
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running.progress import Reports
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace, whole_file

REPLAY_FRAMES = 60
"""About how many frames a replay gets, whatever its trajectory's length."""
PATIENCE_S = 30.0
"""How long the process waits for another wish: starting one anew takes seconds that a labeller would wait."""
RESTORED = {"fps": FPS, "exact": True, "note": "Drawn again from the simulator's states in the data."}
PLACED = {"fps": FPS, "exact": False, "note": "Placed from the recorded observations, not simulated again."}
SEEN = {"fps": FPS, "exact": True, "note": "The images that were recorded with the data."}


def render_replays(workspace: Workspace, name: str) -> None:
    """Render the wished-for replays of a dataset, first wish first, until for a while nobody wishes for another."""
    datasets = DatasetStore.of(workspace)
    dataset, trajectories = datasets.info(name), datasets.open(name)
    reports = Reports(Task.of_dataset("replay", workspace, dataset).progress_file)
    clips = datasets.about(name).clips
    while (trajectory := _await_wish(workspace, dataset)) is not None:
        path = workspace.replay(dataset.replays, trajectory)
        if trajectory in clips:
            _cut(path, clips[trajectory], len(trajectories[trajectory]))
        elif trajectories.images:
            _show(path, next(iter(trajectories.images.values()))[trajectories.steps(trajectory)])
        elif trajectories.states is not None:
            _restore(workspace, path, dataset, trajectories.states[trajectories.steps(trajectory)])
        else:
            _render(workspace, path, dataset, trajectories[trajectory])
        reports.done(reports.latest.done + 1)
    reports.end()


def _cut(path: Path, clip: Clip, n_steps: int) -> None:
    """Take the recorder's own video, which shows what was there."""
    with whole_file(path) as temporary:
        fps = cut_clip(Path(clip.file), clip.start_s, clip.end_s, n_steps, temporary)
        note = "The video that was recorded with the data."
        _write_facts(path, {"fps": fps, "stride": 1, "exact": True, "note": note})


def _show(path: Path, images: np.ndarray) -> None:
    """Show what the agent saw, images [T, height, width, channels]."""
    stride = _stride(len(images))
    _write_facts(path, {**SEEN, "stride": stride})
    write_mp4(path, map(enlarged, newest_frames(images[::stride])))


def _restore(workspace: Workspace, path: Path, dataset: DatasetInfo, states: np.ndarray) -> None:
    """Draw again what the simulator's states say, [T, S]."""
    python = LegacyInterpreter(workspace, ROBOSUITE).require()
    stride = _stride(len(states))
    _write_facts(path, {**RESTORED, "stride": stride})
    write_mp4(path, show_states(python, dataset.facts.get(ENV_ARGS, ""), states[::stride]))


def _render(workspace: Workspace, path: Path, dataset: DatasetInfo, trajectory: Trajectory) -> None:
    if dataset.env_id is None:
        raise EnvironmentUnavailable(f"dataset {dataset.name!r} names no environment to replay it in")
    stride = _stride(len(trajectory))
    simulator = Simulator(find_environment(workspace, dataset.env_id), Interface.of(dataset))
    _write_facts(path, {**PLACED, "stride": stride})
    write_mp4(path, simulator.replay(np.asarray(trajectory.observations), stride))
    simulator.close()


def _stride(n_steps: int) -> int:
    """Steps from one frame to the next."""
    return max(1, int(np.ceil(n_steps / REPLAY_FRAMES)))


def _write_facts(path: Path, facts: dict[str, Any]) -> None:
    """Beside the video at this path, what is known of it."""
    with whole_file(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(facts))


def _await_wish(workspace: Workspace, dataset: DatasetInfo) -> int | None:
    """The first wish that is not rendered yet; None when none has come for PATIENCE_S."""
    wanted_file = workspace.replays(dataset.replays) / "wanted.json"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        wanted: list[int] = json.loads(wanted_file.read_text())
        for trajectory in wanted:
            if not workspace.replay(dataset.replays, trajectory).exists():
                return trajectory
        time.sleep(0.1)
    return None
