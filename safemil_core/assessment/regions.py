"""Which trajectories pass through a region that somebody drew over two dimensions of the state. NumPy only."""

from __future__ import annotations

import numpy as np

from safemil_core.data.trajectories import TrajectorySet, owners
from safemil_core.errors import InvalidConfig

BLOCK = 262_144
"""Steps that are looked at together: of a memory-mapped dataset no more is held at once."""
MOST_CORNERS = 2_000


def paths_through(trajectories: TrajectorySet, x: int, y: int, polygon: np.ndarray) -> np.ndarray:
    """Numbers of the trajectories whose path, step to step in straight lines, touches a polygon's inside or edge.

    Args:
        trajectories: N of them, read in blocks.
        x: the coordinate along the first axis.
        y: the one along the second.
        polygon: [V, 2] corners in order; the last is joined to the first. Where it crosses itself, even-odd.

    Raises:
        InvalidConfig: fewer than three corners, too many, or one that is no number.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MOST_CORNERS:
        raise InvalidConfig(f"a region needs 3 to {MOST_CORNERS} corners of two numbers, got {corners.shape}")
    if not np.isfinite(corners).all():
        raise InvalidConfig("a corner of the region is not a number; draw it again")
    is_hit = np.zeros(len(trajectories), dtype=bool)
    for first in range(0, trajectories.n_steps, BLOCK):
        # One step more, so that the line into the next block is looked at too.
        points = trajectories.coordinates[first : first + BLOCK + 1, [x, y]].astype(np.float64)
        steps = np.arange(first, first + len(points))
        of = owners(trajectories.offsets, steps)
        is_hit[of[_inside(points, corners)]] = True
        goes_on = of[:-1] == of[1:]
        is_hit[of[:-1][goes_on][_crossing(points[:-1][goes_on], points[1:][goes_on], corners)]] = True
    return np.flatnonzero(is_hit)


def _inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """[n] bool, by counting edges to the right of each point (even-odd rule); only those in the bounding box."""
    near = np.flatnonzero(((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1))
    px, py = points[near].T
    is_inside = np.zeros(len(near), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay != by:
            spans = (ay > py) != (by > py)
            is_inside ^= spans & (px < ax + (py - ay) / (by - ay) * (bx - ax))
    found = np.zeros(len(points), dtype=bool)
    found[near] = is_inside
    return found


def _crossing(starts: np.ndarray, ends: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """[n] bool, whether the line from each start to its end meets any edge; only those near the bounding box."""
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    near = np.flatnonzero(((high >= corners.min(axis=0)) & (low <= corners.max(axis=0))).all(axis=1))
    p, q = starts[near], ends[near]
    meets = np.zeros(len(near), dtype=bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        touches_box = ((np.maximum(p, q) >= np.minimum(a, b)) & (np.minimum(p, q) <= np.maximum(a, b))).all(axis=1)
        apart = (_side(p, q, a) * _side(p, q, b) > 0) | (_side(a, b, p) * _side(a, b, q) > 0)
        meets |= touches_box & ~apart
    found = np.zeros(len(starts), dtype=bool)
    found[near] = meets
    return found


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """On which side of the line from a to b a point lies: positive left, negative right, 0 on it."""
    side: np.ndarray = np.sign((b - a)[..., 0] * (point - a)[..., 1] - (b - a)[..., 1] * (point - a)[..., 0])
    return side
