"""From an environment's name to what stands behind it in a workspace. Nothing runs here."""

from __future__ import annotations

from safemil_core.assessment.environments.legacy_interpreters import LegacyInterpreter, is_legacy
from safemil_core.assessment.environments.sources import Environment, LegacyTask, canonical
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.workspace import Workspace


def find_environment(workspace: Workspace, env_id: str) -> Environment:
    """What `Simulator` is made of. `maze.py` is a file of the user's in the workspace.

    Raises:
        NotFound, EnvironmentUnavailable: it is not here, not allowed, or not set up.
    """
    if env_id.endswith(".py"):
        return UserFiles(workspace).require(env_id)
    name = canonical(env_id)
    return LegacyTask(name, LegacyInterpreter(workspace).require()) if is_legacy(name) else name
