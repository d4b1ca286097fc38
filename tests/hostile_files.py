"""Files made up to harm whoever reads them, small valid files to damage, and a server that tries them one by one.

The server is one warm process that forks for each file, so that thousands take no longer than a minute; what the fork
does, and under which limits, is what the process of an import does.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from factories import dsrl_arrays, trajectory_set, write_dsrl

from safemil_core.data import formats
from safemil_core.data.curated import Curated
from safemil_core.data.intake.limits import Limits
from safemil_core.data.intake.process import Reporter, perform
from safemil_core.data.recording import CUT_OFF, About, Part

SECRET = b"this must never be read" * 10
LENGTHS = (5, 3, 4)


def _with(change: Callable[[h5py.File, Path], None], *without: str) -> Callable[[Path], Path]:
    """A valid file but for what `change` makes of it."""

    def make(folder: Path) -> Path:
        arrays = {key: values for key, values in dsrl_arrays(LENGTHS).items() if key not in without}
        path = write_dsrl(folder / "walks.hdf5", arrays)
        with h5py.File(path, "a") as file:
            change(file, folder)
        return path

    return make


def _external_link(file: h5py.File, folder: Path) -> None:
    file["costs"] = h5py.ExternalLink(str(write_dsrl(folder / "secret.hdf5")), "/costs")


def _external_storage(file: h5py.File, folder: Path) -> None:
    (folder / "secret.bin").write_bytes(SECRET)
    file.create_dataset("costs", (12,), "f4", external=[(str(folder / "secret.bin"), 0, 48)])


def _virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((12,), "f4")
    layout[:] = h5py.VirtualSource(str(write_dsrl(folder / "secret.hdf5")), "costs", (12,))
    file.create_virtual_dataset("costs", layout)


def _bomb(file: h5py.File, _folder: Path) -> None:
    """400 GB of zeros in 20 MB would do; one chunk of them is enough to say so."""
    costs = file.create_dataset("costs", (10**11,), "f4", chunks=(2**20,), compression="gzip")
    costs[: 2**20] = 0


def _images(change: Callable[[h5py.File], None]) -> Callable[[h5py.File, Path], None]:
    return lambda file, _folder: change(file.create_group("images"))


def _cycle(group: h5py.Group) -> None:
    group["0"] = group


def _deep(group: h5py.Group) -> None:
    for _ in range(500):
        group = group.create_group("0")


def _cut(folder: Path) -> Path:
    path = write_dsrl(folder / "walks.hdf5", dsrl_arrays((50, 50)))
    path.write_bytes(path.read_bytes()[:-4000])
    return path


def _pickled(folder: Path) -> Path:
    """An .npz whose array of objects would run a command."""

    class Command:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(folder / "pickle-ran"),)

    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (12,), }".ljust(117) + b"\n"
    return _zip(folder, {"observations.npy": header + pickle.dumps(Command())})


def _climbing(folder: Path) -> Path:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((12, 3), np.float32))
    return _zip(folder, {"../../observations.npy": buffer.getvalue(), "/actions.npy": buffer.getvalue()})


def _zip_bomb(folder: Path) -> Path:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000, 3), }".ljust(117) + b"\n"
    return _zip(folder, {f"{key}.npy": b"\x93NUMPY\x01\x00v\x00" + header for key in ("observations", "actions")})


def _zip(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "walks.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _vlen(file: h5py.File, _folder: Path) -> None:
    file.create_dataset("costs", (12,), h5py.vlen_dtype(np.float32))


def _never_ends(file: h5py.File, _folder: Path) -> None:
    file["terminals"][:] = file["timeouts"][:] = False


def _set(key: str, values: Any) -> Callable[[h5py.File, Path], None]:
    return lambda file, _folder: file.__setitem__(key, values)


AT_STEP_7 = np.arange(12) == 7

CORPUS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "external link": (_with(_external_link, "costs"), "'costs' is a link to somewhere else"),
    "soft link": (_with(_set("costs", h5py.SoftLink("/rewards")), "costs"), "'costs' is a link to somewhere else"),
    "soft link out": (_with(_set("costs", h5py.SoftLink("../secret")), "costs"), "'costs' is a link to somewhere"),
    "external storage": (_with(_external_storage, "costs"), "'costs' keeps its data in another file"),
    "virtual dataset": (_with(_virtual, "costs"), "'costs' keeps its data in another file"),
    "strings": (_with(_set("costs", ["high"] * 12), "costs"), "'costs' holds object, expected numbers"),
    "bytes": (_with(_set("costs", np.array([b"high"] * 12)), "costs"), "'costs' holds |S4, expected numbers"),
    "variable lengths": (_with(_vlen, "costs"), "'costs' holds object, expected numbers"),
    "8 TB declared": (
        _with(lambda f, _: f.create_dataset("costs", (2 * 10**12,), "f4", chunks=(1024,)), "costs"),
        "'costs' declares 2000000000000 values but stores none",
    ),
    "gzip bomb": (_with(_bomb, "costs"), "'costs' declares 372.5 GiB but stores"),
    "wrong lengths": (_with(_set("costs", np.zeros(9)), "costs"), "'costs' has 9 steps, 'observations' has 12"),
    "nan": (_with(_set("costs", np.where(AT_STEP_7, np.nan, 0.0)), "costs"), "not finite in trajectory 1 at step 2"),
    "infinity": (
        _with(_set("costs", np.where(AT_STEP_7, np.inf, 0.0)), "costs"),
        "'costs' has a value that is not finite",
    ),
    "no trajectory": (_with(_never_ends), "no episode ends"),
    "cyclic groups": (_with(_images(_cycle)), "'0' is a group, expected an array"),
    "deep groups": (_with(_images(_deep)), "'0' is a group, expected an array"),
    "many groups": (
        _with(_images(lambda g: [g.create_group(str(n)) for n in range(2000)] and None)),  # type: ignore[func-returns-value]
        "'0' is a group, expected an array",
    ),
    "names that are not text": (
        _with(lambda f, _: f.attrs.__setitem__("safemil", b"\xff\xfe{" * 9)),
        "its 'safemil' notes are damaged",
    ),
    "notes of lists of lists": (_with(lambda f, _: f.attrs.__setitem__("safemil", "[" * 10**5)), "notes are damaged"),
    "cut short": (_cut, "it is damaged or cut short"),
    "pickle in npz": (_pickled, ""),
    "members that lead outside": (_climbing, ""),
    "terabytes in npz": (_zip_bomb, ""),
}
"""Each with words of the sentence that refuses it."""


def valid_files(folder: Path) -> dict[str, Path]:
    """A small valid file or folder of every format in the table."""
    images = np.random.default_rng(0).integers(256, size=(12, 32, 32, 3), dtype=np.uint8)
    found = {}
    for name in formats.WRITABLE:
        with_images = {} if name == "Parquet" else {"camera": images}
        path = folder / formats.FORMATS[name]
        formats.write(name, _curated(with_images), path)
        found[name] = path
    found["CSV"] = folder / "walks.csv"
    rows = ["episode,step,observation.x,observation.y,action.u,reward,cost"]
    rows += [f"{t},{i},{i * 0.5},{-i},{i % 3},1.5,0" for t, length in enumerate(LENGTHS) for i in range(length)]
    found["CSV"].write_text("\n".join(rows) + "\n")
    return found


def _curated(images: dict[str, np.ndarray]) -> Curated:
    trajectories = trajectory_set(*LENGTHS)
    pictures = tuple(Part(name, shape.shape[1:], "uint8") for name, shape in images.items())
    object.__setattr__(trajectories, "images", images)
    object.__setattr__(trajectories, "ends", np.full(3, CUT_OFF, np.uint8))
    about = About(
        (Part("state", (3,)),), (Part("", (2,)),), pictures, has_rewards=True, has_costs=True, env_id="Some-v0"
    )
    labels = np.array(["none", "non_preferred", "preferred"])
    return Curated(trajectories, np.arange(3), about, labels, segments={1: ((0, 2),)}, tags={"good": (0, 2)})


def damaged(source: Path, target: Path, rng: np.random.Generator) -> None:
    """A copy with changed, missing, doubled or moved bytes in one of its files."""
    if source.is_dir():
        shutil.copytree(source, target)
        files = sorted(file for file in target.rglob("*") if file.is_file())
        target = source = files[rng.integers(len(files))]
    content = bytearray(source.read_bytes())
    kind = rng.integers(5)
    used = np.flatnonzero(np.frombuffer(bytes(content), np.uint8))  # HDF5 is mostly room for more
    for _ in range(rng.integers(1, 7)):
        at = int(rng.choice(used)) if len(used) else 0
        length = int(rng.integers(1, 1 + min(64, max(1, len(content) - at))))
        if kind == 0 and content:
            content[at % len(content)] ^= 1 << int(rng.integers(8))
        elif kind == 1 and content:
            content[at % len(content)] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
        elif kind == 2:
            del content[int(rng.integers(1 + len(content))) :]
        elif kind == 3:
            other = int(rng.choice(used))
            content[at : at + length] = content[other : other + length]
        else:
            content[at : at + (length if rng.random() < 0.5 else 0)] = content[at : at + length] * int(rng.integers(3))
    target.write_bytes(bytes(content))


@dataclass(frozen=True)
class Outcome:
    """How a process ended that read a file."""

    report: dict[str, Any]
    """Its last; empty where it was killed before any."""
    signal: int
    seconds: float
    """Processor time."""
    peak_mb: float

    @property
    def message(self) -> str:
        """Why it refused the file."""
        return self.report["refused"][1] if "refused" in self.report else ""

    @property
    def is_clean(self) -> bool:
        """Whether it parsed, was refused in one sentence, or was ended by a limit, which the parent says in one."""
        if "refused" in self.report:
            return self.report["refused"][0] == "InvalidDataset" and "\n" not in self.message
        return "built" in self.report or "exhausted" in self.report or self.signal != 0


class Server:
    """Tries files in forks of one warm process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, path: Path, into: Path) -> Outcome:
        """Read a file as an import does, into an empty folder."""
        assert self._process.stdin
        assert self._process.stdout
        into.mkdir()
        print(json.dumps([str(path), str(into)]), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


@contextmanager
def server() -> Iterator[Server]:
    """Ended with the block."""
    command = [sys.executable, __file__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def serve() -> None:
    """Fork for each line of standard input."""
    for name in formats.FORMATS:
        formats.module_of(name)
    for line in sys.stdin:
        path, into = json.loads(line)
        task = {
            "paths": [path],
            "into": into,
            "options": {"columns": {}, "episode_length": None},
            "limits": asdict(Limits(most_bytes=2**30)),
        }
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as reports:
                perform(task, Reporter(reports))
                reports.flush()
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as reports:
            told = [json.loads(report) for report in reports if report.endswith("}\n")]
        _, status, usage = os.wait4(child, 0)
        ends = [report for report in told if not report.keys() & {"reading", "steps"}]
        outcome = Outcome(
            report=ends[-1] if ends else {},
            signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss / 1024,
        )
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    serve()
