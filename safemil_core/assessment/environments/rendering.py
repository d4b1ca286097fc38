"""How MuJoCo draws where there is no screen: by EGL, on a graphics card or in software, or by OSMesa."""

from __future__ import annotations

import ctypes.util
import os


def choose_renderer() -> None:
    """Say to MuJoCo, which is not imported yet, what to draw with, unless MUJOCO_GL says it already."""
    if "MUJOCO_GL" not in os.environ and (found := offscreen_renderer()) is not None:
        os.environ["MUJOCO_GL"] = found


def offscreen_renderer() -> str | None:
    """`egl` or `osmesa`, whichever of their libraries is here first; None where neither is."""
    libraries = {"egl": "EGL", "osmesa": "OSMesa"}
    return next((name for name, library in libraries.items() if ctypes.util.find_library(library)), None)
