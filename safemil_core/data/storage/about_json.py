"""About as JSON text and back: as it leaves the reading process, and as it is kept beside a dataset's arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from safemil_core.data.recording import About, Clip, Part


def to_json(about: About) -> str:
    """All of it."""
    return json.dumps(
        {
            **{key: [asdict(part) for part in getattr(about, key)] for key in ("observations", "actions", "images")},
            **{key: getattr(about, key) for key in ("has_rewards", "has_costs", "n_states", "n_steps", "env_id")},
            **{key: list(getattr(about, key)) for key in ("observation_names", "action_names", "notes")},
            **{key: dict(getattr(about, key)) for key in ("references", "labels", "segments", "tags", "facts")},
            "clips": {trajectory: asdict(clip) for trajectory, clip in about.clips.items()},
        }
    )


def from_json(text: str) -> About:
    """What `to_json` gave."""
    values: dict[str, Any] = json.loads(text)
    read: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("observations", "actions", "images"), lambda parts: tuple(map(part_of, parts))),
        **dict.fromkeys(("observation_names", "action_names", "notes"), tuple),
        "labels": lambda labels: {int(trajectory): label for trajectory, label in labels.items()},
        "segments": lambda of: {int(t): tuple((first, last) for first, last in spans) for t, spans in of.items()},
        "tags": lambda tags: {tag: tuple(members) for tag, members in tags.items()},
        "clips": lambda clips: {int(trajectory): Clip(**clip) for trajectory, clip in clips.items()},
    }
    return About(**{key: read[key](value) if key in read else value for key, value in values.items()})


def part_of(values: dict[str, Any]) -> Part:
    """A part that `dataclasses.asdict` took apart."""
    return Part(**{**values, "shape": tuple(values["shape"])})
