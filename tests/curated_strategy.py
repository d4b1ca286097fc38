"""Random small curated sets, and the check that a file gives one back: what the round trips of all formats share."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from safemil_core.data.curated import Curated
from safemil_core.data.recording import CUT_OFF, TERMINATED, About, Part, Recording
from safemil_core.data.trajectories import TrajectorySet

PART_NAMES = ("velocity", "robot/arm", "robot/hand/grip", "Größe", "a b", "zeta.2", "0", "10", "2")
"""Leaves of one tree: none is a folder of another."""
IMAGE_NAMES = ("camera", "wrist/camera")
IMAGE_SHAPES = ((32, 40, 3), (33, 32, 1), (32, 32, 4))
"""Large enough that every format takes them for pictures, not for small grids of numbers."""
TAG_NAMES = ("grasp fails", "späte", "left/right", "valid", "preferred", "..")
ODD_FLOATS = np.array([-0.0, 1e-45, 3.4028235e38, -1e-38, 1 / 3], dtype=np.float32)
EXACT = 2**24
"""Whole numbers up to here are exact as float32."""


def parts(nested: bool = True) -> st.SearchStrategy[tuple[Part, ...]]:
    """One part without a name, or, where `nested`, up to three leaves of a dictionary in any order."""
    alone = _part("").map(lambda part: (part,))
    names = st.lists(st.sampled_from(PART_NAMES), min_size=1, max_size=3, unique=True)
    leaves = names.flatmap(lambda chosen: st.tuples(*(_part(name) for name in chosen)))
    return st.one_of(alone, leaves) if nested else alone


def _part(name: str) -> st.SearchStrategy[Part]:
    shapes = st.sampled_from([(3,), (1,), (2, 2), (), (3,)])
    number = shapes.map(lambda shape: Part(name, shape))
    whole = st.builds(
        Part, st.just(name), st.sampled_from([(2,), ()]), st.sampled_from(["int32", "int64", "uint8", "int8", "bool"])
    )
    choice = st.integers(1, 5).map(lambda n: Part(name, (), "int64", n))
    return st.one_of(number, number, whole, choice)


@st.composite
def curated_sets(
    draw: st.DrawFn, *, nested: bool = True, images: bool = True, finals: bool = True, costs: bool = True
) -> Curated:
    """A few ragged trajectories, some of them chosen, in any order, with labels, segments, tags and weights.

    Args:
        draw: hypothesis's.
        nested: with dictionaries of parts.
        images: some with image observations (and some of these without any other observation).
        finals: some with known final observations.
        costs: some with true costs.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    n, total = len(lengths), sum(lengths)
    pictures: tuple[Part, ...] = ()
    if images and draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(IMAGE_NAMES), min_size=1, max_size=2, unique=True))
        pictures = tuple(Part(name, draw(st.sampled_from(IMAGE_SHAPES)), "uint8") for name in names)
    # An observation without a name leaves no room for a picture beside it.
    observed = draw(parts(nested).filter(lambda found: not pictures or found[0].name != "")) if nested else ()
    if not nested and not pictures:
        observed = draw(parts(nested=False))
    if pictures and draw(st.booleans()):
        observed = ()
    acted = draw(parts(nested))
    knows_finals = finals and draw(st.booleans())
    named = draw(st.booleans())
    about = About(
        observations=observed,
        actions=acted,
        images=pictures,
        has_rewards=draw(st.booleans()),
        has_costs=costs and draw(st.booleans()),
        env_id=draw(st.sampled_from([None, "SafetyCarCircle-v0", "made by hand"])),
        observation_names=tuple(f"x{i}" for i in range(_size(observed))) if named else (),
        action_names=tuple(f"u{i}" for i in range(_size(acted))) if named else (),
        references=draw(st.sampled_from([{}, {"random_return": 1.5, "constrained_cost": 20.0}])),
        facts=draw(st.sampled_from([{}, {"author": "Ada, Grace", "task": "reach"}])),
    )
    trajectories = TrajectorySet(
        observations=_values(observed, total, rng),
        actions=_values(acted, total, rng),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        rewards=_floats((total,), rng) if about.has_rewards else None,
        costs=_floats((total,), rng) if about.has_costs else None,
        ends=draw(
            st.one_of(
                st.none(),
                st.lists(st.sampled_from([TERMINATED, CUT_OFF, TERMINATED | CUT_OFF]), min_size=n, max_size=n).map(
                    lambda ends: np.array(ends, dtype=np.uint8)
                ),
            )
        ),
        final_observations=_values(observed, n, rng) if knows_finals else None,
        images={part.name: _pixels(part, total, rng) for part in pictures},
        final_images={part.name: _pixels(part, n, rng) for part in pictures} if knows_finals else {},
    )
    numbers = st.sets(st.integers(0, n - 1)).map(lambda members: tuple(sorted(members)))
    return Curated(
        trajectories=trajectories,
        chosen=np.array(draw(st.permutations(range(n)))[: draw(st.integers(1, n))], dtype=np.int64),
        about=about,
        labels=np.array(
            draw(
                st.lists(st.sampled_from(["none", "non_preferred", "preferred", "unsure"]), min_size=n, max_size=n),
            )
        ),
        segments={number: _segments(lengths[number], rng) for number in draw(numbers)},
        tags=draw(st.dictionaries(st.sampled_from(TAG_NAMES), numbers, max_size=3)),
        weights=rng.random(n) if draw(st.booleans()) else None,
        learned_costs=rng.random(total).astype(np.float32) if draw(st.booleans()) else None,
        card=draw(st.sampled_from(["", "# Who, what, how\n"])),
    )


def assert_same(curated: Curated, recording: Recording) -> None:
    """The recording is what was curated, bit for bit, with the same parts, names, labels, segments and tags."""
    about, expected = recording.about, curated.about
    assert about.observations == expected.observations
    assert about.actions == expected.actions
    assert about.images == expected.images
    assert (about.has_rewards, about.has_costs) == (
        curated.trajectories.rewards is not None,
        curated.trajectories.costs is not None,
    )
    assert about.env_id == expected.env_id
    assert about.observation_names == expected.observation_names
    assert about.action_names == expected.action_names
    assert dict(about.references) == dict(expected.references)
    assert about.facts.items() >= expected.facts.items()
    labels, segments, tags = curated.renumbered()
    assert (dict(about.labels), dict(about.segments), dict(about.tags)) == (labels, segments, tags)
    assert about.n_steps in (None, curated.n_steps)
    _assert_same_steps(curated, recording)


def _assert_same_steps(curated: Curated, recording: Recording) -> None:
    blocks, chosen = list(recording.steps), list(curated)
    assert sum(len(block) for block in blocks) == curated.n_steps
    ends = np.concatenate([block.ends for block in blocks])
    assert ends.dtype == np.uint8
    assert ends.tolist() == [code for one in chosen for code in [*[0] * (len(one) - 1), one.end]]
    _same([b.observations for b in blocks], [one.observations for one in chosen])
    _same([b.actions for b in blocks], [one.actions for one in chosen])
    _same([b.rewards for b in blocks], [one.rewards for one in chosen])
    _same([b.costs for b in blocks], [one.costs for one in chosen])
    for part in curated.about.images:
        _same([b.images[part.name] for b in blocks], [one.images[part.name] for one in chosen])
    ending = [block for block in blocks if block.ends.any()]
    _same(
        [b.final_observations for b in ending],
        [None if one.final_observation is None else one.final_observation[None] for one in chosen],
    )
    assert {name for block in ending for name in block.final_images} == set(curated.trajectories.final_images)
    for name in curated.trajectories.final_images:
        _same([b.final_images[name] for b in ending], [one.final_images[name][None] for one in chosen])


def _same(found: list[np.ndarray | None], expected: list[Any]) -> None:
    if expected[0] is None:
        assert all(array is None for array in found)
        return
    assert all(array is not None for array in found)
    left, right = np.concatenate(found), np.concatenate(expected)  # type: ignore[arg-type]
    assert (left.dtype, left.shape) == (right.dtype, right.shape)
    assert left.tobytes() == right.tobytes(), (left, right)


def _size(of: tuple[Part, ...]) -> int:
    return sum(part.size for part in of)


def _values(of: tuple[Part, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    columns = [_of_part(part, (n, part.size), rng) for part in of]
    return np.concatenate(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.float32)


def _of_part(part: Part, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if part.dtype == "float32":
        return _floats(shape, rng)
    if part.n_choices is not None:
        return rng.integers(part.n_choices, size=shape).astype(np.float32)
    if part.dtype == "bool":
        return rng.integers(2, size=shape).astype(np.float32)
    limits = np.iinfo(part.dtype)
    return rng.integers(max(limits.min, -EXACT), min(limits.max, EXACT), size=shape, endpoint=True).astype(np.float32)


def _floats(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(size=shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.2, rng.choice(ODD_FLOATS, size=shape), values).astype(np.float32)


def _pixels(part: Part, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(256, size=(n, *part.shape), dtype=np.uint8)


def _segments(length: int, rng: np.random.Generator) -> tuple[tuple[int, int], ...]:
    first = int(rng.integers(length))
    return ((first, int(rng.integers(first, length))),)
