"""Videos that come with a dataset, from the folder or archive that brings them to the replay of a trajectory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pandas as pd
import pytest
from factories import store_of

from safemil_core.assessment.replays import read_replay
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.recording import About, Clip, Part
from safemil_core.data.storage.recorded_videos import keep_videos, placed
from safemil_core.errors import InvalidDataset
from safemil_core.running.replay_stage import render_replays
from safemil_core.workspace import Workspace

FPS, LENGTHS = 10, (6, 4)


@pytest.fixture
def lerobot(tmp_path: Path) -> Path:
    """A LeRobot v3 folder of two episodes in one video, each frame as bright as its index says."""
    root, n = tmp_path / "pushes", sum(LENGTHS)
    for folder in ("data/chunk-000", "meta/episodes/chunk-000", "videos/observation.images.top/chunk-000"):
        (root / folder).mkdir(parents=True)
    episode = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    frame = np.concatenate([np.arange(length) for length in LENGTHS])
    pd.DataFrame(
        {
            "observation.state": [[float(i), 0.5] for i in range(n)],
            "action": [[0.1] for _ in range(n)],
            "timestamp": (frame / FPS).astype(np.float32),
            "frame_index": frame,
            "episode_index": episode,
            "index": np.arange(n),
            "task_index": np.zeros(n, dtype=np.int64),
        }
    ).to_parquet(root / "data/chunk-000/file-000.parquet")
    starts = np.concatenate([[0], np.cumsum(LENGTHS)])
    camera = "videos/observation.images.top"
    pd.DataFrame(
        {
            "episode_index": range(len(LENGTHS)),
            "tasks": [["push"]] * len(LENGTHS),
            "length": LENGTHS,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": starts[:-1],
            "dataset_to_index": starts[1:],
            f"{camera}/chunk_index": 0,
            f"{camera}/file_index": 0,
            f"{camera}/from_timestamp": starts[:-1] / FPS,
            f"{camera}/to_timestamp": starts[1:] / FPS,
        }
    ).to_parquet(root / "meta/episodes/chunk-000/file-000.parquet")
    pd.DataFrame({"task_index": [0]}, index=pd.Index(["push"], name="task")).to_parquet(root / "meta/tasks.parquet")
    numbers = {"dtype": "float32", "names": None}
    (root / "meta/info.json").write_text(
        json.dumps(
            {
                "codebase_version": "v3.0", "fps": FPS, "total_episodes": 2, "total_frames": n,
                "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
                "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
                "features": {
                    "observation.state": {**numbers, "shape": [2]},
                    "action": {**numbers, "shape": [1]},
                    "observation.images.top": {"dtype": "video", "shape": [64, 96, 3], "names": None},
                },
            }
        )
    )  # fmt: skip
    frames = [np.full((64, 96, 3), 20 * i, np.uint8) for i in range(n)]
    imageio.mimwrite(root / camera / "chunk-000/file-000.mp4", frames, fps=FPS)  # type: ignore[arg-type]
    return root


def replayed(workspace: Workspace, name: str, trajectory: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Brightness of each frame of a replay, as the page gets it."""
    monkeypatch.setattr("safemil_core.running.replay_stage.PATIENCE_S", 0.3)
    path = workspace.replay(store_of(workspace).info(name).replays, trajectory)
    (path.parent / "wanted.json").write_text(json.dumps([trajectory]))
    render_replays(workspace, name)
    replay = read_replay(path)
    assert replay is not None
    assert (replay.exact, replay.stride, round(replay.fps)) == (True, 1, FPS)
    return [round(float(np.asarray(frame).mean()) / 20) for frame in imageio.mimread(path)]


@pytest.mark.parametrize("packed", ["", "zip", "gztar"])
def test_the_recorders_video_becomes_the_replay_of_each_trajectory(
    workspace: Workspace, lerobot: Path, packed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(shutil.make_archive(str(lerobot), packed, lerobot.parent, lerobot.name)) if packed else lerobot
    datasets = DatasetStore.of(workspace)
    info = datasets.add(source, name="pushes")
    assert (info.format, info.can_replay, info.env_id) == ("LeRobot", True, None)
    shutil.rmtree(lerobot)
    folder = workspace.datasets / info.id
    assert sorted(path.name for path in folder.iterdir() if path.is_dir() or path.suffix == ".mp4") == ["video-000.mp4"]
    assert replayed(workspace, "pushes", 1, monkeypatch) == [6, 7, 8, 9]
    datasets.derive("pushes", [1], new_name="last", how="the last one")
    shutil.rmtree(folder)
    assert replayed(workspace, "last", 0, monkeypatch) == [6, 7, 8, 9]


def test_a_video_of_the_users_is_copied_and_one_of_ours_is_linked(workspace: Workspace, lerobot: Path) -> None:
    source = next(lerobot.rglob("*.mp4"))
    about = About((Part("o", (1,)),), (Part("a", (1,)),), clips={0: Clip(str(source), 0.0, 1.0)})
    kept, version = workspace.datasets / "kept", workspace.datasets / "version"
    kept.mkdir()
    version.mkdir()
    content = source.read_bytes()
    about = placed(keep_videos(about, kept, 10**9), kept)
    source.write_bytes(b"rewritten")
    assert (kept / "video-000.mp4").read_bytes() == content
    keep_videos(about, version, 10**9)
    assert (version / "video-000.mp4").samefile(kept / "video-000.mp4")


def test_an_archive_that_leads_outside_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../outside", "x")
    with pytest.raises(InvalidDataset, match=r"bad\.zip: its member '\.\./\.\./outside' leads outside"):
        DatasetStore.of(workspace).add(tmp_path / "bad.zip", name="bad")
    assert list(workspace.datasets.iterdir()) == []


def test_a_video_that_is_gone_or_too_large_is_said(tmp_path: Path) -> None:
    about = About((Part("o", (1,)),), (Part("a", (1,)),), clips={0: Clip(str(tmp_path / "v.mp4"), 0.0, 1.0)})
    with pytest.raises(InvalidDataset, match=r"the video v\.mp4 is not there"):
        keep_videos(about, tmp_path, 10)
    (tmp_path / "v.mp4").write_bytes(b"x" * 11)
    with pytest.raises(InvalidDataset, match="leave them out"):
        keep_videos(about, tmp_path, 10)
