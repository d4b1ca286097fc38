"""LeRobot datasets, laid out as its code lays them out (v2.1 and v3.0), and our export of them."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from curated_strategy import assert_same, curated_sets
from factories import store_of
from hypothesis import given, settings
from PIL import Image

from safemil_core.data.curated import Curated
from safemil_core.data.formats import lerobot
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Clip, Options, Part, Recording, Steps
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig, InvalidDataset
from safemil_core.running.curation import curate
from safemil_core.workspace import Workspace

ASK = Options()
LENGTHS = (2, 3)
TASKS = (["pick up"], ["put down"])
CAMERA = "observation.images.front"


def features(**more: dict[str, Any]) -> dict[str, Any]:
    plain = {
        "observation.state": {"dtype": "float32", "shape": [2], "names": {"motors": ["shoulder", "elbow"]}},
        "action": {"dtype": "float32", "shape": [2], "names": None},
        "next.reward": {"dtype": "float32", "shape": [1], "names": None},
        "next.done": {"dtype": "bool", "shape": [1], "names": None},
    }
    return {**plain, **more}


def info(version: str, **more: Any) -> dict[str, Any]:
    v3 = version == "v3.0"
    return {
        "codebase_version": version,
        "robot_type": "so100",
        "fps": 10,
        "chunks_size": 1000,
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
        if v3
        else "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
        if v3
        else "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
        "features": features(**{CAMERA: {"dtype": "video", "shape": [4, 5, 3], "names": None}}),
        **more,
    }


def rows(episode: int) -> dict[str, Any]:
    n, first = LENGTHS[episode], sum(LENGTHS[:episode])
    vectors = np.arange(first * 2, (first + n) * 2, dtype=np.float32)
    return {
        "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(vectors), 2),
        "action": pa.array((vectors.reshape(n, 2) + 100).tolist(), pa.list_(pa.float32())),
        "next.reward": pa.array(np.arange(n, dtype=np.float32)),
        "next.done": pa.array([episode == 0 and i == n - 1 for i in range(n)]),
        "timestamp": pa.array(np.arange(n, dtype=np.float32) / 10),
        "frame_index": pa.array(np.arange(n)),
        "episode_index": pa.array(np.full(n, episode)),
        "index": pa.array(np.arange(first, first + n)),
        "task_index": pa.array(np.full(n, episode)),
    }


def v21(root: Path, **more: Any) -> Path:
    (root / "meta").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info("v2.1", **more)))
    lines = [{"episode_index": i, "tasks": TASKS[i], "length": n} for i, n in enumerate(LENGTHS)]
    (root / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (root / "data/chunk-000").mkdir(parents=True)
    (root / f"videos/chunk-000/{CAMERA}").mkdir(parents=True)
    for i in range(len(LENGTHS)):
        pq.write_table(pa.table(rows(i)), root / f"data/chunk-000/episode_{i:06d}.parquet")
        (root / f"videos/chunk-000/{CAMERA}/episode_{i:06d}.mp4").write_bytes(b"mp4")
    return root


def v30(root: Path, **more: Any) -> Path:
    for folder in ("meta/episodes/chunk-000", "data/chunk-000", f"videos/{CAMERA}/chunk-000"):
        (root / folder).mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info("v3.0", **more)))
    episodes = [
        {
            "episode_index": i,
            "tasks": TASKS[i],
            "length": n,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": sum(LENGTHS[:i]),
            "dataset_to_index": sum(LENGTHS[: i + 1]),
            f"videos/{CAMERA}/chunk_index": 0,
            f"videos/{CAMERA}/file_index": 0,
            f"videos/{CAMERA}/from_timestamp": sum(LENGTHS[:i]) / 10,
            f"videos/{CAMERA}/to_timestamp": sum(LENGTHS[: i + 1]) / 10,
            "stats/action/min": [0.0, 0.0],
        }
        for i, n in enumerate(LENGTHS)
    ]
    pq.write_table(pa.Table.from_pylist(episodes), root / "meta/episodes/chunk-000/file-000.parquet")
    tables = [pa.table({**rows(i), "action": rows(i)["action"]}) for i in range(len(LENGTHS))]
    pq.write_table(pa.concat_tables(tables), root / "data/chunk-000/file-000.parquet")
    (root / f"videos/{CAMERA}/chunk-000/file-000.mp4").write_bytes(b"mp4")
    return root


def whole(recording: Recording) -> Steps:
    blocks = list(recording.steps)
    return Steps(
        observations=np.concatenate([b.observations for b in blocks]),
        actions=np.concatenate([b.actions for b in blocks]),
        ends=np.concatenate([b.ends for b in blocks]),
        rewards=np.concatenate([b.rewards for b in blocks if b.rewards is not None]),
    )


@pytest.mark.parametrize("made", [v21, v30])
def test_both_versions_say_the_same(tmp_path, made):
    root = made(tmp_path / "a")
    assert lerobot.detect(root)
    recording = lerobot.read(root, ASK)
    about, steps = recording.about, whole(recording)
    assert about.observations == about.actions == (Part("", (2,)),)
    assert about.observation_names == ("shoulder", "elbow")
    assert (about.n_steps, about.has_rewards, about.has_costs) == (5, True, False)
    assert about.tags == {"task: pick up": (0,), "task: put down": (1,)}
    assert about.facts["robot"] == "so100"
    np.testing.assert_array_equal(steps.observations, np.arange(10).reshape(5, 2))
    np.testing.assert_array_equal(steps.actions, np.arange(10).reshape(5, 2) + 100)
    assert steps.ends.tolist() == [0, TERMINATED, 0, 0, CUT_OFF]
    assert steps.rewards is not None and steps.rewards.tolist() == [0, 1, 0, 1, 2]


LONG = "put the white mug on the left plate and put the yellow and white mug on the right plate"


@pytest.mark.parametrize("task", [LONG, "push the\tred cup", "push\u2028it", "push it"])
def test_a_task_is_a_tag_and_comes_out_as_it_came_in(tmp_path, monkeypatch, task):
    monkeypatch.setattr(f"{__name__}.TASKS", ([task], ["put down"]))
    root = v21(tmp_path / "a", features=features())
    path = root / "meta/episodes.jsonl"
    lines = [json.dumps(json.loads(line), ensure_ascii=False) for line in path.read_text().split("\n")[:-1]]
    path.write_text("\n".join(lines), "utf-8")
    store = store_of(Workspace(tmp_path / "workspace"))
    info = store.add(root, name="tasks")
    assert info.notes == ()
    assert sorted(store.labels("tasks").state().tags.values()) == [(0,), (1,)]
    lerobot.write(curate(store, "tasks"), tmp_path / "b")
    episodes = pq.read_table(tmp_path / "b/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [episode["tasks"] for episode in episodes] == [[task], ["put down"]]


def test_long_tasks_that_begin_alike_are_two_tags(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.TASKS", ([f"{LONG} again"], [f"{LONG} at last"]))
    assert sorted(lerobot.read(v21(tmp_path / "a"), ASK).about.tags.values()) == [(0,), (1,)]


def test_a_part_without_numbers_is_left_out(tmp_path):
    parts = (Part("empty", (0,)), Part("arm", (2,)))
    every = TrajectorySet(np.ones((3, 2), np.float32), np.ones((3, 1), np.float32), np.array([0, 3]))
    curated = Curated(every, np.array([0]), About(parts, (Part(),)), np.array(["none"]))
    lerobot.write(curated, tmp_path / "a")
    assert "observation.empty" not in json.loads((tmp_path / "a/meta/info.json").read_text())["features"]
    recording = lerobot.read(tmp_path / "a", ASK)
    assert recording.about.observations == parts
    np.testing.assert_array_equal(next(recording.steps).observations, np.ones((3, 2)))


def test_videos_become_clips(tmp_path):
    assert lerobot.read(v21(tmp_path / "a"), ASK).about.clips == {
        0: Clip(f"videos/chunk-000/{CAMERA}/episode_000000.mp4", 0.0, 0.2),
        1: Clip(f"videos/chunk-000/{CAMERA}/episode_000001.mp4", 0.0, 0.3),
    }
    file = f"videos/{CAMERA}/chunk-000/file-000.mp4"
    clips = lerobot.read(v30(tmp_path / "b"), ASK).about.clips
    assert clips == {0: Clip(file, 0.0, 0.2), 1: Clip(file, 0.2, 0.5)}


def test_a_missing_video_is_noted(tmp_path):
    root = v21(tmp_path / "a")
    (root / f"videos/chunk-000/{CAMERA}/episode_000001.mp4").unlink()
    about = lerobot.read(root, ASK).about
    assert list(about.clips) == [0]
    assert about.notes == ("1 videos are missing",)


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return buffer.getvalue()


def with_pictures(root: Path, pictures: list[dict[str, Any]], shape: tuple[int, ...] = (4, 5, 3)) -> Path:
    key = "observation.images.wrist"
    v21(root, features=features(**{key: {"dtype": "image", "shape": list(shape), "names": None}}))
    for i, n in enumerate(LENGTHS):
        path = root / f"data/chunk-000/episode_{i:06d}.parquet"
        first = sum(LENGTHS[:i])
        column = pa.array(pictures[first : first + n], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
        pq.write_table(pa.table({**rows(i), key: column}), path)
    return root


def test_pictures_in_the_table_become_images(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(5, 4, 5, 3), dtype=np.uint8)
    root = with_pictures(tmp_path / "a", [{"bytes": png(image), "path": "a.png"} for image in pixels])
    recording = lerobot.read(root, ASK)
    assert recording.about.images == (Part("wrist", (4, 5, 3), "uint8"),)
    images = np.concatenate([block.images["wrist"] for block in recording.steps])
    np.testing.assert_array_equal(images, pixels)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ({"bytes": None, "path": "/etc/passwd"}, "is not in the data file"),
        (None, "is not in the data file"),
        ({"bytes": b"\x89PNG", "path": None}, "is damaged"),
        ({"bytes": png(np.zeros((4000, 4000, 3), np.uint8)), "path": None}, "expected RGB of 5 x 4"),
        ({"bytes": png(np.zeros((4, 5), np.uint16)), "path": None}, "expected RGB of 5 x 4"),
        ({"bytes": png(np.zeros((4, 5, 3), np.uint8))[:-30], "path": None}, "is damaged"),
    ],
)
def test_a_picture_that_is_not_to_be_trusted_is_refused(tmp_path, picture, said):
    root = with_pictures(tmp_path / "a", [picture] * 5)
    with pytest.raises(InvalidDataset, match=said):
        list(lerobot.read(root, ASK).steps)


def test_success_is_a_tag(tmp_path):
    root = v21(tmp_path / "a", features=features(**{"next.success": {"dtype": "bool", "shape": [1]}}))
    for i, n in enumerate(LENGTHS):
        success = pa.array([i == 1 and step == 0 for step in range(n)])
        path = root / f"data/chunk-000/episode_{i:06d}.parquet"
        pq.write_table(pa.table({**rows(i), "next.success": success}), path)
    assert lerobot.read(root, ASK).about.tags["success"] == (1,)


@settings(max_examples=40, deadline=None)
@given(curated_sets())
def test_what_is_written_is_read_again(curated: Curated):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "a"
        lerobot.write(curated, root)
        assert lerobot.detect(root)
        assert_same(curated, lerobot.read(root, ASK))
        _assert_as_lerobot_lays_out(curated, root)


def _assert_as_lerobot_lays_out(curated: Curated, root: Path) -> None:
    """What LeRobot's loader asks for: `info`, `stats`, `tasks` by name, episodes with offsets, columns as features."""
    said = json.loads((root / "meta/info.json").read_text())
    data = pq.read_table(root / "data/chunk-000/file-000.parquet")
    assert data.column_names == list(said["features"])
    assert (said["total_episodes"], said["total_frames"]) == (len(curated), curated.n_steps)
    assert not any("/" in key for key in said["features"])
    stats = json.loads((root / "meta/stats.json").read_text())
    assert set(stats) == set(said["features"])
    assert stats["index"]["max"] == [curated.n_steps - 1]
    np.testing.assert_allclose(stats["index"]["std"], [np.std(np.arange(curated.n_steps))])
    tasks = pd.read_parquet(root / "meta/tasks.parquet")
    assert set(data["task_index"].to_pylist()) == set(tasks["task_index"])
    episodes = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [episode["length"] for episode in episodes] == [len(one) for one in curated]
    assert episodes[-1]["dataset_to_index"] == curated.n_steps
    assert [episode["safemil_label"] for episode in episodes] == [one.label for one in curated]
    assert all(task in tasks.index for episode in episodes for task in episode["tasks"])
    for key, feature in said["features"].items():
        if feature["dtype"] == "image":
            assert np.shape(episodes[0][f"stats/{key}/mean"]) == (feature["shape"][2], 1, 1)


@settings(max_examples=20, deadline=None)
@given(curated_sets())
def test_a_block_of_every_step_is_read_the_same(curated: Curated):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("safemil_core.data.formats.sizes.BLOCK_BYTES", 1)
        lerobot.write(curated, Path(folder) / "a")
        assert_same(curated, lerobot.read(Path(folder) / "a", ASK))


def test_data_files_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("safemil_core.data.formats.lerobot_write.FILE_BYTES", 1)
    monkeypatch.setattr("safemil_core.data.formats.lerobot_write.FILES_PER_CHUNK", 1)
    root = v30(tmp_path / "a")
    first = lerobot.read(root, ASK)
    steps = whole(first)
    curated = Curated(
        trajectories=TrajectorySet(steps.observations, steps.actions, np.array([0, 2, 5]), rewards=steps.rewards),
        chosen=np.array([1, 0]),
        about=first.about,
        labels=np.array(["none", "preferred"]),
        tags=first.about.tags,
    )
    lerobot.write(curated, tmp_path / "b")
    assert (tmp_path / "b/data/chunk-001/file-000.parquet").exists()
    again = lerobot.read(tmp_path / "b", ASK)
    assert_same(curated, again)
    assert again.about.tags == {"task: pick up": (1,), "task: put down": (0,)}


def test_images_of_five_channels_are_no_png(tmp_path):
    part = Part("camera", (2, 2, 5), "uint8")
    curated = Curated(
        trajectories=TrajectorySet(
            np.zeros((1, 0), np.float32),
            np.zeros((1, 1), np.float32),
            np.array([0, 1]),
            images={"camera": np.zeros((1, 2, 2, 5), np.uint8)},
        ),
        chosen=np.array([0]),
        about=About((), (Part("", (1,)),), (part,)),
        labels=np.array(["none"]),
    )
    with pytest.raises(InvalidConfig, match="have 5 channels, PNG has 4"):
        lerobot.write(curated, tmp_path / "a")
    assert not (tmp_path / "a").exists()


# Hostile folders


def changed(root: Path, **what: Any) -> Path:
    path = root / "meta/info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **what}))
    return root


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"data_path": "../b/file-{file_index:03d}.parquet"}, "leads out"),
        ({"data_path": "/etc/passwd"}, "leads out"),
        ({"data_path": "x" * 5000}, "cannot be followed"),
        ({"data_path": "data/\0"}, "cannot be followed"),
        ({"data_path": "data/{video_key.__class__}"}, "unknown field"),
        ({"data_path": "data/{file_index!r}"}, "unknown field"),
        ({"data_path": "data/{file_index:999999999d}"}, "unknown field"),
        ({"data_path": "data/{"}, "damaged"),
        ({"video_path": "../../{video_key}.mp4"}, "leads out"),
        ({"codebase_version": "v1.6"}, "version v1.6"),
        ({"features": []}, "damaged"),
        ({"features": {"action": {"dtype": "float32", "shape": [2]}}}, "no feature 'action' or none"),
        ({"features": features(action={"dtype": "float32", "shape": [-1]})}, "has the shape"),
        ({"features": features(action={"dtype": "float32", "shape": [3]})}, "expected 3 in each"),
        ({"features": features(action={"dtype": "float32", "shape": [2**20, 2**20]})}, "too many to be true"),
        ({"features": features(**{"next.cost": {"dtype": "float32", "shape": [1]}})}, "has no column 'next.cost'"),
        ({"fps": "fast"}, "damaged"),
    ],
)
def test_metadata_that_are_not_to_be_trusted_are_refused(tmp_path, what, said):
    with pytest.raises(InvalidDataset, match=said) as problem:
        list(lerobot.read(changed(v30(tmp_path / "a"), **what), ASK).steps)
    assert "\n" not in str(problem.value)


def test_links_are_refused(tmp_path):
    root = v21(tmp_path / "a")
    path = root / "data/chunk-000/episode_000001.parquet"
    shutil.move(path, tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(InvalidDataset, match="is a link"):
        list(lerobot.read(root, ASK).steps)
    path.unlink()
    path.symlink_to(root / "data/chunk-000/episode_000000.parquet")
    with pytest.raises(InvalidDataset, match="is a link"):
        list(lerobot.read(root, ASK).steps)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"episode_index": 0, "length": 3}, {"episode_index": 1, "length": 2}], "not those that its metadata list"),
        ([{"episode_index": 0, "length": 2}, {"episode_index": 1, "length": 9}], "5 steps, its metadata say 11"),
        ([{"episode_index": 0, "length": 2}, {"episode_index": 0, "length": 2}], "listed twice"),
        ([{"episode_index": 0, "length": -2}], "is said to have -2 steps"),
        ([{"episode_index": 0}], "damaged"),
        ([[1]], "damaged"),
        ([], "no episodes"),
        ([{"episode_index": 7, "length": 2}], "episode_000007.parquet is missing"),
    ],
)
def test_episodes_that_do_not_fit_are_refused(tmp_path, lines, said):
    root = v21(tmp_path / "a")
    (root / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InvalidDataset, match=said):
        list(lerobot.read(root, ASK).steps)


def test_lists_of_different_lengths_are_refused(tmp_path):
    root = v21(tmp_path / "a")
    path = root / "data/chunk-000/episode_000000.parquet"
    pq.write_table(pa.table({**rows(0), "action": pa.array([[1.0], [1.0, 2.0, 3.0]])}), path)
    with pytest.raises(InvalidDataset, match="different lengths"):
        list(lerobot.read(root, ASK).steps)


@pytest.mark.parametrize("content", ["", "{}", "null", "[" * 100_000])
def test_other_folders_are_not_taken_for_lerobot(tmp_path, content):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text(content)
    assert not lerobot.detect(tmp_path)
    assert not lerobot.detect(tmp_path / "meta/info.json")
    assert not lerobot.detect(tmp_path / "missing")
