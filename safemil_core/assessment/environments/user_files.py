"""Files of the user's that make environments, and which of them may run. They run elsewhere (`user_code`)."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from safemil_core.assessment.environments.sources import UserFile
from safemil_core.errors import AlreadyExists, EnvironmentUnavailable, InvalidConfig, NotFound
from safemil_core.workspace import Workspace, as_name, whole_file


@dataclass(frozen=True)
class FileOnHand:
    """A file in the workspace as it is now. Its name with `.py` is what a dataset's environment is called."""

    name: str
    text: str
    sha256: str
    is_allowed: bool
    """Whether somebody said that exactly this content may run."""


class UserFiles:
    """Those of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = workspace.simulators
        self._allowed_file = self._folder / "allowed.json"

    def add(self, file: Path) -> FileOnHand:
        """Copy a file into the workspace, where it waits for somebody to allow it.

        Raises:
            NotFound, InvalidConfig, AlreadyExists: nothing is copied.
        """
        if not file.is_file():
            raise NotFound(f"there is no file {file}; name a Python file")
        if file.suffix != ".py":
            raise InvalidConfig(f"{file.name} is no Python file; name one that ends with .py")
        target = self._folder / f"{as_name(file.stem)}.py"
        if target.exists() and target.read_bytes() != file.read_bytes():
            raise AlreadyExists(f"there is another {target.name} in the workspace; rename yours")
        with whole_file(target) as temporary:
            shutil.copyfile(file, temporary)
        return self.on_hand(target.name)

    def list(self) -> list[FileOnHand]:
        """All of them, by name."""
        return [self.on_hand(path.name) for path in sorted(self._folder.glob("*.py"))]

    def on_hand(self, name: str) -> FileOnHand:
        """A file as it is now. Raises NotFound."""
        path = self._folder / name
        if Path(name).name != name or not path.is_file():
            raise NotFound(f"the workspace has no simulator file {name!r}; `safemil simulators add FILE.py` brings one")
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        return FileOnHand(name, content.decode(errors="replace"), sha256, sha256 in self._allowed())

    def allow(self, file: FileOnHand, author: str) -> None:
        """Say that this content may run, under any name."""
        allowed = {**self._allowed(), file.sha256: {"file": file.name, "by": author, "at": time.time()}}
        with whole_file(self._allowed_file) as temporary:
            temporary.write_text(json.dumps(allowed))

    def require(self, name: str) -> UserFile:
        """A file that may run.

        Raises:
            NotFound: there is none of this name.
            EnvironmentUnavailable: nobody has allowed what it holds now.
        """
        file = self.on_hand(name)
        if not file.is_allowed:
            raise EnvironmentUnavailable(
                f"the file {name} is Python that would run on this machine, and nobody has allowed what it holds now; "
                f"read it, then allow it on the Datasets page (Simulator) or with `safemil simulators allow {name}`"
            )
        return UserFile(self._folder / name, file.sha256)

    def _allowed(self) -> dict[str, dict[str, object]]:
        """By content, who allowed it and when."""
        if not self._allowed_file.exists():
            return {}
        found: dict[str, dict[str, object]] = json.loads(self._allowed_file.read_text())
        return found
