"""NPZ: flat arrays over all steps in a zip archive, under DSRL's, OmniSafe's or SafeDICE's names.

SafeDICE itself publishes pickles, which are never read; an NPZ of the same arrays is. Sources: DSRL offline_env.py,
OmniSafe common/offline/data_collector.py, SafeDICE main_safetygym.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from safemil_core.data.curated import Curated, CuratedTrajectory
from safemil_core.data.formats import flat_arrays, notes
from safemil_core.data.formats.flat_arrays import FLAGS, Ends, as_floats, of_part, part_of
from safemil_core.data.formats.npz_archive import Archive, Array, len_of, names_in, write_array
from safemil_core.data.recording import CUT_OFF, NOTHING, TERMINATED, About, Options, Part, Recording, Steps
from safemil_core.errors import InvalidDataset

IMAGE, FINAL_IMAGE = "image.", "final_image."
"""Before the names of image arrays [steps, height, width, channels] and [episodes, height, width, channels]."""

LABELS = ("none", "non_preferred", "preferred", "unsure")
"""By their number in `trajectory_labels`: NPZ has no text without pickles."""
OURS = ("learned_costs", "trajectory_labels", "trajectory_weights")
"""Written for whoever trains with the file; not read back."""


def detect(path: Path) -> bool:
    """Whether a file is a zip archive of arrays; which of them are missing is for `read` to say."""
    return path.is_file() and bool(names_in(path))


def read(path: Path, options: Options) -> Recording:
    """Open lazily.

    Raises:
        InvalidDataset: an array is missing or does not fit the others, or the archive is not to be trusted.
    """
    archive = Archive(path)
    layout = _layout(archive.arrays)
    ends = Ends(options.episode_length)
    if ends.length is None and not _ever_ends(archive, layout):
        raise InvalidDataset(
            "it does not say where episodes end ('terminals', 'timeouts' or 'done' are missing or never true);"
            " give the length of an episode"
        )
    about, known = _about(archive, layout), True
    if notes.KEY in archive.arrays:
        images = about.images  # as the arrays have them
        about, known = notes.from_json(archive.whole(notes.KEY, notes.LARGEST).tobytes(), about)
        about = replace(about, images=images)
    return Recording(about, _steps(archive, layout, about, ends, knows_finals=known))


@dataclass(frozen=True)
class _Layout:
    """Which array is what."""

    roles: Mapping[str, str]
    images: Mapping[str, str]
    """Array of each image part."""
    finals: Mapping[str, str]
    """Array of each image part's final images."""
    n_steps: int

    @property
    def flags(self) -> dict[str, str]:
        return {role: self.roles[role] for role in FLAGS if role in self.roles}


def _layout(arrays: Mapping[str, Array]) -> _Layout:
    roles = flat_arrays.roles(arrays)
    images = {unquote(name.removeprefix(IMAGE)): name for name in arrays if name.startswith(IMAGE)}
    finals = {unquote(name.removeprefix(FINAL_IMAGE)): name for name in arrays if name.startswith(FINAL_IMAGE)}
    seen = roles.get("observations")
    if seen is not None and _is_image(arrays[seen]):
        images[seen] = roles.pop("observations")
        roles.pop("next_observations", None)
    if "actions" not in roles or not ("observations" in roles or images):
        missing = "actions" if "actions" not in roles else "observations"
        names = " or ".join(repr(name) for name in flat_arrays.NAMES[missing])
        raise InvalidDataset(f"the array {names} is missing; it has {', '.join(sorted(arrays)[:20])}")
    n_steps = len_of(arrays[roles["actions"]])
    if n_steps == 0:
        raise InvalidDataset("it holds no steps")
    for role, name in [*roles.items(), *(("images", name) for name in images.values())]:
        _check_shape(role, name, arrays[name], n_steps)
    for image, name in finals.items():
        if (
            image not in images
            or not _is_image(arrays[name])
            or arrays[name].shape[1:] != arrays[images[image]].shape[1:]
        ):
            raise InvalidDataset(f"{name!r} does not fit the images {image!r}; leave it out")
    return _Layout(roles, images, finals, n_steps)


def _is_image(array: Array) -> bool:
    return len(array.shape) == 4 and array.dtype == np.uint8


def _check_shape(role: str, name: str, array: Array, n_steps: int) -> None:
    if len_of(array) != n_steps or not array.shape:
        raise InvalidDataset(f"{name!r} has {len_of(array)} steps, 'actions' has {n_steps}; they must be equal")
    if role == "images" and not _is_image(array):
        raise InvalidDataset(f"{name!r} is {array.dtype} of shape {array.shape}, expected uint8 images")
    if (
        role not in ("observations", "actions", "next_observations", "images")
        and array.row_bytes != array.dtype.itemsize
    ):
        raise InvalidDataset(f"{name!r} has the shape {array.shape}, expected one value a step")


def _ever_ends(archive: Archive, layout: _Layout) -> bool:
    names = list(layout.flags.values())
    return bool(names) and any(flag.any() for block in archive.blocks(names) for flag in block.values())


def _about(archive: Archive, layout: _Layout) -> About:
    arrays, roles = archive.arrays, layout.roles
    observations = (_part(arrays[roles["observations"]]),) if "observations" in roles else ()
    if "next_observations" in roles and arrays[roles["next_observations"]].shape != arrays[roles["observations"]].shape:
        raise InvalidDataset(f"{roles['next_observations']!r} and {roles['observations']!r} differ in shape")
    return About(
        observations=observations,
        actions=(_action(archive, roles["actions"]),),
        images=tuple(replace(_part(arrays[array]), name=name) for name, array in layout.images.items()),
        has_rewards="rewards" in roles,
        has_costs="costs" in roles,
        n_steps=layout.n_steps,
        notes=_left_out(archive, layout),
    )


def _left_out(archive: Archive, layout: _Layout) -> tuple[str, ...]:
    used = {*layout.roles.values(), *layout.images.values(), *layout.finals.values(), notes.KEY, *OURS}
    left = sorted(set(archive.arrays) - used)
    return (f"{', '.join(left[:20])}: not read, no known names",) if left else ()


def _part(array: Array) -> Part:
    return part_of(array.dtype, array.shape[1:])


def _action(archive: Archive, name: str) -> Part:
    """Whole numbers, one a step, not negative: a choice, of as many as occur."""
    part = _part(archive.arrays[name])
    if part.size != 1 or "int" not in part.dtype:
        return part
    bounds = [(int(block[name].min()), int(block[name].max())) for block in archive.blocks([name])]
    if min(low for low, _ in bounds) < 0:
        return part
    return replace(part, shape=(), n_choices=max(high for _, high in bounds) + 1)


def _steps(archive: Archive, layout: _Layout, about: About, ends: Ends, *, knows_finals: bool) -> Iterator[Steps]:
    roles = layout.roles
    final_images = {name: archive.taker(array) for name, array in layout.finals.items()}
    for block in archive.blocks([*roles.values(), *layout.images.values()]):
        n = len(block[roles["actions"]])
        bits = ends.of({role: block[name] for role, name in layout.flags.items()}, n)
        at_end = np.flatnonzero(bits)
        after: np.ndarray | None = None
        if "next_observations" in roles and knows_finals:
            after = as_floats(block[roles["next_observations"]][at_end])
        elif not about.observations and layout.finals:
            after = np.zeros((len(at_end), 0), dtype=np.float32)
        yield Steps(
            observations=flat_arrays.joined([block[roles["observations"]]] if "observations" in roles else [], n),
            actions=as_floats(block[roles["actions"]]),
            ends=bits,
            rewards=as_floats(block[roles["rewards"]])[:, 0] if about.has_rewards else None,
            costs=as_floats(block[roles["costs"]])[:, 0] if about.has_costs else None,
            images={name: block[array] for name, array in layout.images.items()} or NOTHING,
            final_observations=after,
            final_images={name: take(len(at_end)) for name, take in final_images.items()} or NOTHING,
        )


def write(curated: Curated, path: Path) -> None:
    """Write under DSRL's names, with `safemil` (JSON text as bytes) for what numbers do not say."""
    n, about, every = curated.n_steps, curated.about, curated.trajectories
    text = np.frombuffer(notes.to_json(curated).encode(), dtype=np.uint8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        write_array(archive, notes.KEY, text.dtype, text.shape, iter([text]))
        if about.observations:
            _write_parts(archive, "observations", about.observations, n, (one.observations for one in curated))
            _write_parts(archive, "next_observations", about.observations, n, map(_next_observations, curated))
        _write_parts(archive, "actions", about.actions, n, (one.actions for one in curated))
        floats, flags = np.dtype(np.float32), np.dtype(np.bool_)
        if every.rewards is not None:
            write_array(archive, "rewards", floats, (n,), (_known(one.rewards) for one in curated))
        if every.costs is not None:
            write_array(archive, "costs", floats, (n,), (_known(one.costs) for one in curated))
        write_array(archive, "terminals", flags, (n,), (_flag(one, TERMINATED) for one in curated))
        write_array(archive, "timeouts", flags, (n,), (_flag(one, CUT_OFF) for one in curated))
        for part in about.images:
            _write_images(archive, curated, part)
        _write_weights(archive, curated)


def _write_parts(
    archive: zipfile.ZipFile, name: str, parts: tuple[Part, ...], n: int, arrays: Iterator[np.ndarray]
) -> None:
    """A single part as it came, several side by side as float32. Small pictures among the numbers stay flat."""
    if len(parts) > 1:
        width = sum(part.size for part in parts)
        write_array(archive, name, np.dtype(np.float32), (n, width), arrays)
        return
    part = parts[0]
    shape = (part.size,) if len(part.shape) == 3 and part.dtype == "uint8" else part.shape
    write_array(archive, name, np.dtype(part.dtype), (n, *shape), (of_part(array, parts, 0) for array in arrays))


def _write_images(archive: zipfile.ZipFile, curated: Curated, part: Part) -> None:
    name, pixels = quote(part.name, safe=""), np.dtype(np.uint8)
    shape = (curated.n_steps, *part.shape)
    write_array(archive, IMAGE + name, pixels, shape, (one.images[part.name] for one in curated))
    if part.name in curated.trajectories.final_images:
        shape = (len(curated), *part.shape)
        write_array(archive, FINAL_IMAGE + name, pixels, shape, (one.final_images[part.name] for one in curated))


def _write_weights(archive: zipfile.ZipFile, curated: Curated) -> None:
    m = (len(curated),)
    labels = np.array([LABELS.index(str(curated.labels[number])) for number in curated.chosen], dtype=np.int8)
    write_array(archive, "trajectory_labels", labels.dtype, m, iter([labels]))
    if curated.weights is not None:
        weights = curated.weights[curated.chosen]
        write_array(archive, "trajectory_weights", np.dtype(np.float64), m, iter([weights]))
    if curated.learned_costs is not None:
        costs = (_known(one.learned_costs) for one in curated)
        write_array(archive, "learned_costs", np.dtype(np.float32), (curated.n_steps,), costs)


def _next_observations(one: CuratedTrajectory) -> np.ndarray:
    """[T, O]: where the last one is not known the slot repeats what came before, and the notes say so."""
    last = one.observations[-1] if one.final_observation is None else one.final_observation
    return np.concatenate([one.observations[1:], last[None]])


def _flag(one: CuratedTrajectory, bit: int) -> np.ndarray:
    flags = np.zeros(len(one), dtype=np.bool_)
    flags[-1] = bool(one.end & bit)
    return flags


def _known(values: np.ndarray | None) -> np.ndarray:
    assert values is not None  # the set has them for all its trajectories or for none
    return values
