"""What components send to the browser: their own scripts and styles, and arrays as text. Not what they draw."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

_HERE = Path(__file__).parent


def source(*names: str) -> str:
    """Scripts, styles or a page of this folder, one after the other: what is shared goes before what uses it."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


def encoded(values: np.ndarray, kind: str) -> str:
    """The bytes of an array in this NumPy type, as base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()
