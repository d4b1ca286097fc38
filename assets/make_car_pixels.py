"""Make a dataset that has to be seen: trajectories of the bundled dataset as the car's own camera would show them.

    uv run python assets/make_car_pixels.py --out car_pixels.npz

No number of the bundled observations is in it, only pictures of 64 x 64 pixels from 12 m above the car, the last two
frames side by side on the channels, so that speed can be seen too. Actions are as they were; rewards and costs too, for
evaluation. Import it with `--env SafetyCarCircle-v0`, and policies that learn from it are shown the same in rollouts.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
from loky import ProcessPoolExecutor
from tqdm import tqdm

from safemil_core.assessment.environments import Simulator
from safemil_core.assessment.interfaces import Interface, image_of
from safemil_core.data.recording import Part

CAR_CIRCLE = Path(__file__).with_name("car_circle.hdf5")
ENV_ID = "SafetyCarCircle-v0"
RECORDED = Interface(8, (Part(shape=(2,)),))
N_FRAMES = 2
"""That an image shows."""


def images_of(observations: np.ndarray, size: int) -> np.ndarray:
    """[T, size, size, 3 * N_FRAMES] uint8, what the car sees along a recorded trajectory [T, 8]."""
    simulator = Simulator(ENV_ID, RECORDED)
    simulator.reset(seed=0)
    frames = []
    for observation in observations:
        simulator.place(observation)
        frames.append(simulator.look(size, size))
    simulator.close()
    return np.stack([image_of(frames[: time + 1], N_FRAMES) for time in range(len(frames))])


def make(out: Path, n_trajectories: int, n_steps: int, size: int, workers: int) -> None:
    """Write the first trajectories of the bundled dataset, whose order is random."""
    with h5py.File(CAR_CIRCLE) as file:
        ends = np.flatnonzero(file["timeouts"][:]) + 1
        starts = np.concatenate([[0], ends[:-1]])[:n_trajectories]
        chosen = np.concatenate([np.arange(start, start + n_steps) for start in starts])
        kept = {name: file[name][:][chosen] for name in ("actions", "rewards", "costs")}
        recorded = [file["observations"][start : start + n_steps] for start in starts]
    with ProcessPoolExecutor(workers) as processes:
        jobs = [processes.submit(images_of, observations, size) for observations in recorded]
        images = np.concatenate([job.result() for job in tqdm(jobs, unit="trajectory")])
    timeouts = np.arange(1, len(chosen) + 1) % n_steps == 0
    np.savez_compressed(out, **{"image.eye": images}, timeouts=timeouts, **kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trajectories", type=int, default=120)
    parser.add_argument("--steps", type=int, default=300, help="of each, from its beginning")
    parser.add_argument("--size", type=int, default=64, help="pixels along an edge")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    make(given.out, given.trajectories, given.steps, given.size, given.workers)
