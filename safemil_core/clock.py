"""Times: as they are kept, and as people say how long something takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def now(to: Literal["milliseconds", "seconds"] = "seconds") -> str:
    """UTC, ISO 8601: runs and what belongs to them are dated to the second, names, labels and imports finer."""
    return datetime.now(UTC).isoformat(timespec=to)


def duration(seconds: float) -> str:
    """`4.2 s`, `38 s`, `1 min 2 s`, `3 h 20 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
