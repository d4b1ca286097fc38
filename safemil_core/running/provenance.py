"""What decides a run's numbers beside its data and settings: versions, this package's own code, and the machine."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("safemil", "torch", "numpy", "scipy")
_CODE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Provenance:
    """What a run was trained with."""

    versions: dict[str, str]
    """Of Python and of the packages that compute."""
    code: str
    """A digest of all sources of safemil_core."""
    machine: str
    """System, processor and cores."""
    device: str
    """As torch calls it."""

    def differences(self, now: Provenance) -> list[str]:
        """What is not as it was, a phrase each; nothing is said of what an older version has not written down."""
        names = [name for name in self.versions if self.versions[name] != now.versions.get(name)]
        found = [f"{name} {self.versions[name]} then, {now.versions.get(name, 'none')} now" for name in names]
        if self.code and self.code != now.code:
            found.append("safemil_core's code has changed")
        for then, here in ((self.machine, now.machine), (self.device, now.device)):
            if then and then != here:
                found.append(f"{then} then, {here} now")
        return found


def provenance(device: str) -> Provenance:
    """Of a run that is trained by this process on this device."""
    return Provenance(
        versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        code=code_digest(),
        machine=f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores",
        device=device,
    )


def code_digest() -> str:
    """The same for the same sources, wherever they lie."""
    digest = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_CODE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
