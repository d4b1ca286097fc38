"""How fast an import is against h5py reading the same file whole into memory, and how much memory it takes.

    python benchmarks/import_speed.py                   # 5 million steps of 60 dimensions, in the temporary folder
    python benchmarks/import_speed.py --steps 1000000

Both read the same file from the page cache, one after the other, several times. The import is all of it: the start of
its process, checks, statistics, hashes and the files of the dataset.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import h5py
import numpy as np

from safemil_core.data.intake import confined as intake
from safemil_core.data.recording import Options

N_OBSERVATIONS, N_ACTIONS, EPISODE = 60, 8, 1000
PIECE = 100_000


def write(path: Path, n_steps: int, packed: bool) -> int:
    """A DSRL file of noise; returns the bytes of its arrays."""
    rng = np.random.default_rng(0)
    rows = {"observations": (N_OBSERVATIONS,), "actions": (N_ACTIONS,)}
    rows |= dict.fromkeys(("rewards", "costs", "terminals", "timeouts"), ())
    with h5py.File(path, "w") as file:
        arrays = {}
        for key, row in rows.items():
            kind = "?" if key in ("terminals", "timeouts") else "f4"
            options = {"compression": "gzip"} if packed else {}
            array = arrays[key] = file.create_dataset(key, (n_steps, *row), kind, **options)
            piece = array.chunks[0] if packed else PIECE  # whole chunks, so that none is packed twice
            for start in range(0, n_steps, piece):
                numbers = np.arange(start, min(start + piece, n_steps))
                array[start : start + len(numbers)] = _values(key, row, numbers, n_steps, rng)
        return sum(array.size * array.dtype.itemsize for array in arrays.values())


def _values(key: str, row: tuple[int, ...], steps: np.ndarray, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    if key == "terminals":
        return steps == n_steps - 1
    if key == "timeouts":
        return steps % EPISODE == EPISODE - 1
    noise = rng.normal(size=(len(steps), *row)).astype(np.float32)
    return (noise > 1.5).astype(np.float32) if key == "costs" else noise


def read_whole(path: Path) -> dict[str, float]:
    """What the import is measured against."""
    start = time.perf_counter()
    with h5py.File(path, "r") as file:
        held = [array[()] for array in file.values()]
    return {"seconds": time.perf_counter() - start, "arrays": len(held)}


def import_file(path: Path) -> dict[str, float]:
    """Our import, and the peak of its process's memory."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        start = time.perf_counter()
        intake.build((path,), Options(), Path(folder))
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}


TASKS = {"h5py": read_whole, "import": import_file}


def timed(task: str, path: Path) -> dict[str, float]:
    """A task in a fresh process."""
    done = subprocess.run([sys.executable, __file__, "--task", task, str(path)], stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        print(json.dumps(TASKS[arguments.task[0]](Path(arguments.task[1]))))
        return
    for packed in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "steps.hdf5"
            megabytes = write(path, arguments.steps, packed) / 1e6
            rounds = [(timed("h5py", path), timed("import", path)) for _ in range(arguments.rounds)]
        whole, ours = (median(found[i]["seconds"] for found in rounds) for i in (0, 1))
        peak = max(found[1]["peak_mb"] for found in rounds)
        print(
            f"{'gzip' if packed else 'uncompressed'}, {arguments.steps} steps, {megabytes:.0f} MB decoded: "
            f"h5py {megabytes / whole:.0f} MB/s, import {megabytes / ours:.0f} MB/s, "
            f"ratio {whole / ours:.2f}, import's peak {peak:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
