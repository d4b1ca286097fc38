"""What several files say of themselves, as one: they make one dataset, so parts must be equal and numbers go on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from safemil_core.data.labels.records import LONGEST_NAME, checked_name
from safemil_core.data.recording import About, Clip, Part, readable
from safemil_core.errors import InvalidDataset, InvalidLabels

LONGEST_TEXT = 200
"""Characters of a dimension's name, or of what a fact is called."""
LONGEST_FACTS = 250_000
"""Characters of all facts together: they are read at every listing of datasets."""
LABELS = ("non_preferred", "preferred", "unsure")


def common(abouts: Sequence[About], names: Sequence[str]) -> About:
    """What holds for all of them, before any is read; labels, segments, tags and clips follow with `brought`.

    Raises:
        InvalidDataset: they do not have the same parts, or not in the same order.
    """
    abouts = [_readable(about) for about in abouts]
    first = abouts[0]
    for about, name in zip(abouts[1:], names[1:], strict=True):
        _require_one_order(about, name, first, names[0])
        for kind in ("observations", "actions", "images"):
            mine, other = _shapes(getattr(first, kind)), _shapes(getattr(about, kind))
            if mine != other:
                raise InvalidDataset(
                    f"{name} has {kind} {_said(other)}, {names[0]} has {_said(mine)}; import them apart"
                )
    counts = [about.n_steps for about in abouts]
    return About(
        observations=_parts([about.observations for about in abouts]),
        actions=_parts([about.actions for about in abouts]),
        images=_parts([about.images for about in abouts]),
        has_rewards=all(about.has_rewards for about in abouts),
        has_costs=all(about.has_costs for about in abouts),
        n_states=_equal([about.n_states for about in abouts], 0),
        n_steps=None if None in counts else sum(count for count in counts if count is not None),
        env_id=_equal([about.env_id for about in abouts], None),
        observation_names=_names(_equal([about.observation_names for about in abouts], ()), first.observations),
        action_names=_names(_equal([about.action_names for about in abouts], ()), first.actions),
        references=_equal([dict(about.references) for about in abouts], {}),
        facts=_facts({key: value for about in reversed(abouts) for key, value in about.facts.items()}),
        notes=_notes(abouts, names),
    )


def _readable(about: About) -> About:
    """With texts that every page can show and every format can keep."""
    return replace(
        about,
        env_id=" ".join(readable(about.env_id).split()) or None if about.env_id else None,
        observation_names=tuple(readable(name)[:LONGEST_TEXT] for name in about.observation_names),
        action_names=tuple(readable(name)[:LONGEST_TEXT] for name in about.action_names),
        notes=tuple(map(readable, about.notes)),
        facts={readable(key)[:LONGEST_TEXT]: readable(value) for key, value in about.facts.items()},
    )


def _require_one_order(about: About, name: str, first: About, first_name: str) -> None:
    """Numbers go on in their places: what both call the same has to be in the same one, and so has what they number."""
    for kind, here, there in (
        ("observations", about.observation_names, first.observation_names),
        ("actions", about.action_names, first.action_names),
    ):
        places = {known: place for place, known in enumerate(there)}
        moved = [known for place, known in enumerate(here) if places.get(known, place) != place]
        if moved:
            raise InvalidDataset(
                f"{name} has its {kind} in another order than {first_name} ({moved[0]!r} is elsewhere); "
                "bring their columns into one order, or import them apart"
            )
        n = max(len(here), len(there))
        for mine, other in zip(_numbers(here, n), _numbers(there, n), strict=False):  # none where one has no numbers
            if mine != other:
                raise InvalidDataset(
                    f"{name} numbers its {kind} otherwise than {first_name} ({mine} is where that has {other}); "
                    "number the columns of both alike, or import them apart"
                )


def _numbers(names: tuple[str, ...], n: int) -> list[int]:
    """The numbers of names that count one thing, like s1, s2, s3; from 0 on where there are no names, as of columns
    whose numbers say no more than their places; none where names say more."""
    matches = [re.fullmatch(r"(.*?)(\d{1,9})\]?", name) for name in names or map(str, range(n))]
    is_family = len({match and match[1] for match in matches}) == 1
    return [int(match[2]) for match in matches if match] if is_family else []


def _notes(abouts: Sequence[About], names: Sequence[str]) -> tuple[str, ...]:
    notes = [
        note if len(abouts) == 1 else f"{n}: {note}" for a, n in zip(abouts, names, strict=True) for note in a.notes
    ]
    for has, what in (("has_rewards", "rewards"), ("has_costs", "costs")):
        without = [name for about, name in zip(abouts, names, strict=True) if not getattr(about, has)]
        if 0 < len(without) < len(abouts):
            notes.append(f"{what} are left out, because {without[0]} has none")
    for kind in ("observation_names", "action_names"):
        if len({getattr(about, kind) for about in abouts} - {()}) > 1:
            notes.append(f"the files call their {kind.partition('_')[0]}s differently, so they have numbers for names")
    if len({about.env_id for about in abouts}) > 1:
        notes.append("the files name different environments, so none is taken")
    return tuple(notes)


@dataclass(frozen=True)
class Share:
    """The part of a dataset that one file gave."""

    about: About
    first: int
    """Number of its first trajectory in the dataset."""
    lengths: np.ndarray
    """[n] steps of its trajectories."""


def brought(shares: Sequence[Share]) -> dict[str, Any]:
    """Labels, segments, tags and clips of all files by the numbers in the dataset, as fields of About, and notes.

    What names a trajectory, a step or a label that is not there is left out and said, and so is what can be no tag.
    """
    labels: dict[int, str] = {}
    segments: dict[int, tuple[tuple[int, int], ...]] = {}
    tags: dict[str, tuple[int, ...]] = {}
    clips: dict[int, Clip] = {}
    n_given, unfit = 0, set()
    for share in shares:
        about, first, lengths = share.about, share.first, share.lengths
        there, said = range(len(lengths)), {tag: members for tag, members in about.tags.items() if _is_tag(tag)}
        unfit |= about.tags.keys() - said.keys()
        labels |= {first + t: label for t, label in about.labels.items() if t in there and label in LABELS}
        segments |= {
            first + t: spans
            for t, spans in about.segments.items()
            if t in there and all(0 <= a <= b < lengths[t] for a, b in spans)
        }
        for tag, members in said.items():
            tags[tag] = (*tags.get(tag, ()), *(first + t for t in dict.fromkeys(members) if t in there))
        clips |= {first + t: clip for t, clip in about.clips.items() if t in there}
        n_given += len(about.labels) + len(about.segments) + sum(len(set(members)) for members in said.values())
    n_taken = len(labels) + len(segments) + sum(map(len, tags.values()))
    lost = n_given - n_taken
    notes = [f"{lost} labels, segments or tags speak of what is not there and are left out"] if lost else []
    if unfit:
        notes.append(f"{len(unfit)} tags are left out: empty, unreadable or of more than {LONGEST_NAME} characters")
    return {"labels": labels, "segments": segments, "tags": tags, "clips": clips, "notes": notes}


def _is_tag(text: str) -> bool:
    try:
        checked_name(text, "a tag")
    except InvalidLabels:
        return False
    return True


def _shapes(parts: tuple[Part, ...]) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.name, part.shape) for part in parts]


def _said(shapes: list[tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name} {shape}".strip() for name, shape in shapes)[:200] or "none"


def _parts(several: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """The type that holds all values: of unlike types float32, of choices the most."""
    found = []
    for alike in zip(*several, strict=True):
        counts = [part.n_choices for part in alike if part.n_choices is not None]
        n_choices = max(counts) if len(counts) == len(alike) else None
        dtype = _equal([part.dtype for part in alike], "float32")
        found.append(replace(alike[0], dtype=dtype, n_choices=n_choices))
    return tuple(found)


def _names(names: tuple[str, ...], parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Names that are one for each number and tell them apart."""
    size = sum(part.size for part in parts)
    return names if len(names) == len(set(names)) == size else ()


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    """The first ones, as many as may be kept."""
    ends = accumulate(len(key) + len(value) for key, value in facts.items())
    return {key: value for (key, value), end in zip(facts.items(), ends, strict=True) if end <= LONGEST_FACTS}


def _equal(values: Sequence[Any], otherwise: Any) -> Any:
    return values[0] if all(value == values[0] for value in values) else otherwise
