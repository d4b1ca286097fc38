"""The files of trained networks as NumPy arrays, so that they can be read without torch; `model_files` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from safemil_core.errors import NotReady

T = TypeVar("T")

KEY = "safemil"
"""Of the metadata: one key, because safetensors writes several in any order, and equal networks make equal files."""
Arrays = dict[str, np.ndarray]
"""By the names of a state dict."""


def read_network(path: Path, kind: str, make: Callable[[dict[str, Any], Arrays], T]) -> T:
    """What `make` makes of a network's description and arrays.

    Args:
        path: of the file.
        kind: `cost` or `policy`.
        make: may raise KeyError, ValueError, TypeError and RuntimeError where something is amiss.

    Raises:
        NotReady: there is no such file, or it is none of that kind.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no iterator of its own
        if about["kind"] != kind:
            raise NotReady(f"{path.name} does not hold a {kind} network; train again")
        return make(about, arrays)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as problem:
        cause = str(problem).partition("\n")[0].rstrip(": ")  # torch lists every tensor that does not fit
        raise NotReady(f"{path.name} cannot be read as a {kind} network ({cause}); train again") from None
