"""Writes a LeRobot v3.0 dataset: data and metadata in Parquet, pictures as PNG, labels in the episodes' metadata.

Source: huggingface/lerobot, src/lerobot/datasets/{utils,lerobot_dataset,compute_stats}.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from safemil_core.data.curated import Curated, CuratedTrajectory
from safemil_core.data.formats import notes, pictures
from safemil_core.data.formats.flat_arrays import of_part
from safemil_core.data.formats.lerobot_files import DATA_V3, INFO
from safemil_core.data.formats.parquet_files import BlockWriter
from safemil_core.data.recording import CUT_OFF, TERMINATED, Part
from safemil_core.errors import InvalidConfig

NOTES = f"meta/{notes.KEY}.json"
FINALS = f"meta/{notes.KEY}_final.parquet"
"""The observations after the last action, one row an episode: LeRobot has no place for them."""
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
FILE_BYTES = 100 * 10**6
"""Of a data file, before it is packed; then the next one begins."""
FILES_PER_CHUNK = 1000
TASK = "task: "
"""How a tag begins that says what a trajectory was to do. Where it cannot say all, there is a fact of its name."""
FPS = 10
"""Written where the data do not know: LeRobot counts time in seconds, most simulators in steps."""

Stats = dict[str, dict[str, np.ndarray]]
"""min, max, mean, std and count by feature."""


def write(curated: Curated, path: Path) -> None:
    """Write the folder.

    Raises:
        InvalidConfig: images have more channels than a PNG.
    """
    for part in curated.about.images:
        if part.shape[2] not in pictures.MODES:
            raise InvalidConfig(f"the images {part.name!r} have {part.shape[2]} channels, PNG has 4; export as Parquet")
    (path / EPISODES).parent.mkdir(parents=True)
    features = _features(curated)
    tasks = _tasks(curated)
    stats = _write_episodes(curated, path, features, tasks)
    _write_finals(curated, path)
    known = sorted(set(tasks))
    pd.DataFrame({"task_index": range(len(known))}, index=known).to_parquet(path / "meta/tasks.parquet")
    _write_json(path / "meta/stats.json", {key: {k: v.tolist() for k, v in s.items()} for key, s in stats.items()})
    _write_json(path / INFO, _info(curated, features, len(known)))
    (path / NOTES).write_text(notes.to_json(curated), "utf-8")
    if curated.card:
        (path / "README.md").write_text(curated.card, "utf-8")


def _features(curated: Curated) -> dict[str, dict[str, Any]]:
    """All columns of the data, as `info.json` describes them, in their order."""
    about, every = curated.about, curated.trajectories
    features = {
        **_vectors("observation", about.observations, about.observation_names),
        **_vectors("action", about.actions, about.action_names),
    }
    for part in about.images:
        names = ["height", "width", "channels"]
        features[_image_key(part)] = {"dtype": "image", "shape": list(part.shape), "names": names}
    single = {
        **({"next.reward": "float32"} if every.rewards is not None else {}),
        **({"next.cost": "float32"} if every.costs is not None else {}),
        **{"next.done": "bool", "next.truncated": "bool", "timestamp": "float32"},
        **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), "int64"),
    }
    return {**features, **{key: {"dtype": dtype, "shape": [1], "names": None} for key, dtype in single.items()}}


def _vectors(kind: str, parts: tuple[Part, ...], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Features of numbers; LeRobot knows no shapes within them and no slashes in names."""
    features, at = {}, 0
    for key, part in zip(_keys(kind, parts), parts, strict=True):
        own = list(names[at : at + part.size]) if names else None
        if part.size:
            features[key] = {"dtype": part.dtype, "shape": [part.size], "names": own}
        at += part.size
    return features


def _keys(kind: str, parts: tuple[Part, ...]) -> list[str]:
    """Names of the columns; a nameless part has the name that LeRobot's policies look for."""
    nameless = "observation.state" if kind == "observation" else kind
    return [f"{kind}.{_quoted(part.name)}" if part.name else nameless for part in parts]


def _image_key(part: Part) -> str:
    return f"observation.images.{_quoted(part.name)}"


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


def _tasks(curated: Curated) -> list[str]:
    """What each chosen trajectory was to do, by its tag or the dataset's facts."""
    otherwise = curated.about.facts.get("task") or curated.about.env_id or "unnamed task"
    named: dict[int, str] = {}
    for tag, members in curated.tags.items():
        if tag.startswith(TASK):
            named |= dict.fromkeys(members, curated.about.facts.get(tag, tag.removeprefix(TASK)))
    return [named.get(int(number), otherwise) for number in curated.chosen]


def _info(curated: Curated, features: Mapping[str, Mapping[str, Any]], n_tasks: int) -> dict[str, Any]:
    return {
        "codebase_version": "v3.0",
        "robot_type": curated.about.facts.get("robot"),
        "total_episodes": len(curated),
        "total_frames": curated.n_steps,
        "total_tasks": n_tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": FILE_BYTES // 10**6,
        "video_files_size_in_mb": 500,
        "fps": _fps(curated),
        "splits": {"train": f"0:{len(curated)}"},
        "data_path": DATA_V3,
        "video_path": None,
        "features": features,
    }


def _fps(curated: Curated) -> int:
    """Steps a second, where the dataset knows it from an import."""
    said = curated.about.facts.get("fps", "")
    return int(said) if said.isdecimal() and 0 < int(said) < 10_000 else FPS


def _write_episodes(curated: Curated, path: Path, features: Mapping[str, Mapping[str, Any]], tasks: list[str]) -> Stats:
    """Write data files and the metadata of each episode; the statistics of all of them."""
    schema, known = pa.schema([(key, _type(feature)) for key, feature in features.items()]), sorted(set(tasks))
    stats: Stats = {}
    with ExitStack() as stack:
        data, listed = stack.enter_context(_DataFiles(path, schema)), None
        for episode, one in enumerate(curated):
            arrays = _arrays(one, curated, episode, data.n_steps, known.index(tasks[episode]))
            own = {key: _stats(array, is_image=features[key]["dtype"] == "image") for key, array in arrays.items()}
            stats = {key: _merged(stats[key], own[key]) for key in own} if stats else own
            first = data.n_steps
            columns = [_column(array, features[key]) for key, array in arrays.items()]
            place = data.add(pa.Table.from_arrays(columns, schema=schema))
            row = pa.Table.from_pylist([_episode(one, episode, first, place, tasks[episode], own)])
            if listed is None:
                listed = stack.enter_context(BlockWriter(path / EPISODES, row.schema, row.nbytes))
            listed.add(row)
    return stats


class _DataFiles:
    """The data files, each with whole episodes and of a limited size."""

    def __init__(self, root: Path, schema: pa.Schema) -> None:
        self._root, self._schema = root, schema
        self._writer: BlockWriter | None = None
        self._file = -1
        self.n_steps = 0
        """In all files so far."""

    def __enter__(self) -> _DataFiles:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, table: pa.Table) -> dict[str, int]:
        """Write an episode; the chunk and the file that it is in."""
        if self._writer is None or self._writer.nbytes >= FILE_BYTES:
            self.__exit__()
            self._file += 1
            path = self._root / DATA_V3.format(**self._place)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = BlockWriter(path, self._schema, table.nbytes // len(table))
        self._writer.add(table)
        self.n_steps += len(table)
        return self._place

    @property
    def _place(self) -> dict[str, int]:
        return {"chunk_index": self._file // FILES_PER_CHUNK, "file_index": self._file % FILES_PER_CHUNK}


def _arrays(one: CuratedTrajectory, curated: Curated, episode: int, step: int, task: int) -> dict[str, np.ndarray]:
    """[T, ...] by column, in the order of the features."""
    about, n = curated.about, len(one)
    last = np.arange(n) == n - 1
    arrays = _parts(one.observations, "observation", about.observations)
    arrays |= _parts(one.actions, "action", about.actions)
    arrays |= {_image_key(part): one.images[part.name] for part in about.images}
    arrays |= {key: a for key, a in (("next.reward", one.rewards), ("next.cost", one.costs)) if a is not None}
    arrays["next.done"] = last & bool(one.end & TERMINATED)
    arrays["next.truncated"] = last & bool(one.end & CUT_OFF)
    arrays["timestamp"] = (np.arange(n) / _fps(curated)).astype(np.float32)
    arrays["frame_index"], arrays["episode_index"] = np.arange(n), np.full(n, episode)
    arrays["index"], arrays["task_index"] = np.arange(step, step + n), np.full(n, task)
    return arrays


def _parts(vectors: np.ndarray, kind: str, parts: tuple[Part, ...]) -> dict[str, np.ndarray]:
    """[n, size] of each part that has numbers, or [n] of a single number, by column."""
    flat = [of_part(vectors, parts, index).reshape(len(vectors), part.size) for index, part in enumerate(parts)]
    return {
        key: a[:, 0] if a.shape[1] == 1 else a for key, a in zip(_keys(kind, parts), flat, strict=True) if a.shape[1]
    }


def _type(feature: Mapping[str, Any]) -> pa.DataType:
    if feature["dtype"] == "image":
        return pictures.PICTURE
    kind, size = pa.from_numpy_dtype(np.dtype(feature["dtype"])), feature["shape"][0]
    return kind if size == 1 else pa.list_(kind, size)


def _column(array: np.ndarray, feature: Mapping[str, Any]) -> pa.Array:
    if feature["dtype"] == "image":
        return pictures.encoded(array)
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    return flat if array.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, array.shape[1])


def _episode(
    one: CuratedTrajectory, episode: int, step: int, place: Mapping[str, int], task: str, stats: Stats
) -> dict[str, Any]:
    return {
        "episode_index": episode,
        "tasks": [task],
        "length": len(one),
        **{f"data/{key}": value for key, value in place.items()},
        "dataset_from_index": step,
        "dataset_to_index": step + len(one),
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
        f"{notes.KEY}_label": one.label,
        **({f"{notes.KEY}_weight": one.weight} if one.weight is not None else {}),
        **{f"stats/{key}/{name}": value.tolist() for key, own in stats.items() for name, value in own.items()},
    }


def _stats(array: np.ndarray, *, is_image: bool) -> dict[str, np.ndarray]:
    """As LeRobot has them: one value a dimension; of images one a channel, from 0 to 1, of shape (channels, 1, 1)."""
    values = array.astype(np.float64)
    if is_image:
        values = np.moveaxis(values, 3, 1) / 255
    axes, keep = ((0, 2, 3), True) if is_image else ((0,), array.ndim == 1)
    found = {
        "min": values.min(axis=axes, keepdims=keep),
        "max": values.max(axis=axes, keepdims=keep),
        "mean": values.mean(axis=axes, keepdims=keep),
        "std": values.std(axis=axes, keepdims=keep),
    }
    return {**{k: v[0] if is_image else v for k, v in found.items()}, "count": np.array([len(array)])}


def _merged(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Statistics of both together: variances add up with the distance of the means."""
    n, m = a["count"][0], b["count"][0]
    mean = (n * a["mean"] + m * b["mean"]) / (n + m)
    variance = sum(k * (s["std"] ** 2 + (s["mean"] - mean) ** 2) for k, s in ((n, a), (m, b))) / (n + m)
    return {
        "min": np.minimum(a["min"], b["min"]),
        "max": np.maximum(a["max"], b["max"]),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": a["count"] + b["count"],
    }


def _write_finals(curated: Curated, path: Path) -> None:
    if curated.trajectories.final_observations is None:
        return
    about = curated.about
    known = [part for part in about.images if part.name in curated.trajectories.final_images]
    features = {key: f for key, f in _features(curated).items() if key in _keys("observation", about.observations)}
    features |= {_image_key(part): _features(curated)[_image_key(part)] for part in known}
    schema = pa.schema([(key, _type(feature)) for key, feature in features.items()])
    with BlockWriter(
        path / FINALS, schema, row_bytes=sum(4 * part.size for part in (*about.observations, *known))
    ) as file:
        for one in curated:
            assert one.final_observation is not None
            arrays = _parts(one.final_observation[None], "observation", about.observations)
            arrays |= {_image_key(part): one.final_images[part.name][None] for part in known}
            file.add(pa.Table.from_arrays([_column(a, features[k]) for k, a in arrays.items()], schema=schema))


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False), "utf-8")
