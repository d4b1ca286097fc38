"""The Review page's player: one trajectory large, and the keys that judge it. What comes next is `review_queue`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dashboard.components import trajectory_stage
from dashboard.components.trajectory_stage import Press, Wanted

KEYS = ("n", "p", "u", "s", "r", "z", "j", "k", "Enter", "Backspace")
"""Those that Python hears of; the others (play, zoom, spikes, brush, reasons, help) stay in the browser."""

_player = trajectory_stage.register("safemil_review", "review_player")


def review_player(key: str, wanted: Wanted, facts: Mapping[str, Any], on_press: Callable[[Press], None]) -> None:
    """Show the stage, see `trajectory_stage.show`."""
    trajectory_stage.show(_player, key, wanted, facts, KEYS, on_press)
