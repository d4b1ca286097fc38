"""DatasetStore: datasets by their names: added, derived, merged, opened, and what is said of them taken along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from safemil_core.clock import now
from safemil_core.data.database import Database
from safemil_core.data.dataset_folders import DatasetFolders
from safemil_core.data.dataset_info import DatasetInfo, Parent, in_short
from safemil_core.data.dataset_names import DatasetNames
from safemil_core.data.intake import confined as intake
from safemil_core.data.intake.confined import OnProgress
from safemil_core.data.intake.limits import Limits
from safemil_core.data.labels.records import Label
from safemil_core.data.labels.store import LabelStore, default_author
from safemil_core.data.recording import About, Options, readable
from safemil_core.data.storage import build
from safemil_core.data.storage.build import Built
from safemil_core.data.storage.recorded_videos import with_videos
from safemil_core.data.storage.versions import follow, recording_of, same_trajectories
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import AlreadyExists, InvalidDataset, InvalidLabels, NotFound
from safemil_core.workspace import Workspace, as_name, is_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DatasetInfo", "DatasetStore", "Parent"]

BuildFiles = Callable[..., tuple[str, Built]]
"""Like `intake.build`."""


class DatasetStore:
    """The datasets of a workspace."""

    def __init__(self, workspace: Workspace, database: Database, build_files: BuildFiles = intake.build) -> None:
        self._folders = DatasetFolders(workspace)
        self._database = database
        self._names = DatasetNames(database)
        self._build_files = build_files

    @classmethod
    def of(cls, workspace: Workspace, build_files: BuildFiles = intake.build) -> DatasetStore:
        """The datasets of a workspace, with a connection of their own to its database."""
        return cls(workspace, Database(workspace.database), build_files)

    def add(
        self,
        paths: Path | Sequence[Path],
        *,
        name: str | None = None,
        env_id: str | None = None,
        options: Options = Options(),  # noqa: B008  # frozen
        author: str | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        on_progress: OnProgress = lambda _done, _all: None,
    ) -> DatasetInfo:
        """Read, check and keep files. Importing the same content again gives the dataset that is there.

        Labels that come with the files are taken over where nobody here has ever spoken of them: what was undone does
        not come back. Where the files bring none, what was said of an equal trajectory in another dataset of the
        workspace is said of it here too.

        Args:
            paths: a file or folder of any format that `data.formats` knows, or several that make one dataset.
            name: what to call it; the first file's own name where None.
            env_id: the gymnasium environment for rollouts, where the file does not say or is wrong.
            options: what the files do not say.
            author: who imports it, and the labels that come with it; the account's name where None.
            limits: on the process that reads the files.
            on_progress: called with the steps done, and all of them where known.

        Raises:
            NotFound, InvalidDataset: the files; nothing of them is kept.
            AlreadyExists: the name belongs to other content.
        """
        paths = (paths,) if isinstance(paths, Path) else tuple(paths)
        if not paths:
            raise InvalidDataset("no file is named; name at least one")
        name = _checked_name(as_name(paths[0].stem) if name is None else name)
        author = author or default_author()
        with self._folders.aside() as folder:
            file_format, built = self._build_files(paths, options, folder, limits=limits, on_progress=on_progress)
            built = with_videos(built, folder, limits.most_bytes)
            info = DatasetInfo.of(
                built,
                name=name,
                source=readable(", ".join(path.name for path in paths))[:200],
                file_format=file_format,
                at=now("milliseconds"),
                author=author,
                parents=(),
            )
            if info.env_id and not _imports_nothing(info.env_id):
                words = f"the file names the environment {info.env_id}, for which a module is to be imported"
                info = replace(info, notes=(*info.notes, f"{words}; name it yourself if you trust that"))
            with self._kept(folder, info):
                is_unsaid = self._labels(info).latest() == 0
                self._bring_in(info, built.about)
                info = self._point(info, env_id)
        if is_unsaid and not (built.about.labels or built.about.segments or built.about.tags):
            others = {other.id: other.name for other in self.list() if other.id != info.id}
            for other in others.values():
                self.carry_labels(other, info.name, author=author)
        return info

    def name_environment(self, name: str, env_id: str) -> DatasetInfo:
        """Say which environment policies are to be rolled out in. Raises NotFound."""
        with self._folders.alone():
            return self._point(self.info(name), env_id)

    def derive(
        self, name: str, chosen: Sequence[int], *, new_name: str, how: str, author: str | None = None
    ) -> DatasetInfo:
        """Make a dataset of some of another's trajectories, in this order; what is said of them comes along.

        Args:
            name: of the other, which stays as it is.
            chosen: trajectories of it.
            new_name: of the version.
            how: they were chosen, in words; of long ones the beginning is kept.
            author: who does it.

        Raises:
            NotFound, InvalidDataset, AlreadyExists: nothing is kept.
        """
        return self._version([(self.info(name), in_short(how, len(chosen)), tuple(map(int, chosen)))], new_name, author)

    def merge(self, names: Sequence[str], *, new_name: str, author: str | None = None) -> DatasetInfo:
        """Make one dataset of all trajectories of several, in this order; what is said of them comes along.

        Raises:
            NotFound, InvalidDataset, AlreadyExists: nothing is kept.
        """
        if len(set(names)) < max(2, len(names)):
            raise InvalidDataset("a merge takes two or more different datasets")
        return self._version([(self.info(name), "merged", None) for name in names], new_name, author)

    def carry_labels(self, name: str, into: str, *, author: str | None = None) -> int:
        """Say of trajectories of `into` what is said of equal ones of `name`, where nobody has labelled them yet.

        Returns:
            How many trajectories were found to be equal and without a label.
        """
        equal = same_trajectories(self.keys(into), self.keys(name))
        labels = self.labels(into)
        now = labels.current()
        origins = {new: old for new, old in equal.items() if now[new] == "none"}
        note = f"of equal trajectories of {name}"
        follow(origins, self.labels(name).state(), labels, author=author or default_author(), note=note)
        return len(origins)

    def list(self) -> list[DatasetInfo]:
        """Every named dataset that is there, in the order in which they came."""
        found = []
        for name in self._names.all():
            with suppress(NotFound):
                found.append(self.info(name))
        return found

    def missing(self) -> tuple[str, ...]:
        """Names of datasets whose folder is gone from the workspace, or damaged."""
        return tuple(name for name, dataset in self._names.all().items() if not self._folders.has(dataset))

    def forget(self, name: str) -> str | None:
        """Take a name away, and its content where it has no other name; what was said of it is kept.

        Returns:
            The id of the content that is gone; None where it is still named.

        Raises:
            NotFound: there is no dataset of that name.
        """
        with self._folders.alone():
            row = self._names.get(name)
            self._names.remove(name, row.dataset)
            if self._names.has(row.dataset):
                return None
            self._folders.remove(row.dataset)
        return str(row.dataset)

    def info(self, name: str) -> DatasetInfo:
        """What is known of a dataset.

        Raises:
            NotFound: there is no dataset of that name, or what is known of it is damaged.
        """
        row = self._names.get(name)
        try:
            kept = self._folders.info(row.dataset)
        except FileNotFoundError:
            raise NotFound(
                f"the folder of dataset {name!r} is gone from the workspace; import its file again"
            ) from None
        except InvalidDataset as problem:
            raise NotFound(f"dataset {name!r} cannot be read: {problem}") from None
        of_the_file = kept.env_id if kept.env_id and _imports_nothing(kept.env_id) else None
        return replace(kept, name=name, env_id=row.env_id or of_the_file)

    def open(self, name: str) -> TrajectorySet:
        """The trajectories of a dataset, memory-mapped: nothing is read until it is looked at.

        Raises:
            NotFound: there is no dataset of that name, or a file of it is gone.
        """
        return self._folders.open(self.info(name))

    def table(self, name: str) -> pd.DataFrame:
        """What is known of each trajectory without labels or a trained model; columns as `trajectory_table` says."""
        return self._folders.table(self.info(name))

    def keys(self, name: str) -> np.ndarray:
        """[N, 16] uint8, of each trajectory: equal keys, equal content in all arrays of steps."""
        return self._folders.keys(self.info(name))

    def about(self, name: str) -> About:
        """What its files said, with the environment that the user named."""
        return self._folders.about(self.info(name))

    def labels(self, name: str) -> LabelStore:
        """The labels of a dataset. They belong to the content: every name of it shares them."""
        return self._labels(self.info(name))

    def _labels(self, info: DatasetInfo) -> LabelStore:
        return LabelStore(self._database, info.id, info.n_trajectories)

    def _version(
        self, of: Sequence[tuple[DatasetInfo, str, Sequence[int] | None]], new_name: str, author: str | None
    ) -> DatasetInfo:
        """A dataset of the chosen trajectories (all where None) of others."""
        _checked_name(new_name)
        author = author or default_author()
        sources = [(p.name, recording_of(self.open(p.name), self.about(p.name), chosen)) for p, _, chosen in of]
        with self._folders.aside() as folder:
            built = with_videos(build.build(sources, folder), folder, build.NO_LIMIT)
            info = DatasetInfo.of(
                built,
                name=new_name,
                source=", ".join(parent.name for parent, _, _ in of)[:200],
                file_format="made here",
                at=now("milliseconds"),
                author=author,
                parents=tuple(Parent(parent.id, parent.name, how) for parent, how, _ in of),
            )
            with self._kept(folder, info):
                first = 0
                for parent, how, chosen in of:
                    numbers = range(parent.n_trajectories) if chosen is None else chosen
                    origins = {first + place: number for place, number in enumerate(numbers)}
                    state, note = self._labels(parent).state(), f"from {parent.name}: {how}"
                    follow(origins, state, self._labels(info), author=author, note=note, only_unsaid=True)
                    first += len(numbers)
                return self._point(info, info.env_id)

    @contextmanager
    def _kept(self, aside: Path, info: DatasetInfo) -> Iterator[None]:
        """Make the folder a dataset unless its content is there already, while the block says what is known of it and
        gives it the name; where that fails, it is gone again. Raises AlreadyExists where the name is taken."""
        self._folders.finish(aside, info)
        with self._folders.alone():
            row = self._names.find(info.name)
            if row is not None and row.dataset != info.id and self._folders.has(row.dataset):
                raise AlreadyExists(
                    f"a dataset named {info.name!r} is already here, with other content; choose another name"
                )
            is_new = self._folders.keep(aside, info.id)
            try:
                yield
            finally:
                if is_new and not self._names.has(info.id):
                    self._folders.remove(info.id)

    def _bring_in(self, info: DatasetInfo, about: About) -> None:
        """Take over the labels that come with the files of a dataset, where nothing was ever said of them."""
        labels = {trajectory: cast(Label, label) for trajectory, label in about.labels.items()}
        note = f"from {info.source}"
        try:
            self._labels(info).bring_in(
                labels, about.segments, about.tags, author=info.author, note=note, only_unsaid=True
            )
        except InvalidLabels as problem:
            raise InvalidDataset(f"{info.source}: its labels make no sense: {problem}") from None

    def _point(self, info: DatasetInfo, env_id: str | None) -> DatasetInfo:
        """Let the name point to the content."""
        row = self._names.find(info.name)
        if row is not None and not self._folders.has(row.dataset):  # the name of what is gone is free
            self._names.remove(info.name, row.dataset)
        self._names.point(info.name, info.id, env_id)
        return self.info(info.name)


def _imports_nothing(env_id: str) -> bool:
    """Whether an id names an environment alone: gymnasium imports what stands before a colon, which a user may want and
    a file may not."""
    return ":" not in env_id


def _checked_name(name: str) -> str:
    if not is_name(name):
        raise InvalidDataset(
            f"{name!r} cannot name a dataset; use lower-case letters, digits, - and _, like {as_name(name)!r}"
        )
    return name
