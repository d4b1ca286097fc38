"""DatasetFolders: the content of datasets, each in an immutable folder named by it. Not the names that point to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from safemil_core.data.dataset_info import DatasetInfo, Parent
from safemil_core.data.recording import About
from safemil_core.data.storage import about_json, build
from safemil_core.data.storage.dataset_files import open_files
from safemil_core.data.storage.npy_stream import mapped
from safemil_core.data.storage.recorded_videos import placed
from safemil_core.data.storage.trajectory_table import read_table
from safemil_core.data.storage.versions import recording_of
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidDataset, NotFound
from safemil_core.workspace import Workspace, held, on_disk, whole_file

if TYPE_CHECKING:
    import pandas as pd


class DatasetFolders:
    """Those of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def has(self, dataset_id: str) -> bool:
        """Whether this content is there, and what is known of it can be read."""
        try:
            self._kept(dataset_id)
        except (FileNotFoundError, InvalidDataset):
            return False
        return True

    def info(self, dataset_id: str) -> DatasetInfo:
        """As it was kept, with all ancestors that are there.

        Raises:
            FileNotFoundError: it is gone.
            InvalidDataset: what is known of it is damaged.
        """
        kept = self._kept(dataset_id)
        return replace(kept, parents=self._with_theirs(kept.parents, (kept.id,)))

    def open(self, info: DatasetInfo) -> TrajectorySet:
        """The trajectories, memory-mapped. Raises NotFound where a file is gone."""
        try:
            return open_files(self._of(info.id), info.images)
        except FileNotFoundError as problem:
            raise NotFound(
                f"{Path(problem.filename).name} of dataset {info.name!r} is gone from the workspace; remove the folder "
                f"datasets/{info.id} in it and import its file again"
            ) from None

    def table(self, info: DatasetInfo) -> pd.DataFrame:
        """What is known of each trajectory; columns as `trajectory_table` says."""
        return read_table(self._completed(info) / "table.parquet")

    def keys(self, info: DatasetInfo) -> np.ndarray:
        """[N, 16] uint8, of each trajectory: equal keys, equal content in all arrays of steps."""
        return mapped(self._completed(info) / "keys.npy")

    def about(self, info: DatasetInfo) -> About:
        """What its files said, with the environment and the names that `info` has."""
        try:
            about = about_json.from_json((self._of(info.id) / "about.json").read_text())
        except FileNotFoundError:  # a dataset of the first version
            about = info.about()
        return replace(
            placed(about, self._of(info.id)),
            env_id=info.env_id,
            observation_names=info.observation_names,
            action_names=info.action_names,
        )

    def aside(self) -> AbstractContextManager[Path]:
        """A folder to write into, gone afterwards unless it was kept, so that a crash leaves no half dataset."""
        return self._workspace.aside(self._workspace.datasets)

    def finish(self, aside: Path, info: DatasetInfo) -> None:
        """Write what is known of the content into its folder, and have all of it on disk: its name will be, at once,
        and the file that it came from may be gone then."""
        (aside / "info.json").write_text(info.to_json())
        for path in (*aside.rglob("*"), aside):
            on_disk(path)

    def keep(self, aside: Path, dataset_id: str) -> bool:
        """Make a finished folder a dataset; False where its content is there already. Nobody else may keep or remove
        one meanwhile, see `alone`."""
        if self.has(dataset_id):
            return False
        self.remove(dataset_id)  # what is left of one that was damaged
        aside.rename(self._of(dataset_id))
        on_disk(self._workspace.datasets)
        return True

    def alone(self) -> AbstractContextManager[None]:
        """While nobody else keeps, names or removes a dataset: one that has no name yet, or none any more, is seen by
        nobody. Raises NotReady where another process is at it for very long."""
        return held(self._workspace.datasets_lock)

    def remove(self, dataset_id: str) -> None:
        """Take the content away where it is there: gone at once, however long it takes to remove it."""
        folder = self._of(dataset_id)
        if folder.exists():
            with self._workspace.removing(folder):
                pass

    def _of(self, dataset_id: str) -> Path:
        return self._workspace.datasets / dataset_id

    def _kept(self, dataset_id: str) -> DatasetInfo:
        return DatasetInfo.from_json((self._of(dataset_id) / "info.json").read_bytes())

    def _with_theirs(self, parents: Sequence[Parent], below: tuple[str, ...]) -> tuple[Parent, ...]:
        """Parents with their own, as far as their folders are there. Whoever is `below` is no ancestor of itself: that
        happens where a dataset that was gone was made again from one that had been made of it."""
        found = []
        for parent in parents:
            if parent.id not in below:
                try:
                    theirs = self._kept(parent.id).parents
                except (FileNotFoundError, InvalidDataset):
                    theirs = ()
                found.append(replace(parent, parents=self._with_theirs(theirs, (*below, parent.id))))
        return tuple(found)

    def _completed(self, info: DatasetInfo) -> Path:
        """The folder; one of the first version gets the files that it lacks, which takes a while once."""
        folder = self._of(info.id)
        if not (folder / "table.parquet").exists():
            with self.aside() as aside:
                built = build.build([(info.name, recording_of(self.open(info), self.about(info)))], aside)
                (aside / "keys.npy").replace(folder / "keys.npy")
                with whole_file(folder / "info.json") as temporary:
                    known = {"observations": built.observations, "actions": built.actions}
                    temporary.write_text(replace(info, statistics=known).to_json())
                (aside / "table.parquet").replace(folder / "table.parquet")  # last: whoever sees it finds the rest
        return folder
