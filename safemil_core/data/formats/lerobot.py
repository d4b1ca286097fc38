"""LeRobot datasets, versions 2.1 and 3.0: Parquet in a folder with metadata; videos become clips, pictures images.

Where the files lie is `lerobot_files`; how an export is written is `lerobot_write`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from safemil_core.data.formats import flat_arrays, lerobot_files, notes, parquet_files, pictures
from safemil_core.data.formats.lerobot_files import Episode, Info
from safemil_core.data.formats.lerobot_write import FINALS, NOTES, TASK, write
from safemil_core.data.labels.records import checked_name
from safemil_core.data.recording import (
    CUT_OFF,
    DTYPES,
    NOTHING,
    TERMINATED,
    About,
    Options,
    Part,
    Recording,
    Steps,
    flat_names,
    readable,
)
from safemil_core.errors import InvalidDataset, InvalidLabels

__all__ = ["detect", "read", "write"]

COSTS = ("next.cost", "cost")
LARGEST_PICTURE = 2**26
"""Bytes, decoded."""


def detect(path: Path) -> bool:
    """Whether a folder has LeRobot's `meta/info.json`."""
    try:
        return path.is_dir() and '"codebase_version"' in lerobot_files.text(path, lerobot_files.INFO)
    except (InvalidDataset, OSError):
        return False


def read(path: Path, options: Options) -> Recording:
    """Open lazily.

    Raises:
        InvalidDataset: the metadata or a data file are damaged, do not fit one another, or lead outside.
    """
    info = lerobot_files.info(path)
    episodes = lerobot_files.episodes(path, info)
    columns = _columns(info)
    about = _about(path, info, columns, episodes)
    take: Callable[[int], pa.Table] | None = None
    if (path / NOTES).exists():
        about, knows_finals = notes.from_json(lerobot_files.text(path, NOTES), about)
        about = replace(about, images=tuple(columns.images.values()))  # as the pictures are decoded
        take = _finals(path, columns) if knows_finals and (path / FINALS).exists() else None
    return Recording(about, _steps(path, columns, episodes, take))


@dataclass(frozen=True)
class _Columns:
    """Which feature is what."""

    observations: Mapping[str, Part]
    """By column."""
    actions: Mapping[str, Part]
    images: Mapping[str, Part]
    reward: str | None
    cost: str | None
    done: str | None
    truncated: str | None
    success: str | None

    @property
    def names(self) -> list[str]:
        single = (self.reward, self.cost, self.done, self.truncated)
        return ["episode_index", *self.observations, *self.actions, *self.images, *(name for name in single if name)]

    @property
    def row_bytes(self) -> int:
        parts = (*self.observations.values(), *self.actions.values())
        return 8 * sum(part.size for part in parts) + 2 * sum(part.size for part in self.images.values())


def _columns(info: Info) -> _Columns:
    there = info.features
    observations = _parts(there, "observation")
    actions = _parts(there, "action")
    images = {
        key: Part(_name(key, "observation.images.", "observation."), _picture_shape(key, feature), "uint8")
        for key, feature in there.items()
        if feature.get("dtype") == "image"
    }
    if not actions or not (observations or images):
        raise InvalidDataset(
            f"it has no feature 'action' or none 'observation.*' of numbers; it has {', '.join(list(there)[:20])[:300]}"
        )
    return _Columns(
        observations=observations,
        actions=actions,
        images=images,
        reward="next.reward" if "next.reward" in there else None,
        cost=next((name for name in COSTS if name in there), None),
        done="next.done" if "next.done" in there else None,
        truncated="next.truncated" if "next.truncated" in there else None,
        success="next.success" if "next.success" in there else None,
    )


def _parts(features: Mapping[str, Mapping[str, Any]], kind: str) -> dict[str, Part]:
    """Features of numbers that are called `kind` or `kind.*`; one alone has no name."""
    found = {}
    for key, feature in features.items():
        dtype = str(feature.get("dtype"))
        if (key == kind or key.startswith(f"{kind}.")) and (dtype in DTYPES or dtype in ("float16", "float64")):
            found[key] = Part(_name(key, f"{kind}."), _shape(key, feature), dtype if dtype in DTYPES else "float32")
    if len(found) == 1:
        return {key: replace(part, name="") for key, part in found.items()}
    return found


def _name(key: str, *prefixes: str) -> str:
    for prefix in prefixes:
        key = key.removeprefix(prefix)
    return unquote(key)


def _shape(key: str, feature: Mapping[str, Any]) -> tuple[int, ...]:
    shape = feature.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and 0 < size <= 2**24 for size in shape):
        raise InvalidDataset(f"the feature {key[:100]!r} has the shape {str(shape)[:50]}; repair {lerobot_files.INFO}")
    if prod(shape) > LARGEST_PICTURE:
        raise InvalidDataset(f"the feature {key[:100]!r} has {prod(shape)} numbers a step, too many to be true")
    return tuple(shape)


def _picture_shape(key: str, feature: Mapping[str, Any]) -> tuple[int, ...]:
    """(height, width, channels), whichever way round the feature says it."""
    shape, names = _shape(key, feature), feature.get("names")
    if len(shape) == 3 and isinstance(names, list) and names[:1] in (["channel"], ["channels"]):
        shape = (shape[1], shape[2], shape[0])
    if len(shape) != 3 or shape[2] not in pictures.MODES:
        raise InvalidDataset(f"the pictures {key[:100]!r} have the shape {shape}, expected height, width, channels")
    return shape


def _about(root: Path, info: Info, columns: _Columns, episodes: list[Episode]) -> About:
    clips, left_out = {}, 0
    for number, episode in enumerate(episodes):
        if episode.clip is not None and lerobot_files.inside(root, episode.clip.file).is_file():
            clips[number] = episode.clip
        else:
            left_out += episode.clip is not None
    tasks = sorted({task for episode in episodes for task in episode.tasks})
    facts = {
        "format": f"LeRobot {info.version}",
        "robot": info.robot_type,
        "fps": f"{info.fps:g}" if info.fps else None,
    }
    named = {task: _tag(task) for task in tasks} if len(tasks) > 1 else {}
    tags = {tag: tuple(n for n, e in enumerate(episodes) if task in e.tasks) for task, tag in named.items()}
    facts |= {tag: task for task, tag in named.items() if tag != f"{TASK}{task}".strip()}
    said = [f"{left_out} videos are missing"] if left_out else []
    said += [f"replays show the camera {info.cameras[0]!r} of {len(info.cameras)}"] if len(info.cameras) > 1 else []
    return About(
        observations=tuple(columns.observations.values()),
        actions=tuple(columns.actions.values()),
        images=tuple(columns.images.values()),
        has_rewards=columns.reward is not None,
        has_costs=columns.cost is not None,
        n_steps=sum(episode.length for episode in episodes),
        observation_names=_names(info, columns.observations, "obs"),
        action_names=_names(info, columns.actions, "action"),
        notes=tuple(said),
        tags={**tags, **_successes(root, columns, episodes)},
        clips=clips,
        facts={key: value for key, value in (*facts.items(), *(("task", task) for task in tasks[:1])) if value},
    )


def _tag(task: str) -> str:
    """Of a task's episodes: its text, or as much of it as a tag can hold with a digest that tells it from others."""
    try:
        return checked_name(f"{TASK}{task}", "a tag")
    except InvalidLabels:
        digest = sha256(task.encode("utf-8", "surrogatepass")).hexdigest()[:6]
        return f"{TASK}{' '.join(readable(task).split())[:60]}… {digest}"


def _names(info: Info, parts: Mapping[str, Part], kind: str) -> tuple[str, ...]:
    """Names of all numbers, where a feature gives names to its own; else none."""
    found: list[str] = []
    for key, part in parts.items():
        names = info.features[key].get("names")
        if isinstance(names, dict) and len(names) == 1:  # {"motors": [...]}, as in version 2
            names = next(iter(names.values()))
        if isinstance(names, list) and len(names) == part.size and all(isinstance(name, str) for name in names):
            found += [f"{part.name} {name}"[:60] if part.name else name[:60] for name in names]
        else:
            found += flat_names((part,), kind)
    generic = flat_names(tuple(parts.values()), kind)
    return tuple(found) if len(set(found)) == len(found) and tuple(found) != generic else ()


def _successes(root: Path, columns: _Columns, episodes: list[Episode]) -> dict[str, tuple[int, ...]]:
    """The tag of the episodes whose `next.success` is ever true: one small column, read ahead."""
    if columns.success is None:
        return {}
    found: list[int] = []
    for batch, first, numbers in _batches(root, episodes, ["episode_index", columns.success], row_bytes=16):
        success = _flat(batch, columns.success, 1)[:, 0] > 0
        found += (first + np.unique(numbers[success])).tolist()
    return {"success": tuple(sorted(set(found)))}


def _batches(
    root: Path, episodes: list[Episode], names: list[str], row_bytes: int
) -> Iterator[tuple[pa.RecordBatch, int, np.ndarray]]:
    """Rows of all data files in blocks, checked against the metadata: the batch, its first episode, and [n] how many
    episodes later each row belongs."""
    offsets = np.cumsum([0, *(episode.length for episode in episodes)])
    indices = np.array([episode.index for episode in episodes])
    at = 0
    for data in dict.fromkeys(episode.data for episode in episodes):
        path = lerobot_files.inside(root, data)
        if not path.is_file():
            raise InvalidDataset(f"the data file {data} is missing; copy the dataset again")
        file = parquet_files.opened(path)
        missing = [name for name in names if name not in file.schema_arrow.names]
        if missing:
            raise InvalidDataset(f"{data} has no column {missing[0][:100]!r}; repair the dataset")
        for batch in parquet_files.batches(file, names, row_bytes):
            rows = np.arange(at, at + len(batch))
            owner = np.searchsorted(offsets, rows, side="right") - 1
            said = parquet_files.numbers(batch.column("episode_index"), "episode_index")
            if rows.size and (rows[-1] >= offsets[-1] or (said != indices[np.minimum(owner, len(indices) - 1)]).any()):
                raise InvalidDataset(f"the rows of {data} are not those that its metadata list; repair the dataset")
            at += len(batch)
            if len(batch):
                yield batch, int(owner[0]), owner - owner[0]
    if at != offsets[-1]:
        raise InvalidDataset(f"it has {at} steps, its metadata say {offsets[-1]}; copy the dataset again")


def _steps(
    root: Path, columns: _Columns, episodes: list[Episode], take: Callable[[int], pa.Table] | None
) -> Iterator[Steps]:
    offsets = np.cumsum([episode.length for episode in episodes])
    at = 0
    for batch, _, _ in _batches(root, episodes, columns.names, columns.row_bytes):
        n = len(batch)
        last = np.isin(np.arange(at, at + n) + 1, offsets)
        at += n
        final = take(int(last.sum())) if take else None
        yield Steps(
            observations=_vectors(batch, columns.observations),
            actions=_vectors(batch, columns.actions),
            ends=_ends(batch, columns, last),
            rewards=_single(batch, columns.reward),
            costs=_single(batch, columns.cost),
            images=_pictures(batch, columns.images),
            final_observations=_vectors(final, columns.observations) if final is not None else None,
            final_images=_pictures(final, columns.images) if final is not None else NOTHING,
        )


def _finals(root: Path, columns: _Columns) -> Callable[[int], pa.Table]:
    """A function that gives the next `n` rows of the file of final observations."""
    file = parquet_files.opened(lerobot_files.inside(root, FINALS))
    there = [name for name in (*columns.observations, *columns.images) if name in file.schema_arrow.names]
    rows = (
        batch.slice(row, 1)
        for batch in parquet_files.batches(file, there, columns.row_bytes)
        for row in range(len(batch))
    )
    schema = pa.schema([file.schema_arrow.field(name) for name in there])

    def take(n: int) -> pa.Table:
        found = [row.select(there) for row in islice(rows, n)]
        if len(found) < n or not set(columns.observations) <= set(there):
            raise InvalidDataset(f"{FINALS} does not fit the data; export the dataset again")
        return pa.Table.from_batches(found, schema).combine_chunks()

    return take


def _flat(batch: pa.RecordBatch | pa.Table, name: str, size: int) -> np.ndarray:
    """[n, size] numbers of a column, be they alone or in lists."""
    column = batch.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return parquet_files.vectors(column, name, size)


def _vectors(batch: pa.RecordBatch | pa.Table, parts: Mapping[str, Part]) -> np.ndarray:
    return flat_arrays.joined((_flat(batch, name, part.size) for name, part in parts.items()), batch.num_rows)


def _single(batch: pa.RecordBatch, name: str | None) -> np.ndarray | None:
    return None if name is None else flat_arrays.as_floats(_flat(batch, name, 1))[:, 0]


def _ends(batch: pa.RecordBatch, columns: _Columns, last: np.ndarray) -> np.ndarray:
    """[n] uint8 bits at the last step of each episode; an episode that is not said to be over was cut off."""
    bits = np.zeros(len(last), dtype=np.uint8)
    for name, bit in ((columns.done, TERMINATED), (columns.truncated, CUT_OFF)):
        if name is not None:
            bits |= np.where(_flat(batch, name, 1)[:, 0] > 0, bit, 0).astype(np.uint8)
    found: np.ndarray = np.where(last, np.where(bits == 0, CUT_OFF, bits), 0).astype(np.uint8)
    return found


def _pictures(batch: pa.RecordBatch | pa.Table, parts: Mapping[str, Part]) -> Mapping[str, np.ndarray]:
    """[n, height, width, channels] by name of the part, of those that there are."""
    there = {key: part for key, part in parts.items() if key in batch.schema.names}
    return {part.name: pictures.decoded(batch.column(key), key, part) for key, part in there.items()} or NOTHING
