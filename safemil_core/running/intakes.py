"""IntakeStore: imports and downloads that run in processes of their own, as folders that pages can watch.

Not the work itself (`intake_stage`), and not the datasets that come of it (`data.datasets`).
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from safemil_core.errors import NotFound
from safemil_core.running.progress import Progress, read_progress, write_progress
from safemil_core.workspace import Workspace, is_name

Source = Literal["path", "dsrl", "minari"]
KEPT = 20
"""Finished intakes whose outcome can still be read."""


@dataclass(frozen=True)
class IntakeRequest:
    """What is to become one dataset."""

    source: Source
    what: tuple[str, ...]
    """Absolute paths, or the one name at DSRL or Minari."""
    author: str
    name: str | None = None
    env_id: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    episode_length: int | None = None


class Intake:
    """One import's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def request(self) -> IntakeRequest:
        values = json.loads((self.folder / "request.json").read_text())
        columns = {key: tuple(names) for key, names in values["columns"].items()}
        return IntakeRequest(**{**values, "what": tuple(values["what"]), "columns": columns})

    @property
    def progress(self) -> Progress:
        """Its message is what is being done; when done, the dataset's name; when failed, why."""
        return read_progress(self.progress_file)

    @property
    def progress_file(self) -> Path:
        return self.folder / "progress.json"


class IntakeStore:
    """The intakes of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def create(self, request: IntakeRequest) -> Intake:
        """A folder with the request; old finished ones give way."""
        for old in [intake for intake in self.list() if intake.progress.is_finished][KEPT:]:
            shutil.rmtree(old.folder, ignore_errors=True)
        now = time.time()
        intake_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"
        with self._workspace.aside(self._workspace.intakes) as folder:
            (folder / "request.json").write_text(json.dumps(asdict(request)))
            write_progress(Intake(folder).progress_file, Progress("starting", started_at=now, updated_at=now))
            return Intake(folder.rename(self._workspace.intakes / intake_id))

    def open(self, intake_id: str) -> Intake:
        """One intake.

        Raises:
            NotFound: there is no such intake.
        """
        folder = self._workspace.intakes / intake_id
        if not is_name(intake_id) or not (folder / "request.json").exists():
            raise NotFound(f"there is no import {intake_id!r} any more")
        return Intake(folder)

    def list(self) -> list[Intake]:
        """Every intake, newest first."""
        folders = sorted((f for f in self._workspace.intakes.iterdir() if is_name(f.name)), reverse=True)
        return [Intake(folder) for folder in folders]
