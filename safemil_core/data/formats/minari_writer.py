"""Curated trajectories as a Minari dataset in HDF5, which `minari.MinariDataset` opens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from safemil_core.data.curated import Curated, CuratedTrajectory
from safemil_core.data.formats import nested, notes
from safemil_core.data.formats.minari_spaces import path as path_of
from safemil_core.data.formats.minari_spaces import serialized
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Part

METADATA_FILE = "metadata.json"
MAIN_FILE = "main_data.hdf5"
FACTS = ("dataset_id", "description", "author", "author_email", "algorithm_name", "code_permalink", "requirements")
"""Of its metadata that a dataset's card keeps."""
LISTS = ("author", "author_email", "requirements")
"""Facts of which Minari has several."""
HAS_REWARDS = "safemil_has_rewards"
"""False where the rewards, without which Minari does not open a dataset, are made up."""
RAW_PICTURES, SPACES_IN_METADATA = "0.5.4", "0.5.0"
"""The first versions of Minari that read such files."""

_DATASET_ID = re.compile(r"[-\w]+-v\d+")
_UNFIT = re.compile(r"[^-\w]+")
_ENV_ID = re.compile(r"([\w:-]+/)?[\w:.-]+?(-v\d+)?")
"""Of gymnasium (envs/registration.py); Minari does not open a dataset with another."""


def write(curated: Curated, path: Path) -> None:
    """Write `path/data/`, with labels and weights in the metadata of episodes and everything else in `metadata.json`.

    Raises:
        InvalidDataset: a part's name cannot be that of an array.
    """
    about = curated.about
    metadata = _metadata(curated, path.name) | {
        "observation_space": json.dumps(serialized(about.observations + about.images)),
        "action_space": json.dumps(serialized(about.actions)),
    }
    (path / "data").mkdir(parents=True)
    with h5py.File(path / "data" / MAIN_FILE, "w") as file:
        for number, one in enumerate(curated):
            _write_episode(file.create_group(f"episode_{number}"), number, one, about)
    size = (path / "data" / MAIN_FILE).stat().st_size
    metadata["dataset_size"] = round(size / 1e6, 1)
    (path / "data" / METADATA_FILE).write_text(json.dumps(metadata))
    if curated.card:
        (path / "README.md").write_text(curated.card)


def _metadata(curated: Curated, name: str) -> dict[str, Any]:
    about = curated.about
    metadata: dict[str, Any] = {
        "total_episodes": len(curated),
        "total_steps": curated.n_steps,
        "data_format": "hdf5",
        "jpeg_encoding": False,  # pictures are kept bit for bit
        "dataset_id": name if _DATASET_ID.fullmatch(name) else f"{_UNFIT.sub('-', name)}-v0",
        "minari_version": RAW_PICTURES if about.images else SPACES_IN_METADATA,
        HAS_REWARDS: curated.trajectories.rewards is not None,
        notes.KEY: notes.to_json(curated),
    }
    if about.env_id and _ENV_ID.fullmatch(about.env_id):
        metadata["env_spec"] = json.dumps({"id": about.env_id, "additional_wrappers": []})
    facts = {key: about.facts[key] for key in FACTS if key in about.facts}
    return {key: value.split(", ") if key in LISTS else value for key, value in facts.items()} | metadata


def _write_episode(group: h5py.Group, number: int, one: CuratedTrajectory, about: About) -> None:
    group.attrs.update({"id": number, "total_steps": len(one), "label": one.label, "trajectory": one.number})
    if one.weight is not None:
        group.attrs["weight"] = one.weight
    if one.tags:
        group.attrs["tags"] = ", ".join(one.tags)
    # Where the final observation is not known, the last one fills its place; our notes say so.
    final = one.observations[-1] if one.final_observation is None else one.final_observation
    observed = nested.columns(about.observations, np.concatenate([one.observations, final[None]]))
    for name, pictures in one.images.items():
        last = one.final_images.get(name, pictures[-1])
        observed[name] = np.concatenate([pictures, last[None]])
    _write_parts(group, "observations", about.observations + about.images, observed)
    _write_parts(group, "actions", about.actions, nested.columns(about.actions, one.actions))
    group["rewards"] = np.zeros(len(one), dtype=np.float32) if one.rewards is None else one.rewards
    last_step = np.arange(len(one)) == len(one) - 1
    group["terminations"] = last_step & bool(one.end & TERMINATED)
    group["truncations"] = last_step & bool(one.end & CUT_OFF)
    if one.costs is not None:
        group["infos/cost"] = one.costs
    if one.learned_costs is not None:
        group["infos/learned_cost"] = one.learned_costs


def _write_parts(group: h5py.Group, kind: str, parts: tuple[Part, ...], columns: dict[str, np.ndarray]) -> None:
    alone = len(parts) == 1 and not parts[0].name
    for part in parts:
        keys = () if alone else path_of(part)
        group["/".join((kind, *keys))] = columns[part.name]
