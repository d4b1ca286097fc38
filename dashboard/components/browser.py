"""What components send to the browser: their own scripts and styles, and arrays as text. Not what they draw."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

_HERE = Path(__file__).parent


def source(name: str) -> str:
    """A script, a style or a page of this folder."""
    return (_HERE / name).read_text(encoding="utf-8")


def encoded(values: np.ndarray, kind: str) -> str:
    """The bytes of an array in this NumPy type, as base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()
