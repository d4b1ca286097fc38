"""The files of a dataset as they grow block by block: arrays, keys and the table of trajectories, all checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path

import numpy as np

from safemil_core.data.recording import About, Part, Steps
from safemil_core.data.storage.npy_stream import NpyStream, mapped
from safemil_core.data.storage.statistics import Moments
from safemil_core.data.storage.trajectory_table import TableFile
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset

KEY_BYTES = 16


class DatasetFiles:
    """Takes blocks of steps in order. Unfinished trajectories are written too, and cut off where they stay so.

    Raises:
        InvalidDataset: arrays do not fit one another, a value is not finite, or there is too much of them.
    """

    def __init__(self, into: Path, about: About, most_bytes: int) -> None:
        self._into, self._about, self._most_bytes = into, about, most_bytes
        self.totals: dict[str, Moments] = {}
        """Of all whole trajectories as one stretch, by array."""
        self.notes: list[str] = []
        self.parts = {"observations": about.observations, "actions": about.actions}
        """As the values turn out to be: what holds fractions is float32, whatever was said of it."""
        self._widths = widths(about)
        self._steps = {key: NpyStream(into / f"{key}.npy", "<f4", _row(key, n)) for key, n in self._widths.items()}
        self._images = {
            part.name: NpyStream(into / f"image-{place}.npy", "|u1", part.shape)
            for place, part in enumerate(about.images)
        }
        self._ends = NpyStream(into / "ends.npy", "|u1")
        self._keys = NpyStream(into / "keys.npy", "|u1", (KEY_BYTES,))
        self._finals: dict[str | None, NpyStream] | None = None
        """What was seen after the last actions, by image (None: the observations); unknown before the first end."""
        self._table = TableFile(into / "table.parquet")
        self._offsets = [0]
        self._open: dict[str, Moments] = {}
        """Of the trajectory that has begun and not ended."""
        self._hashes = [blake2b() for _ in (*self._steps, *self._images)]
        """Of its arrays."""
        self._suspects: dict[str, int] = {}
        """By array the first step of it that holds a value that is not finite."""

    @classmethod
    @contextmanager
    def opened(cls, into: Path, about: About, most_bytes: int) -> Iterator[DatasetFiles]:
        """Files that are whole when the block ends well, and closed whatever happens."""
        files = cls(into, about, most_bytes)
        try:
            yield files
        finally:
            files._close()

    @property
    def n_trajectories(self) -> int:
        return len(self._offsets) - 1

    @property
    def n_steps(self) -> int:
        """Of whole trajectories."""
        return self._offsets[-1]

    def lengths_from(self, first: int) -> np.ndarray:
        """[n] int64, steps of the trajectories from a number on."""
        return np.diff(np.array(self._offsets[first:], dtype=np.int64))

    def append(self, block: Steps) -> None:
        """Take `n` steps."""
        if len(block) == 0:
            return
        arrays, images = self._checked(block)
        before = self._steps["actions"].n_rows
        for kind in self.parts:
            self._heed_fractions(kind, arrays[kind])
        for key, array in arrays.items():
            self._steps[key].append(array.reshape(len(array), *_row(key, self._widths[key])))
        for name, stream in self._images.items():
            stream.append(images[name])
        if sum(stream.n_bytes for stream in (*self._steps.values(), *self._images.values())) > self._most_bytes:
            raise InvalidDataset(f"it unpacks to more than {self._most_bytes / 2**30:,.1f} GiB; split it")
        stops = np.flatnonzero(block.ends) + 1
        starts = np.append(0, stops)
        starts = starts[starts < len(block)]
        self._count(arrays, starts, before, stops)
        self._hash([*arrays.values(), *images.values()], starts, stops)
        self._offsets += (before + stops).tolist()
        self._ends.append(block.ends[stops - 1])
        if len(stops):
            self._append_finals(block, len(stops))

    def drop_unfinished(self) -> int:
        """Forget the trajectory that has not ended, as a file that ends within it ends; how many steps that were."""
        n = self._steps["actions"].n_rows - self.n_steps
        for stream in (*self._steps.values(), *self._images.values()):
            stream.cut(self.n_steps)
        self._open, self._suspects = {}, {}
        self._hashes = [blake2b() for _ in self._hashes]
        return n

    def check(self) -> None:
        """Once all is there: at least one trajectory, and only such values as the parts speak of."""
        if not self.n_trajectories:
            raise InvalidDataset("it holds no trajectory that ends; give the episode length, or mark where they end")
        for kind, parts in self.parts.items():
            total = self.totals[kind]
            for part, at in zip(parts, _starts(parts), strict=True):
                low, high = total.low[0, at : at + part.size], total.high[0, at : at + part.size]
                least, most = _range(part)
                if part.size and (low.min() < least or high.max() > most):
                    raise InvalidDataset(
                        f"{kind} {part.name} hold {low.min():g} to {high.max():g}, expected {least:g} to {most:g}"
                    )

    def _heed_fractions(self, kind: str, vectors: np.ndarray) -> None:
        found = list(self.parts[kind])
        for place, (part, at) in enumerate(zip(found, _starts(self.parts[kind]), strict=True)):
            values = vectors[:, at : at + part.size]
            if (part.dtype != "float32" or part.n_choices is not None) and (values != np.rint(values)).any():
                found[place] = replace(part, dtype="float32", n_choices=None)
                what = f"{kind} {part.name}".strip()
                self.notes.append(f"{what} are said to be whole numbers and hold fractions, so they are float32")
        self.parts[kind] = tuple(found)

    def _close(self) -> None:
        for stream in (*self._steps.values(), *self._images.values(), self._ends, self._keys):
            stream.close()
        for stream in (self._finals or {}).values():
            stream.close()
        self._table.close()
        np.save(self._into / "offsets.npy", np.array(self._offsets, dtype=np.int64), allow_pickle=False)

    def _checked(self, block: Steps) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Arrays of steps `[n, D]` and images of a block, by name, in the dataset's order."""
        n, arrays, images = len(block), {}, {}
        for key, width in self._widths.items():
            array = getattr(block, key)
            if array is None or array.shape != (n, *_row(key, width)):
                found = "is missing" if array is None else f"has shape {array.shape}"
                raise InvalidDataset(f"{key!r} {found}, expected {(n, *_row(key, width))}")
            arrays[key] = np.ascontiguousarray(array, dtype=np.float32).reshape(n, width)
        for part in self._about.images:
            image = block.images.get(part.name)
            if image is None or image.shape != (n, *part.shape) or image.dtype != np.uint8:
                raise InvalidDataset(f"the images {part.name!r} are not {n} of shape {part.shape}")
            images[part.name] = np.ascontiguousarray(image)
        return arrays, images

    def _count(self, arrays: Mapping[str, np.ndarray], starts: np.ndarray, before: int, stops: np.ndarray) -> None:
        """Take the moments of each stretch of a trajectory in the block; those that end go into the table."""
        whole: dict[str, Moments] = {}
        n_ends = len(stops)
        for key, array in arrays.items():
            moments = Moments.of(array, starts)
            if not moments.finite.all():
                bad = ~np.isfinite(array).all(axis=1)
                self._suspects.setdefault(key, before + int(np.argmax(bad)))
            if key in self._open:
                moments = self._open[key].continued(moments[:1]).followed_by(moments[1:])
            whole[key] = moments[:n_ends]
            self._open[key] = moments[n_ends:]
        self._open = {key: moments for key, moments in self._open.items() if len(moments)}
        if not n_ends:
            return
        for key, moments in whole.items():
            if not moments.finite.all():
                self._refuse(key, int(np.argmin(moments.finite)), before + stops)
            joined = moments.joined()
            self.totals[key] = self.totals[key].followed_by(joined).joined() if key in self.totals else joined
        self._table.append(self.n_trajectories, whole)

    def _refuse(self, key: str, place: int, stops: np.ndarray) -> None:
        """Say that an array is not finite in the trajectory at this place among those that end, where `stops` says."""
        begin = int(stops[place - 1]) if place else self.n_steps
        raise InvalidDataset(
            f"{key!r} has a value that is not finite in trajectory {self.n_trajectories + place} at step "
            f"{self._suspects[key] - begin}; remove or repair it"
        )

    def _hash(self, arrays: list[np.ndarray], starts: np.ndarray, stops: np.ndarray) -> None:
        """A key for each trajectory that ends: equal content of all arrays of steps, equal key."""
        raw = [(array.reshape(len(array), -1).view(np.uint8)) for array in arrays if array.size]
        keys = bytearray()
        ends = set(stops.tolist())
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(arrays[0])], strict=True):
            for digest, bytes_of in zip(self._hashes, raw, strict=False):
                digest.update(bytes_of[start:stop].data)
            if stop in ends:
                digests = b"".join(digest.digest() for digest in self._hashes)
                keys += blake2b(digests, digest_size=KEY_BYTES).digest()
                self._hashes = [blake2b() for _ in self._hashes]
        self._keys.append(np.frombuffer(keys, np.uint8).reshape(-1, KEY_BYTES))

    def _append_finals(self, block: Steps, n_ends: int) -> None:
        """Keep what was seen after the last actions, where every file knows it of every trajectory."""
        given: dict[str | None, np.ndarray] = {}
        given.update(block.final_images.items())
        if block.final_observations is not None:
            given[None] = block.final_observations
        if self._finals is None:
            self._finals = {name: self._final_stream(name) for name in given}
        for name in [name for name in self._finals if name not in given]:
            stream = self._finals.pop(name)
            stream.close()
            stream.path.unlink()
            self.notes.append("what follows the last action is left out, because not every trajectory has it")
        for name, stream in self._finals.items():
            values = given[name]
            if values.shape != (n_ends, *stream.row_shape):
                raise InvalidDataset(f"the final observations have shape {values.shape}, expected one for each end")
            if values.dtype != np.uint8 and not np.isfinite(values).all():
                place = int(np.argmin(np.isfinite(values).all(axis=1)))
                number = self.n_trajectories - n_ends + place
                raise InvalidDataset(f"the final observation of trajectory {number} is not finite; remove or repair it")
            if name is None:
                self._heed_fractions("observations", values)
            stream.append(values.astype(stream.dtype, copy=False))

    def _final_stream(self, name: str | None) -> NpyStream:
        if name is None:
            return NpyStream(self._into / "final_observations.npy", "<f4", (self._widths["observations"],))
        place = [part.name for part in self._about.images].index(name)
        return NpyStream(self._into / f"final-image-{place}.npy", "|u1", self._about.images[place].shape)


def widths(about: About) -> dict[str, int]:
    """Numbers that a step has in each flat array."""
    found = {kind: sum(part.size for part in getattr(about, kind)) for kind in ("observations", "actions")}
    there = {"rewards": int(about.has_rewards), "costs": int(about.has_costs), "states": about.n_states}
    return {**found, **{key: n for key, n in there.items() if n}}


def _starts(parts: tuple[Part, ...]) -> list[int]:
    """Where each begins in the flat vector."""
    return [0, *accumulate(part.size for part in parts)][:-1]


def _row(key: str, width: int) -> tuple[int, ...]:
    return () if key in ("rewards", "costs") else (width,)


def _range(part: Part) -> tuple[float, float]:
    """Within which a part's values are."""
    if part.n_choices is not None:
        return 0, part.n_choices - 1
    if part.dtype == "bool":
        return 0, 1
    if part.dtype == "float32":
        return -np.inf, np.inf
    limits = np.iinfo(part.dtype)
    return float(limits.min), float(limits.max)


def open_files(folder: Path, images: tuple[Part, ...]) -> TrajectorySet:
    """The trajectories in a dataset's folder, memory-mapped; `images` are its image parts."""

    def there(stem: str) -> np.ndarray | None:
        path = folder / f"{stem}.npy"
        return mapped(path) if path.exists() else None

    pictures = {part.name: (there(f"image-{k}"), there(f"final-image-{k}")) for k, part in enumerate(images)}
    return TrajectorySet(
        observations=mapped(folder / "observations.npy"),
        actions=mapped(folder / "actions.npy"),
        offsets=mapped(folder / "offsets.npy"),
        rewards=there("rewards"),
        costs=there("costs"),
        states=there("states"),
        ends=there("ends"),
        final_observations=there("final_observations"),
        images={name: shown for name, (shown, _) in pictures.items() if shown is not None},
        final_images={name: final for name, (_, final) in pictures.items() if final is not None},
    )
