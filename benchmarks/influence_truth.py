"""How well the preview of a what-if foretells the real refit: leave-one-out, and several labels at once.

    python benchmarks/influence_truth.py --workspace W RUN [--singles 20] [--groups 6] [--size 8] [--seeds 3]

For each edit the cost network is refitted under several seeds. Printed are the rank correlations of the preview with
the mean change over them, beside those of one seed with the others: no preview can be better than that allows.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from safemil_core.assessment.evaluation import rank_correlation
from safemil_core.assessment.what_if import edited
from safemil_core.config import RunConfig
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.refit import refit_under_seeds
from safemil_core.learning.training_data import TrainingData
from safemil_core.running.runs import RunStore
from safemil_core.running.tasks import Task
from safemil_core.running.training_stage import load
from safemil_core.running.what_if_stage import ask_what_if
from safemil_core.running.what_ifs import Request, WhatIfs
from safemil_core.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("run")
    parser.add_argument("--singles", type=int, default=20, help="marks that are taken back one at a time")
    parser.add_argument("--groups", type=int, default=6, help="times that several marks are taken back at once")
    parser.add_argument("--size", type=int, default=8, help="of such a group")
    parser.add_argument("--seeds", type=int, default=3, help="refits of each edit, at least 2")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    run = RunStore(workspace).open(options.run)
    kept = WhatIfs(run)
    if not kept.has_preview:
        Task.of_run("what_if", run).folder.mkdir(exist_ok=True)
        Request({}).write(kept.request_file)
        ask_what_if(workspace, run, "cpu")
    _, data = load(workspace, run, pick_device("cpu"))
    prepare_process()
    rng = np.random.default_rng(0)
    marked = np.flatnonzero(data.labels == "non_preferred")
    singles = [[int(t)] for t in rng.permutation(marked)[: options.singles]]
    groups = [rng.choice(marked, options.size, replace=False).tolist() for _ in range(options.groups)]
    before = refits(data, data.labels, run.config, options.seeds)
    for name, edits in (("one mark taken back", singles), (f"{options.size} marks taken back", groups)):
        if edits:
            report(name, kept, data, run.config, before, edits)


def report(
    name: str, kept: WhatIfs, data: TrainingData, config: RunConfig, before: np.ndarray, edits: list[list[int]]
) -> None:
    """Medians over the edits of one kind."""
    previewed, among_seeds, sizes = [], [], []
    for members in edits:
        changed = dict.fromkeys(members, "none")
        found = refits(data, edited(data.labels, changed), config, len(before)) - before
        previewed.append(rank_correlation(kept.preview(data.labels, changed), found.mean(axis=0)))
        among_seeds.append(rank_correlation(found[0], found[1:].mean(axis=0)))
        sizes.append(np.abs(found.mean(axis=0)).mean() / before.std(axis=0, ddof=1).mean())
    median, low, high = (np.median(previewed), *np.percentile(previewed, [25, 75]))
    print(f"{name}, {len(edits)} times: preview against {len(before)} refits {median:.2f} ({low:.2f} to {high:.2f}), "
          f"one refit against the others {np.median(among_seeds):.2f}, "
          f"mean change {np.median(sizes):.1f} deviations of a seed")  # fmt: skip


def refits(data: TrainingData, labels: np.ndarray, config: RunConfig, n_seeds: int) -> np.ndarray:
    """[R, N] trajectory costs under these labels."""
    return refit_under_seeds(replace(data, labels=labels), config, n_seeds).costs


if __name__ == "__main__":
    main()
