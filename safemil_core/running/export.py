"""A finished run as files that other tools read: Parquet tables, safetensors models, JSON settings."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from safemil_core.errors import AlreadyExists
from safemil_core.learning.baselines.settings import COSTLESS
from safemil_core.running.run_folder import Run
from safemil_core.workspace import whole_file


def export_run(run: Run, out: Path) -> list[str]:
    """Write costs.parquet (trajectory, step, cost), trajectories.parquet (trajectory, length, label, cost_sum,
    weight), cost.safetensors, policy.safetensors and config.json (settings, dataset, labels, versions); the policy and
    the settings alone where the method learns no costs.

    Returns:
        The names of the files written; older ones of the same names are replaced.

    Raises:
        NotReady: the run is not finished.
        AlreadyExists: `out` is a file, or the run's own folder.
    """
    sources = {}
    if run.config.method not in COSTLESS:
        sources = {"costs.parquet": run.table("costs"), "trajectories.parquet": run.table("trajectories")}
        sources["cost.safetensors"] = run.model("cost")
    sources["policy.safetensors"] = run.model("safe")
    if out.exists() and not out.is_dir():
        raise AlreadyExists(f"{out} is a file; name a folder")
    if out.resolve() == run.folder.resolve():
        raise AlreadyExists(f"{out} is the run's own folder, whose files it would replace; name another one")
    out.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        with whole_file(out / name) as temporary:
            shutil.copyfile(source, temporary)
    with whole_file(out / "config.json") as temporary:
        temporary.write_text(json.dumps({**run.config.model_dump(), "run": asdict(run.info)}, indent=1))
    return [*sources, "config.json"]
