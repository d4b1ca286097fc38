"""A file of the user's, run: the environment that it makes, or the cost that it adds to another.

ENVIRONMENT = "PointMaze_UMaze-v3"          # an installed environment ...

def make(render_mode):                      # ... or one that the file makes itself
    return MyEnvironment(render_mode)

def cost(observation, action, next_observation, info):    # where `info["cost"]` does not say what a step costs
    return float(next_observation["observation"][0] > 1)
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from importlib.abc import InspectLoader
from importlib.util import decode_source, module_from_spec, spec_from_loader
from types import ModuleType
from typing import Any

import gymnasium

from safemil_core.assessment.environments.sources import UserFile
from safemil_core.errors import EnvironmentUnavailable

Cost = Callable[[Any, Any, Any, dict[str, Any]], float]


def make_user_environment(source: UserFile, make_installed: Callable[[str], Any]) -> Any:
    """The environment of a file, with its cost if it has one.

    Raises:
        EnvironmentUnavailable: the file is not as it was allowed, does not run, or makes no environment.
    """
    module = _run(source)
    if hasattr(module, "make"):
        env = module.make(render_mode="rgb_array")
    elif isinstance(getattr(module, "ENVIRONMENT", None), str):
        env = make_installed(module.ENVIRONMENT)
    else:
        raise EnvironmentUnavailable(
            f'{source.file.name} makes no environment; give it a function make(render_mode) or ENVIRONMENT = "id"'
        )
    return CostOf(env, module.cost) if hasattr(module, "cost") else env


class CostOf(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose steps cost what a function says, of what was seen before and after an action."""

    def __init__(self, env: Any, cost: Cost) -> None:
        super().__init__(env)
        self._cost = cost
        self._seen: Any = None

    def reset(self, **settings: Any) -> Any:
        self._seen, info = self.env.reset(**settings)
        return self._seen, info

    def step(self, action: Any) -> Any:
        before = self._seen
        self._seen, reward, terminated, truncated, info = self.env.step(action)
        cost = float(self._cost(before, action, self._seen, info))
        return self._seen, reward, terminated, truncated, {**info, "cost": cost}


class _Allowed(InspectLoader):
    """Loads a module from text that was looked at, whatever the file holds by now."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_source(self, fullname: str) -> str:
        return decode_source(self._content)


def _run(source: UserFile) -> ModuleType:
    """The file as a module, if it is still what the user allowed."""
    content = source.file.read_bytes() if source.file.exists() else b""
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise EnvironmentUnavailable(f"{source.file.name} is not what you allowed any more; look at it and allow it")
    spec = spec_from_loader(f"user_{source.sha256[:12]}", _Allowed(content), origin=str(source.file))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    module.__file__ = str(source.file)
    sys.modules[spec.name] = module  # dataclasses and pickle look modules up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:  # noqa: BLE001  # the user's own code may raise anything
        sys.modules.pop(spec.name, None)
        raise EnvironmentUnavailable(
            f"{source.file.name} does not run ({type(problem).__name__}: {problem}); mend it, and allow it again"
        ) from None
    return module
