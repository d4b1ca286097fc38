"""A curated subset of a dataset, with labels and a run's weights, written in another tool's format."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import numpy as np

from safemil_core.data import formats
from safemil_core.data.cards import card
from safemil_core.data.curated import Curated
from safemil_core.data.datasets import DatasetStore
from safemil_core.data.formats import progress_sidecar
from safemil_core.errors import AlreadyExists, InvalidConfig, InvalidDataset, NotFound
from safemil_core.running.run_folder import Run
from safemil_core.workspace import Workspace, as_name

Keep = Literal["all", "not_non_preferred", "preferred", "non_preferred", "unlabelled"]
KEEPS: dict[Keep, str] = dict(
    zip(
        get_args(Keep),
        (
            "All trajectories",
            "All that are not marked non-preferred",
            "Those marked preferred",
            "Those marked non-preferred",
            "Those without a label",
        ),
        strict=True,
    )
)


def kept(labels: np.ndarray, keep: Keep, numbers: Sequence[int] | None = None) -> np.ndarray:
    """The trajectories with labels `[N]` that a choice keeps, in order; or those of some numbers only, in theirs.

    Raises:
        InvalidDataset: there is no trajectory of that number.
    """
    if keep == "all":
        is_kept = np.ones(len(labels), dtype=bool)
    elif keep == "not_non_preferred":
        is_kept = labels != "non_preferred"
    else:
        is_kept = labels == ("none" if keep == "unlabelled" else keep)
    if numbers is None:
        return np.flatnonzero(is_kept)
    wrong = [number for number in numbers if not 0 <= number < len(labels)]
    if wrong:
        raise InvalidDataset(f"there is no trajectory {wrong[0]}; they are 0 to {len(labels) - 1}")
    chosen = np.array(list(dict.fromkeys(numbers)), dtype=np.int64)
    return chosen[is_kept[chosen]]


def curate(
    datasets: DatasetStore,
    name: str,
    *,
    keep: Keep = "all",
    numbers: Sequence[int] | None = None,
    run: Run | None = None,
) -> Curated:
    """Trajectories of a dataset with their present labels, segments and tags, to be exported.

    Args:
        datasets: of the workspace.
        name: the dataset.
        keep: which trajectories, by label.
        numbers: of these only, in this order.
        run: whose weights and learned costs go with them.

    Raises:
        InvalidDataset: no trajectory is left, or there is none of that number.
        NotFound, NotReady: the dataset; a run of another dataset, or one that has no costs yet.
    """
    info = datasets.info(name)
    state = datasets.labels(name).state()
    chosen = kept(state.labels, keep, numbers)
    if not len(chosen):
        raise InvalidDataset(f"no trajectory of {name!r} is left to export; keep more of them")
    if run is not None and run.info.dataset_id != info.id:
        raise NotFound(f"run {run.id} was made for another dataset than {name!r}; choose a run of this one")
    return Curated(
        trajectories=datasets.open(name),
        chosen=chosen,
        about=datasets.about(name),
        labels=state.labels,
        segments=state.segments,
        tags=state.tags,
        weights=None if run is None else run.trajectories()["weight"].to_numpy(np.float64),
        learned_costs=None if run is None else run.step_costs(),
        card=card(datasets, name),
    )


@dataclass(frozen=True)
class Exported:
    """A curated subset that was written."""

    path: Path
    """One file; of a format that is a folder, a zip file of it."""
    format: str
    n_trajectories: int


SIDECAR = "LeRobot progress sidecar"
_ENDINGS = {"DSRL HDF5": ".hdf5", "robomimic HDF5": ".hdf5", "NPZ": ".npz", "Parquet": ".parquet", SIDECAR: ".parquet"}
"""Of formats that are one file."""


def export_into(
    workspace: Workspace, datasets: DatasetStore, name: str, format_name: str, *, keep: Keep, run: Run | None
) -> Exported:
    """Write a curated subset into the workspace's exports as one file; an older one of the same kind gives way.

    Raises:
        As `curate` and `export_curated`.
    """
    curated = curate(datasets, name, keep=keep, run=run)
    stem = f"{name}-{keep}-{as_name(format_name)}"
    with workspace.aside(workspace.exports) as folder:
        written = folder / f"{stem}{_ENDINGS.get(format_name, '')}"
        export_curated(format_name, curated, written)
        if written.is_dir():
            written = Path(shutil.make_archive(str(written), "zip", written))
        path = written.replace(workspace.exports / written.name)
    return Exported(path, format_name, len(curated))


def export_curated(format_name: str, curated: Curated, out: Path) -> None:
    """Write a curated subset; it appears whole or not at all.

    Raises:
        InvalidConfig: there is no such format to write.
        AlreadyExists: something is at `out`.
        NotFound: the folder around `out` is not there.
    """
    if format_name not in (*formats.WRITABLE, SIDECAR):
        choices = ", ".join((*formats.WRITABLE, SIDECAR))
        raise InvalidConfig(f"{format_name!r} cannot be written; choose one of {choices}")
    if out.exists():
        raise AlreadyExists(f"{out} is there already; choose another place")
    if not out.absolute().parent.is_dir():
        raise NotFound(f"the folder of {out} is not there; make it or choose another")
    with TemporaryDirectory(dir=out.absolute().parent, prefix=".") as folder:
        written = Path(folder) / out.name  # some formats keep the name within
        if format_name == SIDECAR:
            progress_sidecar.write(curated, written)
        else:
            formats.write(format_name, curated, written)
        written.rename(out)
