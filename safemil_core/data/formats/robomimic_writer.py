"""Curated trajectories in robomimic's HDF5 layout, with `mask/non_preferred` and a mask for each tag."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from safemil_core.data.curated import Curated, CuratedTrajectory
from safemil_core.data.formats import nested, notes, robomimic_masks
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Part

ENV_ARGS = "env_args"
STATES = "states"
"""Of a simulator; empty where there is none."""
FLAT, PICTURE = "flat", "image"
"""robomimic's name of an observation that is one vector (its D4RL conversion), and ours of a picture without a name."""
TRUNCATED, COSTS, LEARNED_COSTS = "truncated", "costs", "learned_costs"
"""Ours: the layout has no place for them, and robomimic reads by name."""
GYM = 2
"""Of robomimic's environment types (envs/env_base.py)."""


def write(curated: Curated, path: Path) -> None:
    """Write a file that robomimic trains on; what it has no place for is in arrays and attributes that it leaves alone.

    Raises:
        InvalidDataset: a part's name cannot be that of an array.
    """
    nested.check_paths(keys(part) for part in curated.about.observations + curated.about.images)
    labels, _, tags = curated.renumbered()
    with h5py.File(path, "w") as file:
        file.attrs[notes.KEY] = notes.to_json(curated)
        data = file.create_group("data")
        data.attrs["total"] = curated.n_steps
        data.attrs[ENV_ARGS] = _env_args(curated.about)
        for number, one in enumerate(curated):
            _write_demo(data.create_group(f"demo_{number}"), one, curated.about)
        robomimic_masks.write(file, labels, tags)


def keys(of: Part) -> tuple[str, ...]:
    """Where an observation lies within `obs` and `next_obs`."""
    return nested.keys(of) or ((PICTURE if nested.is_image(of) else FLAT),)


def _env_args(about: About) -> str:
    """As the file had them that the data came from, with which robomimic makes the environment."""
    return about.facts.get(ENV_ARGS) or json.dumps({"env_name": about.env_id or "", "env_type": GYM, "env_kwargs": {}})


def _write_demo(demo: h5py.Group, one: CuratedTrajectory, about: About) -> None:
    demo.attrs.update({"num_samples": len(one), TRUNCATED: bool(one.end & CUT_OFF), "trajectory": one.number})
    if one.weight is not None:
        demo.attrs["weight"] = one.weight
    # Where the final observation is not known, the last one fills its place; our notes say so.
    final = one.observations[-1] if one.final_observation is None else one.final_observation
    observed = nested.columns(about.observations, np.concatenate([one.observations, final[None]]))
    for name, pictures in one.images.items():
        observed[name] = np.concatenate([pictures, one.final_images.get(name, pictures[-1])[None]])
    for key, steps in (("obs", slice(None, -1)), ("next_obs", slice(1, None))):
        group = demo.create_group(key, track_order=True)
        for part in about.observations + about.images:
            group["/".join(keys(part))] = observed[part.name][steps]
    demo["actions"] = one.actions.astype(_common_type(about.actions))
    demo["dones"] = (np.arange(len(one)) == len(one) - 1) & bool(one.end & TERMINATED)
    demo[STATES] = np.zeros((len(one), 0)) if one.states is None else one.states
    for name, values in (("rewards", one.rewards), (COSTS, one.costs), (LEARNED_COSTS, one.learned_costs)):
        if values is not None:
            demo[name] = values


def _common_type(parts: tuple[Part, ...]) -> str:
    """Of one array of all actions."""
    types = {part.dtype for part in parts}
    return types.pop() if len(types) == 1 else "float32"
