"""How simulators draw where there is no screen: MuJoCo by EGL, on a graphics card or in software, or by OSMesa.

Bullet draws in software, unless PYBULLET_EGL is set. Run as a module, this draws a frame and says how.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from safemil_core.errors import EnvironmentUnavailable

PATIENCE_S = 60.0
_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader")
_SCENE = "<mujoco><worldbody><light pos='0 0 3'/><geom type='sphere' size='1'/></worldbody></mujoco>"


@dataclass(frozen=True)
class Drawing:
    """How MuJoCo draws on this machine."""

    backend: str
    """egl, osmesa or glfw."""
    device: str
    """In OpenGL's words."""
    frame_ms: float
    """What a frame of 400 x 304 of a single ball takes."""

    @property
    def is_software(self) -> bool:
        """Whether no graphics card takes part."""
        return self.device.lower().startswith(_SOFTWARE)


def choose_renderer() -> None:
    """Say to MuJoCo, which is not imported yet, what to draw with, unless MUJOCO_GL says it already."""
    if "MUJOCO_GL" not in os.environ and (found := offscreen_renderer()) is not None:
        os.environ["MUJOCO_GL"] = found


def offscreen_renderer() -> str | None:
    """`egl` or `osmesa`, whichever of their libraries is here first; None where neither is."""
    libraries = {"egl": "EGL", "osmesa": "OSMesa"}
    return next((name for name, library in libraries.items() if ctypes.util.find_library(library)), None)


def try_drawing() -> Drawing:
    """Have a process of its own draw a frame, which may crash where drivers are broken.

    Raises:
        EnvironmentUnavailable: nothing can be drawn.
    """
    command = [sys.executable, "-P", "-m", "safemil_core.assessment.environments.rendering"]
    with tempfile.TemporaryDirectory() as folder:  # MuJoCo writes its warnings into the current one
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise EnvironmentUnavailable(
            f"MuJoCo cannot draw here ({said}); install EGL (Debian: apt-get install libegl1 libgl1-mesa-dri) or OSMesa"
        )
    return Drawing(**json.loads(done.stdout.splitlines()[-1]))


def _draw() -> Drawing:
    """Draw some frames in this process."""
    choose_renderer()
    import mujoco

    model = mujoco.MjModel.from_xml_string(_SCENE)
    data = mujoco.MjData(model)
    renderer = mujoco.Renderer(model, height=304, width=400)
    renderer.update_scene(data)
    renderer.render()
    from OpenGL import GL

    device = GL.glGetString(GL.GL_RENDERER).decode()
    began = time.perf_counter()
    renderer.render()
    frame_ms = 1000 * (time.perf_counter() - began)
    return Drawing(os.environ.get("MUJOCO_GL", "glfw"), device, frame_ms)


if __name__ == "__main__":
    print(json.dumps(asdict(_draw())))
