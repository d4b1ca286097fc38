"""Where a LeRobot dataset of version 2.1 or 3.0 keeps what: its info, its episodes, and the files of each.

Source: huggingface/lerobot, src/lerobot/datasets/utils.py. Not what the data columns mean (`lerobot`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Any

from safemil_core.data.formats import parquet_files
from safemil_core.data.recording import Clip
from safemil_core.errors import InvalidDataset

INFO = "meta/info.json"
EPISODES_V2 = "meta/episodes.jsonl"
EPISODES_V3 = "meta/episodes"
DATA_V3 = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_V2 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
LARGEST_TEXT = 2**26
"""Bytes of a file of JSON."""
MOST_EPISODES = 1_000_000
FIELDS = ("chunk_index", "file_index", "episode_chunk", "episode_index", "video_key")
"""That a path of `info.json` may name."""
CLIP_COLUMNS = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
"""Of a camera, in version 3's metadata of episodes."""


@dataclass(frozen=True)
class Info:
    """What `meta/info.json` says, as far as it is used."""

    version: str
    features: Mapping[str, Mapping[str, Any]]
    """By column; each has a `dtype` and a `shape`."""
    fps: float
    chunks_size: int
    data_path: str
    video_path: str | None
    robot_type: str | None

    @property
    def cameras(self) -> list[str]:
        """Features that are kept as videos."""
        return [key for key, feature in self.features.items() if feature.get("dtype") == "video"]


@dataclass(frozen=True)
class Episode:
    """One episode as the metadata describe it."""

    index: int
    length: int
    tasks: tuple[str, ...]
    data: str
    """Its data file, relative to the dataset."""
    clip: Clip | None
    """Of the first camera."""


def inside(root: Path, relative: str) -> Path:
    """A path within the dataset.

    Raises:
        InvalidDataset: it leads out of the dataset, or by a link.
    """
    path, pieces = root / relative, Path(relative).parts
    try:
        is_link = any(root.joinpath(*pieces[: n + 1]).is_symlink() for n in range(len(pieces)))
        is_inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # too long, a loop, a zero byte
        raise InvalidDataset(f"the path {relative[:100]!r} cannot be followed; repair {INFO}") from None
    if is_link:
        raise InvalidDataset(f"{relative[:100]!r} is a link; download or copy the files themselves")
    if not is_inside or ".." in pieces or Path(relative).is_absolute():
        raise InvalidDataset(f"the path {relative[:100]!r} leads out of the dataset's folder; repair {INFO}")
    return path


def text(root: Path, relative: str) -> str:
    """A text file of the dataset.

    Raises:
        InvalidDataset: it is missing, too large, or no text.
    """
    path = inside(root, relative)
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise InvalidDataset(f"{relative} is larger than {LARGEST_TEXT >> 20} MiB; split the dataset")
        return path.read_text("utf-8")
    except (OSError, UnicodeError):
        raise InvalidDataset(f"{relative} is missing or no text; copy the dataset again") from None


def info(root: Path) -> Info:
    """Read and check `meta/info.json`.

    Raises:
        InvalidDataset: it is damaged, or of another version.
    """
    try:
        found = json.loads(text(root, INFO))
        version, features = found["codebase_version"], found["features"]
        if version not in ("v2.0", "v2.1", "v3.0"):
            raise InvalidDataset(f"it is of LeRobot version {str(version)[:20]}; convert it to v2.1 or v3.0")
        return Info(
            version=version,
            features={str(key): dict(feature) for key, feature in features.items()},
            fps=float(found.get("fps") or 0),
            chunks_size=max(1, int(found.get("chunks_size") or 1000)),
            data_path=str(found.get("data_path") or (DATA_V3 if version == "v3.0" else DATA_V2)),
            video_path=str(found["video_path"]) if found.get("video_path") else None,
            robot_type=str(found["robot_type"])[:200] if found.get("robot_type") else None,
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as problem:
        if isinstance(problem, InvalidDataset):
            raise
        raise InvalidDataset(f"{INFO} is damaged; copy the dataset again") from None


def episodes(root: Path, about: Info) -> list[Episode]:
    """All episodes in the order of their index.

    Raises:
        InvalidDataset: the metadata of episodes are damaged or do not fit one another.
    """
    rows = _rows_v3(root, about) if about.version == "v3.0" else _rows_v2(root)
    found: list[Episode] = []
    try:
        for row in rows:
            if len(found) >= MOST_EPISODES:
                raise InvalidDataset(f"it has more than {MOST_EPISODES:,} episodes; split the dataset")
            found.append(_episode(row, about))
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as problem:
        if isinstance(problem, InvalidDataset):
            raise
        raise InvalidDataset("its metadata of episodes are damaged; copy the dataset again") from None
    found.sort(key=lambda episode: episode.index)
    if not found:
        raise InvalidDataset("it has no episodes")
    for before, after in pairwise(found):
        if before.index == after.index:
            raise InvalidDataset(f"episode {after.index} is listed twice in its metadata; copy the dataset again")
    return found


def _episode(row: Mapping[str, Any], about: Info) -> Episode:
    index, length = int(row["episode_index"]), int(row["length"])
    if index < 0 or length < 1:
        raise InvalidDataset(f"episode {index} is said to have {length} steps; repair its metadata")
    places = {"episode_index": index, "episode_chunk": index // about.chunks_size}
    if about.version == "v3.0":
        places |= {"chunk_index": int(row["data/chunk_index"]), "file_index": int(row["data/file_index"])}
    return Episode(
        index=index,
        length=length,
        tasks=tuple(str(task)[:200] for task in (row.get("tasks") or ())[:20]),
        data=_filled(about.data_path, places),
        clip=_clip(row, about, places, length),
    )


def _clip(row: Mapping[str, Any], about: Info, places: Mapping[str, int], length: int) -> Clip | None:
    if not about.cameras or about.video_path is None:
        return None
    camera = about.cameras[0]
    if about.version != "v3.0":
        seconds = length / about.fps if about.fps > 0 else 0.0
        return Clip(_filled(about.video_path, {**places, "video_key": camera}), 0.0, seconds)
    said = [row.get(f"videos/{camera}/{key}") for key in CLIP_COLUMNS]
    if any(value is None for value in said):
        return None
    chunk, file, start, end = (float(value) for value in said if value is not None)
    names: dict[str, int | str] = {"chunk_index": int(chunk), "file_index": int(file), "video_key": camera}
    return Clip(_filled(about.video_path, names), start, end)


def _filled(template: str, values: Mapping[str, int | str]) -> str:
    """The path; only plain fields, so that a template cannot reach into anything."""
    path = ""
    for literal, name, spec, conversion in Formatter().parse(template):
        path += literal
        if name is None:
            continue
        if name not in FIELDS or name not in values or conversion or not re.fullmatch(r"(0?\d?d)?", spec or ""):
            raise InvalidDataset(f"the path {template[:100]!r} in {INFO} has an unknown field; repair it")
        path += format(values[name], spec or "")
    return path


def _rows_v2(root: Path) -> Iterator[dict[str, Any]]:
    for line in text(root, EPISODES_V2).split("\n"):  # `splitlines` also breaks within a task's text
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise InvalidDataset(f"{EPISODES_V2} is damaged; copy the dataset again")
            yield row


def _rows_v3(root: Path, about: Info) -> Iterator[dict[str, Any]]:
    folder = inside(root, EPISODES_V3)
    wanted = {"episode_index", "length", "tasks", "data/chunk_index", "data/file_index"}
    wanted |= {f"videos/{camera}/{key}" for camera in about.cameras[:1] for key in CLIP_COLUMNS}
    for path in sorted(folder.glob("*/*.parquet")):
        file = parquet_files.opened(inside(root, path.relative_to(root).as_posix()))
        names = [name for name in file.schema_arrow.names if name in wanted]
        for batch in parquet_files.batches(file, names, row_bytes=1000):
            with parquet_files.in_one_sentence():
                rows: list[dict[str, Any]] = batch.select(names).to_pylist()
            yield from rows
