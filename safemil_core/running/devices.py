"""Which device a job will use and how many jobs it takes, without torch: pages ask."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from safemil_core.errors import InvalidConfig

_DRIVER = Path("/dev/nvidiactl")


def limit_of_a_device() -> int:
    """How many jobs may run on a device at a time: SAFEMIL_JOBS_PER_DEVICE, 1 if unset.

    Raises:
        InvalidConfig: that is no number above 0.
    """
    said = os.environ.get("SAFEMIL_JOBS_PER_DEVICE") or "1"
    if not said.isdecimal() or int(said) < 1:
        raise InvalidConfig(f"SAFEMIL_JOBS_PER_DEVICE must be a number from 1, got {said!r}")
    return int(said)


def expected_device(asked: str) -> str:
    """The device that a job will use, as far as can be told without torch, which takes seconds to import."""
    name = ("cuda" if _is_cuda_likely() else "cpu") if asked == "auto" else asked
    return "cuda:0" if name == "cuda" else name


def _is_cuda_likely() -> bool:
    """Whether torch came as a CUDA build, the driver is there, and nobody hides it."""
    torch = importlib.util.find_spec("torch")
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if torch is None or torch.origin is None or is_hidden or not _DRIVER.exists():
        return False
    return (Path(torch.origin).parent / "lib" / "libtorch_cuda.so").exists()
