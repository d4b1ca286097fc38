"""Minari's datasets: a folder `data` with `metadata.json` beside HDF5, Arrow or Parquet. Read as data; `write` is HDF5.

Source: https://github.com/Farama-Foundation/Minari (dataset/minari_storage.py, dataset/_storages). The environment
that metadata name is never made, and Minari itself is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safemil_core.data.formats import hdf5, nested
from safemil_core.data.formats.minari_arrow import ArrowStorage
from safemil_core.data.formats.minari_episodes import COST_KEYS, Hdf5Storage, Layout, Storage, space_of, steps, told_of
from safemil_core.data.formats.minari_spaces import Space, parsed
from safemil_core.data.formats.minari_writer import FACTS, HAS_REWARDS, MAIN_FILE, METADATA_FILE, write
from safemil_core.data.formats.notes import KEY
from safemil_core.data.recording import About, Options, Part, Recording
from safemil_core.errors import InvalidDataset

LARGEST_METADATA = 2**25
"""Bytes; a space of large pictures takes a few million, as Minari writes out the bounds of every pixel."""
LONGEST_FACT = 10_000
LABELS = ("non_preferred", "preferred", "unsure", "none")


def detect(path: Path) -> bool:
    """Whether a folder, or the folder `data` in it, is a Minari dataset."""
    try:
        folder = _folder(path)
        if not (folder / METADATA_FILE).is_file():
            return hdf5.is_hdf5(folder / MAIN_FILE)  # of before 0.5: for `read` to say
        return {"total_episodes", "total_steps"} <= _metadata(folder).keys()
    except (InvalidDataset, OSError):
        return False


def read(path: Path, options: Options) -> Recording:
    """Open a dataset; its episodes are read as they are asked for.

    Raises:
        InvalidDataset: one sentence that names what is wrong and the cure.
    """
    folder = _folder(path)
    metadata = _metadata(folder)
    storage = _storage(folder, metadata)
    observed, acted = (_space(folder, metadata, kind) for kind in ("observations", "actions"))
    if acted.left_out or not acted.leaves:
        raise InvalidDataset(f"its actions hold no numbers: {', '.join(acted.left_out) or 'an empty space'}")
    if not observed.leaves:
        raise InvalidDataset(f"its observations hold no numbers: {', '.join(observed.left_out) or 'an empty space'}")
    costs, labels = _episodes(storage)
    leaves = {
        (kind, leaf.part.name): leaf
        for kind, space in (("observations", observed), ("actions", acted))
        for leaf in space.leaves
    }
    found = About(
        observations=tuple(leaf.part for leaf in observed.vector),
        actions=tuple(leaf.part for leaf in acted.leaves),
        images=tuple(leaf.part for leaf in observed.images),
        has_rewards=metadata.get(HAS_REWARDS, True) is not False,
        has_costs=costs is not None,
        n_steps=metadata["total_steps"] if isinstance(metadata.get("total_steps"), int) else None,
        env_id=_env_id(metadata),
        facts=_facts(metadata),
        notes=tuple(_notes(observed, acted)),
    )
    text = metadata.get(KEY)
    about, knows_final_observations = nested.completed(found, text if isinstance(text, str) else None)
    about = replace(about, labels={n: label for n, label in {**about.labels, **labels}.items() if label != "none"})
    layout = Layout(about, leaves, costs, knows_final_observations)
    return Recording(about, steps(layout, storage))


def _folder(path: Path) -> Path:
    return path / "data" if (path / "data").is_dir() else path


def _metadata(folder: Path) -> dict[str, Any]:
    path = folder / METADATA_FILE
    if not path.is_file():
        raise InvalidDataset(f"it has no {METADATA_FILE}, as before Minari 0.5; download its present version")
    if folder.is_symlink() or path.is_symlink():
        raise InvalidDataset(f"{METADATA_FILE} is a link to somewhere else; copy the file itself")
    if path.stat().st_size > LARGEST_METADATA:
        raise InvalidDataset(f"{METADATA_FILE} is larger than {LARGEST_METADATA >> 20} MiB")
    try:
        metadata = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise InvalidDataset(f"{METADATA_FILE} is damaged; copy the dataset again") from None
    if not isinstance(metadata, dict):
        raise InvalidDataset(f"{METADATA_FILE} is damaged; copy the dataset again")
    return metadata


def _storage(folder: Path, metadata: Mapping[str, Any]) -> Storage:
    n = metadata.get("total_episodes")
    if not isinstance(n, int) or not 1 <= n <= hdf5.MOST_MEMBERS:
        raise InvalidDataset(f"{METADATA_FILE} says that it has {str(n)[:40]} episodes, expected at least one")
    kind = metadata.get("data_format", "hdf5")
    if kind == "arrow" or kind == "parquet":
        return ArrowStorage(folder, n, kind)
    if kind != "hdf5":
        raise InvalidDataset(f"its data format {str(kind)[:40]!r} is unknown; store it as hdf5, arrow or parquet")
    path = folder / MAIN_FILE
    if path.is_symlink() or not path.is_file():
        raise InvalidDataset(f"{MAIN_FILE} is missing or a link to somewhere else; copy the file itself")
    return Hdf5Storage(path, n)


def _space(folder: Path, metadata: Mapping[str, Any], kind: str) -> Space:
    """Of `observations` or `actions`; metadata may leave it to the environment, which is not asked."""
    text = metadata.get(f"{kind.removesuffix('s')}_space")
    if text is None and (folder / MAIN_FILE).is_file():
        return parsed(space_of(folder / MAIN_FILE, kind))
    if not isinstance(text, str):
        raise InvalidDataset(f"{METADATA_FILE} has no space of its {kind}; save the dataset with Minari 0.5 or newer")
    try:
        return parsed(json.loads(text))
    except RecursionError:
        raise InvalidDataset(f"the space of its {kind} is nested too deep") from None
    except ValueError as problem:
        if isinstance(problem, InvalidDataset):
            raise
        raise InvalidDataset(f"the space of its {kind} is damaged; copy the dataset again") from None


def _episodes(storage: Storage) -> tuple[tuple[str | int, ...] | None, dict[int, str]]:
    """Where every episode has its costs, if all have them, and the labels that their metadata bring."""
    costs, labels = list(COST_KEYS), {}
    with storage.opened() as episodes:
        for number, episode in enumerate(episodes):
            with told_of(number):
                costs = [keys for keys in costs if episode.has(keys)]
                label = episode.label()
            if label in LABELS:
                labels[number] = label
    return costs[0] if costs else None, labels


def _env_id(metadata: Mapping[str, Any]) -> str | None:
    try:
        env_id = json.loads(metadata["env_spec"])["id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return env_id[:200] if isinstance(env_id, str) and env_id else None


def _facts(metadata: Mapping[str, Any]) -> dict[str, str]:
    facts = {}
    for key in FACTS:
        value = metadata.get(key)
        if isinstance(value, list):
            value = ", ".join(str(one) for one in value)
        if isinstance(value, str) and value:
            facts[key] = value[:LONGEST_FACT]
    return facts


def _notes(observed: Space, acted: Space) -> list[str]:
    left_out = [f"the observation {name} is left out: it holds no numbers" for name in observed.left_out]
    counted = [leaf for leaf in (*observed.leaves, *acted.leaves) if leaf.first]
    return left_out + [f"{_shown(leaf.part)} counts from {leaf.first}; here it counts from 0" for leaf in counted]


def _shown(part: Part) -> str:
    return repr(part.name) if part.name else "a discrete value"


__all__ = ["detect", "read", "write"]
