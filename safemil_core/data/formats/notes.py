"""What SafeMIL writes into an export beside the arrays, as JSON: labels, segments, tags, parts and names.

Every format has its own place for this text (an HDF5 attribute, Parquet metadata, a file); its content is one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from safemil_core.data.curated import Curated
from safemil_core.data.recording import REFERENCES, About, Part
from safemil_core.errors import InvalidDataset

KEY = "safemil"
"""Name of the attribute, metadata entry or file stem that holds it."""

LARGEST = 64 * 2**20
"""Characters; more is refused unread."""
LONGEST_NAME = 200
"""Characters of a part's name."""


def to_json(curated: Curated) -> str:
    """All that the arrays of an export do not say."""
    about = curated.about
    labels, segments, tags = curated.renumbered()
    return json.dumps(
        {
            "observations": [asdict(part) for part in about.observations],
            "actions": [asdict(part) for part in about.actions],
            "images": [asdict(part) for part in about.images],
            "observation_names": about.observation_names,
            "action_names": about.action_names,
            "env_id": about.env_id,
            "references": dict(about.references),
            "facts": dict(about.facts),
            "knows_final_observations": curated.trajectories.final_observations is not None,
            "labels": labels,
            "segments": segments,
            "tags": tags,
        }
    )


Place = Callable[[Part], tuple[str, ...]]
"""Where a part lies in a file, by which it is known again."""


def by_name(of: Part) -> tuple[str, ...]:
    """The place of a part that lies under its own name."""
    return (of.name,)


def from_json(text: str | bytes, about: About, place: Place = by_name) -> tuple[About, bool]:
    """`about` as the file's arrays have it, completed by what the text says.

    Args:
        text: what `to_json` gave.
        about: with the parts as they follow from the arrays; parts of the text replace them where the sizes agree,
            images where they lie in the same places.
        place: where the file has an image.

    Returns:
        The completed `about`, and whether the file's final observations are true ones (not made up to fill a slot).

    Raises:
        InvalidDataset: the text is not what `to_json` gives.
    """
    if len(text) > LARGEST:
        raise InvalidDataset(f"its {KEY!r} notes are longer than {LARGEST >> 20} MiB; export the file again")
    try:
        notes = json.loads(text)
        return _completed(about, notes, place), bool(notes.get("knows_final_observations", True))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InvalidDataset(f"its {KEY!r} notes are damaged; export the file again, or remove them") from None


def _completed(about: About, notes: Mapping[str, Any], place: Place) -> About:
    observations, actions, images = (
        tuple(_part(part) for part in notes.get(key, ())) for key in ("observations", "actions", "images")
    )
    return replace(
        about,
        observations=observations if _sizes(observations) == _sizes(about.observations) else about.observations,
        actions=actions if _sizes(actions) == _sizes(about.actions) else about.actions,
        images=images if [*map(place, images)] == [*map(place, about.images)] else about.images,
        observation_names=_names(notes.get("observation_names", ())),
        action_names=_names(notes.get("action_names", ())),
        env_id=about.env_id or (str(notes["env_id"])[:200] if notes.get("env_id") else None),
        references=_references(notes.get("references", {})),
        facts={str(key): str(value) for key, value in notes.get("facts", {}).items()},
        labels={int(number): str(label) for number, label in notes.get("labels", {}).items()},
        segments={
            int(number): tuple((int(first), int(last)) for first, last in spans)
            for number, spans in notes.get("segments", {}).items()
        },
        tags={str(tag): tuple(int(n) for n in members) for tag, members in notes.get("tags", {}).items()},
    )


def _part(values: Mapping[str, Any]) -> Part:
    n_choices = values["n_choices"]
    return Part(
        name=str(values["name"])[:LONGEST_NAME],
        shape=tuple(int(size) for size in values["shape"]),
        dtype=str(values["dtype"]),
        n_choices=None if n_choices is None else int(n_choices),
    )


def _references(said: Mapping[str, Any]) -> dict[str, float]:
    """Those that are known and finite: JSON knows numbers that nothing can be measured in."""
    values = {key: float(said[key]) for key in REFERENCES if key in said}
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _sizes(parts: tuple[Part, ...]) -> int:
    return sum(part.size for part in parts)


def _names(names: object) -> tuple[str, ...]:
    return tuple(str(name) for name in names) if isinstance(names, (list, tuple)) else ()
