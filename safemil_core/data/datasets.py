"""DatasetStore: validated datasets as immutable folders named by their content; a name is a pointer to one."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, text

from safemil_core.data import formats
from safemil_core.data.database import Database
from safemil_core.data.labels import LabelStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import AlreadyExists, InvalidDataset, NotFound
from safemil_core.workspace import Workspace, as_name, is_name

_ARRAYS = ("observations", "actions", "offsets", "rewards", "costs")


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset without opening its arrays; kept as info.json beside them."""

    id: str
    """First 16 hexadecimal digits of the SHA-256 over all arrays: equal content, equal id."""
    name: str
    source: str
    """Name of the file it came from."""
    imported_at: str
    n_trajectories: int
    n_steps: int
    n_observations: int
    n_actions: int
    observation_names: tuple[str, ...]
    action_names: tuple[str, ...]
    env_id: str | None = None
    has_rewards: bool = False
    has_costs: bool = False
    references: dict[str, float] = field(default_factory=dict)
    """random_return, random_cost, constrained_return, constrained_cost, where the file gave them."""
    notes: tuple[str, ...] = ()


class DatasetStore:
    """The datasets of a workspace."""

    def __init__(self, workspace: Workspace, database: Database) -> None:
        self._workspace = workspace
        self._database = database

    def add(self, path: Path, *, name: str | None = None, env_id: str | None = None) -> DatasetInfo:
        """Read, check and keep a file. Importing the same content again gives the dataset that is there.

        Args:
            path: a file of any format that `data.formats` knows.
            name: what to call it; the file's own name where None.
            env_id: the gymnasium environment for rollouts, where the file does not say or is wrong.

        Raises:
            NotFound, InvalidDataset: the file; nothing of it is kept.
            AlreadyExists: the name belongs to other content.
        """
        name = as_name(path.stem) if name is None else name
        if not is_name(name):
            raise InvalidDataset(
                f"{name!r} cannot name a dataset; use lower-case letters, digits, - and _, like {as_name(name)!r}"
            )
        imported = formats.read(path)
        dataset_id = _content_id(imported.trajectories)
        self._refuse_taken(name, dataset_id)  # before anything is written
        if not (self._workspace.datasets / dataset_id).exists():
            self._keep(_info(dataset_id, name, path, imported), imported.trajectories)
        with self._database.write() as connection:
            connection.execute(
                text(
                    """
                    INSERT INTO dataset_names (name, dataset, env_id, named_at) VALUES (:name, :dataset, :env_id, :at)
                    ON CONFLICT (name) DO UPDATE SET env_id = coalesce(excluded.env_id, env_id)
                    WHERE dataset = excluded.dataset
                    """
                ),
                {"name": name, "dataset": dataset_id, "env_id": env_id, "at": _now()},
            )
        self._refuse_taken(name, dataset_id)  # another process may have been quicker
        return self.info(name)

    def list(self) -> list[DatasetInfo]:
        """Every named dataset, in the order in which they came."""
        with self._database.read() as connection:
            rows = connection.execute(text("SELECT name FROM dataset_names ORDER BY named_at, name")).scalars().all()
        return [self.info(name) for name in rows]

    def info(self, name: str) -> DatasetInfo:
        """What is known of a dataset.

        Raises:
            NotFound: there is no dataset of that name.
        """
        row = self._row(name)
        if row is None:
            raise NotFound(f"there is no dataset {name!r}; `safemil datasets` lists them")
        path = self._workspace.datasets / row.dataset / "info.json"
        try:
            values: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            raise NotFound(
                f"the folder of dataset {name!r} is gone from the workspace; import its file again"
            ) from None
        tuples = {key: tuple(values[key]) for key in ("observation_names", "action_names", "notes")}
        return DatasetInfo(**{**values, **tuples, "name": name, "env_id": row.env_id or values["env_id"]})

    def open(self, name: str) -> TrajectorySet:
        """The trajectories of a dataset, memory-mapped: nothing is read until it is looked at."""
        folder = self._workspace.datasets / self.info(name).id
        return TrajectorySet(
            **{
                key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
                for key in _ARRAYS
                if (folder / f"{key}.npy").exists()
            }
        )

    def labels(self, name: str) -> LabelStore:
        """The labels of a dataset. They belong to the content: every name of it shares them."""
        info = self.info(name)
        return LabelStore(self._database, info.id, info.n_trajectories)

    def _refuse_taken(self, name: str, dataset_id: str) -> None:
        row = self._row(name)
        if row is not None and row.dataset != dataset_id:
            raise AlreadyExists(f"a dataset named {name!r} is already here, with other content; choose another name")

    def _row(self, name: str) -> Row[Any] | None:
        with self._database.read() as connection:
            query = text("SELECT dataset, env_id FROM dataset_names WHERE name = :name")
            return connection.execute(query, {"name": name}).one_or_none()

    def _keep(self, info: DatasetInfo, trajectories: TrajectorySet) -> None:
        """Write the folder aside and rename it, so that a crash leaves no half dataset."""
        aside = self._workspace.datasets / f".{info.id}.{secrets.token_hex(4)}"
        try:
            aside.mkdir()
            for key in _ARRAYS:
                array = getattr(trajectories, key)
                if array is not None:
                    np.save(aside / f"{key}.npy", array, allow_pickle=False)
            (aside / "info.json").write_text(json.dumps(asdict(info), indent=1))
            try:
                aside.rename(self._workspace.datasets / info.id)
            except OSError:  # another process kept the same content first
                if not (self._workspace.datasets / info.id).exists():
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _info(dataset_id: str, name: str, path: Path, imported: formats.Imported) -> DatasetInfo:
    trajectories = imported.trajectories
    n_observations, n_actions = trajectories.observations.shape[1], trajectories.actions.shape[1]
    return DatasetInfo(
        id=dataset_id,
        name=name,
        source=path.name,
        imported_at=_now(),
        n_trajectories=len(trajectories),
        n_steps=trajectories.n_steps,
        n_observations=n_observations,
        n_actions=n_actions,
        observation_names=imported.observation_names or tuple(f"obs {i}" for i in range(n_observations)),
        action_names=imported.action_names or tuple(f"action {i}" for i in range(n_actions)),
        env_id=imported.env_id,
        has_rewards=trajectories.rewards is not None,
        has_costs=trajectories.costs is not None,
        references=imported.references,
        notes=imported.notes,
    )


def _content_id(trajectories: TrajectorySet) -> str:
    digest = hashlib.sha256()
    for key in _ARRAYS:
        array = getattr(trajectories, key)
        if array is not None:
            digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
