"""What this machine has for training, simulating and drawing, and what is missing. About runs: the doctor."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import imageio_ffmpeg

from safemil_core.assessment.environments.legacy_interpreters import PACKAGES, LegacyInterpreter
from safemil_core.assessment.environments.rendering import try_drawing
from safemil_core.assessment.environments.user_files import UserFiles
from safemil_core.errors import EnvironmentUnavailable
from safemil_core.workspace import Workspace

_SIMULATORS = {
    "bullet-safety-gym": ("eight tasks of DSRL", "install safemil again"),
    "mujoco": ("the velocity tasks", "install safemil again"),
    "gymnasium-robotics": ("mazes and hands", "pip install 'safemil[robotics]'"),
}
"""Packages of simulators: what for, and how one gets them."""


@dataclass(frozen=True)
class Equipment:
    """One thing that the machine has or lacks."""

    what: str
    state: str
    """In words."""
    is_here: bool = True
    cure: str = ""
    """What to do where something is missing."""


def equipment(workspace: Workspace) -> list[Equipment]:
    """All that matters, in the order of the work; some seconds, as something is drawn and torch is asked."""
    return [
        _devices(),
        _mujoco_drawing(),
        Equipment("drawing, Bullet", _bullet_drawing()),
        _videos(),
        *(_package(name, what_for, cure) for name, (what_for, cure) in _SIMULATORS.items()),
        *(_legacy(LegacyInterpreter(workspace, package)) for package in PACKAGES),
        *_user_files(workspace),
    ]


def _devices() -> Equipment:
    import torch  # takes seconds

    cores = f"{os.cpu_count()} cores, torch {torch.__version__}"
    if not torch.cuda.is_available():
        return Equipment("training", f"on the processor: {cores}; no CUDA device")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Equipment("training", f"on {' and '.join(names)}; {cores}")


def _mujoco_drawing() -> Equipment:
    try:
        drawing = try_drawing()
    except EnvironmentUnavailable as problem:
        what_is_wrong, _, cure = str(problem).rpartition("; ")
        return Equipment("drawing, MuJoCo", what_is_wrong, is_here=False, cure=cure)
    where = "in software" if drawing.is_software else "on the graphics card"
    return Equipment(
        "drawing, MuJoCo", f"{where} by {drawing.backend}: {drawing.device}, {drawing.frame_ms:.0f} ms a frame"
    )


def _bullet_drawing() -> str:
    return (
        "by EGL, as PYBULLET_EGL is set"
        if "PYBULLET_EGL" in os.environ
        else "in software, alike on every machine; PYBULLET_EGL=1 tries a graphics card"
    )


def _videos() -> Equipment:
    tool = imageio_ffmpeg.get_ffmpeg_exe()
    listed = subprocess.run([tool, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False).stdout
    if "libx264" not in listed:
        cure = "pip install --force-reinstall imageio-ffmpeg"
        return Equipment("videos", "ffmpeg cannot write H.264", is_here=False, cure=cure)
    return Equipment("videos", f"H.264 by ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")


def _package(name: str, what_for: str, cure: str) -> Equipment:
    try:
        return Equipment(name, f"{version(name)}: {what_for}")
    except PackageNotFoundError:
        return Equipment(name, f"not installed: {what_for}", is_here=False, cure=cure)


def _legacy(interpreter: LegacyInterpreter) -> Equipment:
    package, versions, what_for = interpreter.package, interpreter.versions, PACKAGES[interpreter.package].what_for
    if versions is None:
        cure = f"safemil simulators install {package}"
        return Equipment(package, f"not set up: {what_for}", is_here=False, cure=cure)
    beside = f"mujoco {versions['mujoco']}, numpy {versions['numpy']}"
    return Equipment(package, f"{versions[package]} in an interpreter of its own ({beside}): {what_for}")


def _user_files(workspace: Workspace) -> list[Equipment]:
    return [
        Equipment(
            file.name,
            f"your file, {'' if file.is_allowed else 'not '}allowed to run",
            is_here=file.is_allowed,
            cure="" if file.is_allowed else f"safemil simulators allow {file.name}",
        )
        for file in UserFiles(workspace).list()
    ]
