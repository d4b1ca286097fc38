"""Recordings -> the files of one dataset in a folder: checked, hashed and counted while they stream, never held whole.

Not what a dataset is called or where it is kept (`datasets`), nor how foreign files are read (`formats`, `intake`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from safemil_core.data.recording import About, Recording, readable
from safemil_core.data.storage import about_json
from safemil_core.data.storage.dataset_files import DatasetFiles, widths
from safemil_core.data.storage.npy_stream import HEADER_BYTES
from safemil_core.data.storage.several import Share, brought, common
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.errors import InvalidDataset

NO_LIMIT = 2**62

OnSteps = Callable[[int, int | None], None]
"""Called with the steps done, and all of them where the files say how many."""


@dataclass(frozen=True)
class Built:
    """What became of recordings."""

    id: str
    """First 16 hexadecimal digits of a SHA-256 over all content: equal content, equal id."""
    n_trajectories: int
    n_steps: int
    about: About
    observations: Dimensions
    actions: Dimensions


def build(
    sources: Sequence[tuple[str, Recording]],
    into: Path,
    *,
    most_bytes: int = NO_LIMIT,
    on_steps: OnSteps = lambda _done, _all: None,
) -> Built:
    """Write the arrays, the table of trajectories, their keys and what the files said into an empty folder.

    Args:
        sources: recordings that together make the dataset, each with a name for messages ("" for none).
        into: the folder; after an error it holds rubbish.
        most_bytes: of all arrays together.
        on_steps: called after each block.

    Raises:
        InvalidDataset: something is wrong with the data; one sentence that names array, trajectory and step.
    """
    sources = [(readable(name), recording) for name, recording in sources]
    names = [name or f"part {place}" for place, (name, _) in enumerate(sources, start=1)]
    for name, recording in sources:
        with _named(name):
            _check_parts(recording.about)
    about = common([recording.about for _, recording in sources], names)
    shares, notes, done = [], list(about.notes), 0
    with DatasetFiles.opened(into, about, most_bytes) as files, ThreadPoolExecutor(1) as beside:
        for name, recording in sources:
            first, waiting = files.n_trajectories, None
            with _named(name):
                for block in recording.steps:
                    _await(waiting)
                    waiting = beside.submit(files.append, block)
                    done += len(block)
                    on_steps(done, about.n_steps)
                _await(waiting)
            if left_out := files.drop_unfinished():
                note = f"{left_out} steps after the last episode end are left out"
                notes.append(note if len(sources) == 1 else f"{name}: {note}")
            shares.append(Share(recording.about, first, files.lengths_from(first)))
        with _named(sources[0][0] if len(sources) == 1 else ""):
            files.check()
    said = {**files.parts, **brought(shares)}
    about = replace(about, **{**said, "notes": (*notes, *files.notes, *said["notes"])}, n_steps=files.n_steps)
    (into / "about.json").write_text(about_json.to_json(about))
    return Built(
        id=_content_id(into, about),
        n_trajectories=files.n_trajectories,
        n_steps=files.n_steps,
        about=about,
        observations=Dimensions.of(files.totals["observations"]),
        actions=Dimensions.of(files.totals["actions"]),
    )


def _check_parts(about: About) -> None:
    for part in (*about.observations, *about.actions, *about.images):
        if readable(part.name) != part.name:
            raise InvalidDataset(f"the name {ascii(part.name)[:80]} is not plain text; rename it")
    n = widths(about)
    if not n["actions"] or not (n["observations"] or about.images):
        empty = "observations" if n["actions"] else "actions"
        raise InvalidDataset(f"its {empty} have no dimensions, so there is nothing to learn from; bring some")


def _await(job: Future[None] | None) -> None:
    if job is not None:
        job.result()


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors in the data name the file that they are in; what its reader raises names it already."""
    try:
        yield
    except InvalidDataset as problem:
        known = not name or str(problem).startswith(f"{name}: ")
        raise InvalidDataset(str(problem) if known else f"{name}: {problem}") from None


def _content_id(folder: Path, about: About) -> str:
    """Of the parts and of every file but those that say where it came from."""
    digest = hashlib.sha256()
    parts = [[asdict(part) for part in of] for of in (about.observations, about.actions, about.images)]
    digest.update(json.dumps(parts).encode())
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb") as file:
            # The keys are digests of what is in the arrays of steps; a header says type and shape.
            is_small = path.stem in ("keys", "offsets", "ends") or path.stem.startswith("final")
            content = hashlib.file_digest(file, "sha256").digest() if is_small else file.read(HEADER_BYTES)
        digest.update(path.name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]
