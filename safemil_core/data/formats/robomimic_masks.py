"""robomimic's filter keys: `mask/<key>` lists the names of demonstrations. Three are labels, the others tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import h5py
import numpy as np

from safemil_core.data.formats import hdf5
from safemil_core.errors import InvalidDataset

MASK = "mask"
LABELS = ("non_preferred", "preferred", "unsure")
LARGEST_LIST = 2**26
"""Bytes."""

Masks = Mapping[str, Sequence[int]]
"""Places of demonstrations in the file by key."""


def fits(tag: str) -> bool:
    """Whether a tag can be a key: HDF5 takes `/` for a path, and three keys are labels."""
    return tag.isprintable() and "/" not in tag and tag not in ("", ".", *LABELS)


def write(file: h5py.File, labels: Mapping[int, str], tags: Masks) -> None:
    """Write the labels and those tags that fit, for demonstrations called `demo_<number>`."""
    of_labels = {label: [number for number, given in sorted(labels.items()) if given == label] for label in LABELS}
    masks = {key: numbers for key, numbers in of_labels.items() if numbers}
    for key, numbers in {**masks, **{tag: members for tag, members in tags.items() if fits(tag)}}.items():
        names = [f"demo_{number}".encode() for number in numbers]
        file.require_group(MASK)[key] = np.array(names, dtype=None if names else "S1")


def read(file: h5py.File, demos: Sequence[str]) -> tuple[dict[int, str], dict[str, tuple[int, ...]], list[str]]:
    """Labels by the place of a demonstration among `demos`, tags, and remarks on what makes no sense, a sentence each.

    Raises:
        InvalidDataset: a list is a link or holds no names.
    """
    if MASK not in file:
        return {}, {}, []
    place = {demo: number for number, demo in enumerate(demos)}
    tags, remarks = {}, []
    group = hdf5.group(file, MASK)
    for key in hdf5.members(group):
        names = _names(group, key)
        unknown = sum(name not in place for name in names)
        if unknown:
            remarks.append(f"mask/{key} names {unknown} demonstrations that are not in the file")
        tags[key] = tuple(sorted({place[name] for name in names if name in place}))
    given = {label: tags.pop(label, ()) for label in LABELS}
    labels, disputed = _labels(given)
    if disputed:
        shown = ", ".join(demos[number] for number in disputed[:5])
        remarks.append(f"{len(disputed)} demonstrations have several labels and so keep none: {shown}")
    return labels, tags, remarks


def _labels(given: Masks) -> tuple[dict[int, str], list[int]]:
    """The label of each demonstration that has one, and those that have several."""
    labels: dict[int, str] = {}
    disputed: set[int] = set()
    for label, numbers in given.items():
        disputed |= labels.keys() & set(numbers)
        labels |= dict.fromkeys(numbers, label)
    return {number: label for number, label in labels.items() if number not in disputed}, sorted(disputed)


def _names(group: h5py.Group, key: str) -> Iterable[str]:
    if hdf5.is_group(group, key):  # which refuses a link
        raise InvalidDataset(f"mask/{key} is a group, expected a list of demonstrations")
    found = group[key]
    if not isinstance(found, h5py.Dataset) or h5py.check_string_dtype(found.dtype) is None or found.ndim != 1:
        raise InvalidDataset(f"mask/{key} is not a list of names; remove it")
    if found.external is not None or found.is_virtual:
        raise InvalidDataset(f"mask/{key} keeps its data in another file; store the list itself")
    if found.size * found.dtype.itemsize > LARGEST_LIST or (found.size and found.id.get_storage_size() == 0):
        raise InvalidDataset(f"mask/{key} declares {found.size} names, more than it holds")
    return [str(name) for name in found.asstr(errors="replace")[:]]
