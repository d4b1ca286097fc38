"""Sweep and SweepStore: the folder of a sweep with its specification and rows, and the only place that spells it.

Its trials are no runs: nothing of them is kept but their rows.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safemil_core.errors import NotFound, NotReady
from safemil_core.running.progress import Progress, find_progress
from safemil_core.running.sweeps.spec import SweepSpec, read_spec
from safemil_core.running.sweeps.trials import Row, wanted_trials
from safemil_core.workspace import Workspace, file_lock, is_name, whole_file


class Sweep:
    """One sweep's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def spec(self) -> SweepSpec:
        return read_spec(self.spec_file)

    @property
    def spec_file(self) -> Path:
        return self.folder / "spec.toml"

    @property
    def log_file(self) -> Path:
        """What its processes printed."""
        return self.folder / "log.txt"

    @property
    def progress_file(self) -> Path:
        return self.folder / "progress.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the process that does it, whose number is in it."""
        return self.folder / "lock"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process do or change it while the block runs. Raises NotReady where one is at it."""
        with file_lock(self.lock_file) as is_ours:
            if not is_ours:
                pid = self.lock_file.read_text()
                raise NotReady(f"sweep {self.name!r} is being done by process {pid}; wait for it, or end that")
            self.lock_file.write_text(str(os.getpid()))
            yield

    @property
    def progress(self) -> Progress | None:
        """How far it is or how it ended; None where it was never begun."""
        return find_progress(self.progress_file)

    @property
    def version(self) -> tuple[int, int]:
        """Another one when the specification or a row has changed."""
        return self.spec_file.stat().st_mtime_ns, self._rows.stat().st_mtime_ns

    def rows(self) -> list[Row]:
        """One of each trial that was done with any specification of this sweep, the latest where it was repeated."""
        return [Row.of(json.loads(path.read_text())) for path in sorted(self._rows.glob("[0-9a-f]*.json"))]

    def keep(self, row: Row) -> None:
        """Add a row; it is on disk when this returns."""
        with whole_file(self._rows / f"{row.trial}.json") as temporary:
            temporary.write_text(json.dumps(row.document()))

    @property
    def _rows(self) -> Path:
        folder = self.folder / "rows"
        folder.mkdir(exist_ok=True)
        return folder


class SweepStore:
    """The sweeps of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def take(self, spec_file: Path) -> Sweep:
        """The sweep of a specification, which becomes the sweep's own; rows that are there stay.

        Raises:
            NotFound, InvalidConfig: see `read_spec` and `wanted_trials`; nothing is changed.
            NotReady: another process is at this sweep.
        """
        spec = read_spec(spec_file)
        wanted_trials(self._workspace, spec)
        sweep = Sweep(self._workspace.sweeps / spec.name)
        sweep.folder.mkdir(exist_ok=True)
        with sweep.alone(), whole_file(sweep.spec_file) as temporary:
            shutil.copyfile(spec_file, temporary)
        return sweep

    def open(self, name: str) -> Sweep:
        """One sweep. Raises NotFound where there is none of that name."""
        sweep = Sweep(self._workspace.sweeps / name)
        if not is_name(name) or not sweep.spec_file.exists():
            raise NotFound(f"there is no sweep {name!r}; `safemil sweeps` lists them")
        return sweep

    def list(self) -> list[Sweep]:
        """Every sweep, by name."""
        folders = sorted(folder for folder in self._workspace.sweeps.iterdir() if is_name(folder.name))
        return [Sweep(folder) for folder in folders if Sweep(folder).spec_file.exists()]

    def delete(self, name: str) -> None:
        """Remove a sweep with all its rows; it is gone at once, however long that takes.

        Raises:
            NotFound: there is none of that name.
            NotReady: a process is at it.
        """
        sweep = self.open(name)
        gone = sweep.folder.with_name(f".{name}")
        with sweep.alone():
            shutil.rmtree(gone, ignore_errors=True)  # what is left of an earlier one, whose removal was interrupted
            sweep.folder.rename(gone)
        shutil.rmtree(gone)
