"""Trial: one training and its evaluation, all that decides what comes of it; and which of them a sweep consists of."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from safemil_core.assessment.environments import find_environment
from safemil_core.config import RunConfig
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.errors import EnvironmentUnavailable, InvalidConfig, NotFound
from safemil_core.learning.baselines.settings import COSTLESS
from safemil_core.running.sweeps.spec import LabelPlan, RandomSearch, Range, SweepSpec
from safemil_core.workspace import Workspace

LABELS = "labels."
NEVER = 2**31
"""Metrics and checkpoints of a trial nobody reads."""


@dataclass(frozen=True)
class Trial:
    """Labels, a training and an evaluation."""

    dataset: str
    dataset_id: str
    seed: int
    settings: Mapping[str, Any]
    """What tells it from other trials of the sweep, beside dataset and seed; for tables."""
    labels: LabelPlan
    config: RunConfig
    episodes: int
    updates: tuple[int, ...]
    unseen: bool
    """Whether to train networks that go without some behaviour, too."""
    environment: str = ""
    """Where its policy plays, as `find_environment` knows it; empty where none does."""

    @cached_property
    def id(self) -> str:
        """Equal for trials that come to the same, whatever sweep they are in."""
        values = self.document()
        for key in ("dataset", "settings"):  # names, which decide nothing
            del values[key]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """All of it, in terms of JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        models = {"labels": self.labels.model_dump(mode="json"), "config": self.config.model_dump(mode="json")}
        return {**values, "settings": dict(self.settings), "updates": list(self.updates), **models}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """What `document` gave."""
        models = {"labels": LabelPlan(**document["labels"]), "config": RunConfig(**document["config"])}
        return cls(**{**document, "updates": tuple(document["updates"]), **models})


@dataclass(frozen=True)
class Row:
    """What came of a trial."""

    trial: str
    """Its id."""
    dataset: str
    seed: int
    settings: Mapping[str, Any]
    measured: tuple[Mapping[str, float | None], ...] = ()
    """Metrics by name, with the `updates` after which they were taken; those of the policy in the last."""
    seconds: float = 0.0
    code: str = ""
    """A digest of what it was done with, see `Provenance`."""
    failure: str = ""
    """Why nothing came of it, in a sentence."""

    @classmethod
    def about(cls, trial: Trial, **outcome: Any) -> Self:
        """Of a trial."""
        return cls(trial.id, trial.dataset, trial.seed, dict(trial.settings), **outcome)

    def document(self) -> dict[str, Any]:
        """All of it, in terms of JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """What `document` gave."""
        return cls(**{**document, "measured": tuple(document["measured"])})


def wanted_trials(workspace: Workspace, spec: SweepSpec) -> list[Trial]:
    """The trials of a sweep over the datasets of a workspace.

    Raises:
        NotFound: a dataset is not there; the message names all that are not.
        InvalidConfig: a setting is out of its range.
    """
    infos = {info.name: info for info in DatasetStore.of(workspace).list()}
    missing = [name for name in spec.datasets if name not in infos]
    if missing:
        ways = ", ".join(f"`{way_to(name)}`" for name in missing)
        raise NotFound(f"there is no dataset {' and no '.join(map(repr, missing))}; to make bundled ones: {ways}")
    ids = {name: infos[name].id for name in spec.datasets}
    environments = {name: _environment(workspace, infos[name]) for name in spec.datasets if spec.episodes}
    return trials_of(spec, ids, environments)


def rows_by_trial(trials: Iterable[Trial], rows: Iterable[Row]) -> dict[str, Row]:
    """The rows of these trials by their ids, under the names that dataset and settings have now: what was done under
    other names is not done again."""
    kept = {row.trial: row for row in rows}
    return {
        trial.id: replace(kept[trial.id], dataset=trial.dataset, settings=dict(trial.settings))
        for trial in trials
        if trial.id in kept
    }


def _environment(workspace: Workspace, dataset: DatasetInfo) -> str:
    """Of a file of the user's with its hash: another file gives other trials. Where there is none now, as it is
    called."""
    try:
        return str(find_environment(workspace, dataset.env_id or ""))
    except (NotFound, EnvironmentUnavailable):
        return dataset.env_id or ""


def way_to(name: str) -> str:
    """The commands that bring a dataset, if it is a bundled one."""
    if name == "car_circle":
        return "safemil import assets/car_circle.hdf5"
    if name == "car_pixels":
        return "python assets/make_car_pixels.py --out car_pixels.npz && safemil import car_pixels.npz"
    return f"python assets/make_tasks.py {name} --out {name}.hdf5 && safemil import {name}.hdf5 --name {name}"


def trials_of(
    spec: SweepSpec, dataset_ids: Mapping[str, str], environments: Mapping[str, str] = MappingProxyType({})
) -> list[Trial]:
    """Every trial of a sweep, seed by seed, so that early results are about everything.

    Args:
        spec: the sweep.
        dataset_ids: of its datasets by name.
        environments: where policies play, likewise.

    Raises:
        InvalidConfig: a setting is unknown or out of its range, or two of its datasets are the same.
    """
    found: dict[str, Trial] = {}
    for seed, settings, dataset in itertools.product(spec.seeds, tried(spec), spec.datasets):
        labels, config = _decided(spec, settings, seed)
        decisive = (labels, config, spec.episodes, spec.updates, spec.asks_unseen)
        trial = Trial(dataset, dataset_ids[dataset], seed, settings, *decisive, environments.get(dataset, ""))
        other = found.setdefault(trial.id, trial).dataset
        if other != dataset:
            raise InvalidConfig(
                f"sweep {spec.name!r}: {other!r} and {dataset!r} hold the same data; leave one of them out"
            )
    return list(found.values())


def tried(spec: SweepSpec) -> list[dict[str, Any]]:
    """Every combination of what varies beside dataset and seed, `variant` by its name, in the order of the file."""
    variants: list[dict[str, Any]] = [{"variant": name} for name in spec.variants] or [{}]
    return [{**variant, **searched} for variant, searched in itertools.product(variants, _searched(spec))]


def alike(spec: SweepSpec) -> list[list[dict[str, Any]]]:
    """What is tried, together what comes to the same labels and settings, and so to the same trials."""
    found: dict[tuple[LabelPlan, RunConfig], list[dict[str, Any]]] = {}
    for tries in tried(spec):
        same = found.setdefault(_decided(spec, tries, spec.seeds[0]), [])
        if tries not in same:
            same.append(tries)
    return list(found.values())


def _decided(spec: SweepSpec, tries: Mapping[str, Any], seed: int) -> tuple[LabelPlan, RunConfig]:
    """Labels and settings of a trial of what is tried."""
    searched = {key: value for key, value in tries.items() if key != "variant"}
    settings = {**spec.base, **spec.variants.get(tries.get("variant", ""), {}), **searched}
    of_labels = {key.removeprefix(LABELS): value for key, value in settings.items() if key.startswith(LABELS)}
    of_run = {key: value for key, value in settings.items() if not key.startswith(LABELS)}
    if spec.updates:
        of_run |= {"cost.updates": max(spec.updates), "cost.settle": 0.0}
    of_run |= {"seed": seed, "log_every": NEVER, "checkpoint_every": NEVER}
    begun = RunConfig.paper() if spec.paper else RunConfig()
    try:
        labels = LabelPlan(**{**spec.labels.model_dump(), **of_labels})
        config = begun.with_values(f"{key}={json.dumps(value)}" for key, value in of_run.items())
    except (InvalidConfig, TypeError) as problem:  # TOML knows dates, which are no JSON and no setting
        raise InvalidConfig(f"sweep {spec.name!r}: {problem}") from None
    if not spec.episodes and config.method in COSTLESS:
        raise InvalidConfig(f"sweep {spec.name!r}: method {config.method} learns no cost; give it episodes above 0")
    return labels, config


def _searched(spec: SweepSpec) -> list[dict[str, Any]]:
    if spec.random is not None:
        return list(_drawn(spec.random))
    return [dict(zip(spec.grid, values, strict=True)) for values in itertools.product(*spec.grid.values())]


def _drawn(random: RandomSearch) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(random.seed)
    for _ in range(random.n):
        yield {key: _one(of, rng) for key, of in random.settings.items()}


def _one(of: Range | tuple[Any, ...], rng: np.random.Generator) -> Any:
    if isinstance(of, tuple):
        return of[int(rng.integers(len(of)))]
    if of.scale == "log":
        value = float(np.exp(rng.uniform(np.log(of.low), np.log(of.high))))
    else:
        value = float(rng.uniform(of.low, of.high))
    return round(value) if of.whole else value
