"""Each cause that the doctor knows, provoked on the bundled dataset; and healthy runs of many kinds. Trained in memory.

What is changed is told to nobody but the one who counts: the doctor sees what it sees of any run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from safemil_core.assessment.descriptors import describe, similar_to
from safemil_core.assessment.doctor.case import Case, NetworkFacts
from safemil_core.assessment.doctor.examination import examine
from safemil_core.assessment.doctor.findings import Finding
from safemil_core.assessment.doctor.shortcuts import paces
from safemil_core.assessment.immobility import is_immobile
from safemil_core.bench.examples import BUNDLED
from safemil_core.config import PolicyConfig, RunConfig
from safemil_core.data import formats
from safemil_core.data.labels.records import Segments
from safemil_core.data.recording import CUT_OFF
from safemil_core.data.storage.build import build
from safemil_core.data.storage.dataset_files import open_files
from safemil_core.data.storage.statistics import Dimensions, Moments
from safemil_core.data.trajectories import TrajectorySet, times
from safemil_core.errors import Diverged
from safemil_core.learning.cost_model import StepCosts
from safemil_core.learning.dead_units import dead_units
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training import train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import CloningWeights, cloning_weights

UNSAFE, SAFE = 60.0, 5.0
"""True cost of a trajectory above which it is unsafe, and up to which it is safe; hardly any lie between."""
N_MARKED = 50
LENGTH = 300
CPU = torch.device("cpu")
HIDDEN_SIZES = (64, 64)
"""A quarter of the usual widths, so that some hundred runs train in minutes."""
PLAIN = RunConfig.plain().with_values([f"cost.hidden_sizes={list(HIDDEN_SIZES)}", "weights.per_length=false"])
"""The paper's network, which can go wrong in all of these ways; curves have no units that die."""
_NO_POLICY = PolicyConfig(hidden_sizes=(1,), updates=1)


@dataclass(frozen=True)
class Patient:
    """A run to be: what it learns from, and how."""

    trajectories: TrajectorySet
    labels: np.ndarray
    settings: tuple[str, ...] = ()
    segments: Segments = field(default_factory=dict)
    tags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def examined(self, seed: int, base: RunConfig = PLAIN) -> list[Finding]:
        """Train it, from these settings, and ask the doctor."""
        config = base.model_copy(update={"policy": _NO_POLICY, "seed": seed})
        return examine(_trained(self, config.with_values(self.settings)))


Provocation = Callable[[np.random.Generator], Patient]


@cache
def cars() -> TrajectorySet:
    """The bundled dataset, in memory."""
    with TemporaryDirectory() as folder:
        build([(BUNDLED.name, formats.read(BUNDLED))], Path(folder))
        mapped = open_files(Path(folder), ())
        return some_of(mapped, range(len(mapped)))


def some_of(
    trajectories: TrajectorySet, chosen: Sequence[int] | np.ndarray, lengths: np.ndarray | None = None
) -> TrajectorySet:
    """These, in this order, each up to its length [n] where lengths are given."""
    pieces = [np.arange(trajectories.offsets[t], trajectories.offsets[t + 1]) for t in chosen]
    if lengths is not None:
        pieces = [piece[:length] for piece, length in zip(pieces, lengths, strict=True)]
    steps = np.concatenate(pieces)
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    of = {key: getattr(trajectories, key) for key in ("observations", "actions", "rewards", "costs")}
    return TrajectorySet(offsets=offsets, **{key: None if v is None else np.array(v[steps]) for key, v in of.items()})


def _trained(patient: Patient, config: RunConfig) -> Case:
    trajectories, labels = patient.trajectories, patient.labels
    data = TrainingData.of(trajectories, labels, CPU, segments=patient.segments)
    rows: list[dict[str, float]] = []
    told: list[StepCosts] = []

    def tell(_: CostNetwork, costs: StepCosts, __: CloningWeights) -> None:
        told.append(costs)

    network = None
    with suppress(Diverged):
        network = train(data, config, on_report=lambda report: rows.append(report.metrics), on_costs=tell).cost
    costs = told[-1] if told else None
    names = [f"observation {i}" for i in range(trajectories.observations.shape[1])]
    return Case(
        trajectories=replace(trajectories, rewards=None, costs=None),
        labels=labels,
        config=config,
        descriptors=described(trajectories),
        inputs=_inputs(trajectories),
        input_names=(*names, *(f"action {i}" for i in range(trajectories.actions.shape[1]))),
        metrics=pd.DataFrame(rows),
        costs=None if costs is None else costs.mean,
        spread=None if costs is None else costs.spread,
        weights=None
        if costs is None
        else cloning_weights(costs.mean, data.offsets, labels, config.weights, config.cost.gamma).trajectories,
        segments=patient.segments,
        tags=patient.tags,
        network=None if network is None else NetworkFacts(dead_units(network, data)),
        has_diverged=costs is None,
        returns=trajectories.returns(),
    )


def described(trajectories: TrajectorySet) -> np.ndarray:
    """[N, F] of `describe`."""
    columns: dict[str, np.ndarray] = {"length": trajectories.lengths}
    for prefix, values in (("", trajectories.observations), ("action ", trajectories.actions)):
        moments = Moments.of(values, trajectories.offsets[:-1])
        for kind, of in (("mean", moments.mean), ("spread", moments.spread)):
            columns |= {f"{prefix}{kind} {i}": column for i, column in enumerate(of.T)}
    return describe(pd.DataFrame(columns))


def _inputs(trajectories: TrajectorySet) -> Dimensions:
    both = np.column_stack([trajectories.observations, trajectories.actions])
    return Dimensions.of(Moments.of(both, np.array([0])))


def _true_costs() -> np.ndarray:
    true_costs = cars().true_costs()
    assert true_costs is not None
    return true_costs


def _unsafe() -> np.ndarray:
    return np.flatnonzero(_true_costs() > UNSAFE)


def _safe() -> np.ndarray:
    return np.flatnonzero(_true_costs() <= SAFE)


def _marks(rng: np.random.Generator, n: int = N_MARKED) -> np.ndarray:
    """The costliest, as the example labels have it, or some of the unsafe."""
    if rng.random() < 0.5:
        return np.argsort(-_true_costs(), kind="stable")[:n]
    return rng.permutation(_unsafe())[:n]


def _labels(n: int, marked: Sequence[int] | np.ndarray, preferred: Sequence[int] | np.ndarray = ()) -> np.ndarray:
    labels = np.full(n, "none", dtype="<U13")
    labels[list(preferred)] = "preferred"
    labels[list(marked)] = "non_preferred"
    return labels


def _plain(rng: np.random.Generator, *settings: str) -> Patient:
    return Patient(cars(), _labels(len(cars()), _marks(rng)), settings)


def costliest_marked() -> Patient:
    """As the example labels have it."""
    return Patient(cars(), _labels(len(cars()), np.argsort(-_true_costs(), kind="stable")[:N_MARKED]))


def _seen(change: Callable[[np.ndarray], np.ndarray]) -> TrajectorySet:
    """The dataset with other observations."""
    return replace(cars(), observations=change(cars().observations.copy()).astype(np.float32))


def _beside(*columns: np.ndarray) -> TrajectorySet:
    """The dataset with more observed numbers, [T] or [T, n] each."""
    return _seen(lambda observations: np.column_stack([observations, *columns]))


def _copied(copies: np.ndarray) -> tuple[TrajectorySet, int]:
    """The dataset with copies of these at its end, and how many trajectories that makes."""
    chosen = np.concatenate([np.arange(len(cars())), copies])
    return some_of(cars(), chosen), len(chosen)


def _per_trajectory(values: np.ndarray) -> np.ndarray:
    return np.repeat(values, cars().lengths, axis=0)


def _shortened(rng: np.random.Generator, chosen: np.ndarray, low: int, high: int) -> TrajectorySet:
    """The dataset with these cut to random lengths."""
    lengths = cars().lengths.copy()
    lengths[chosen] = rng.integers(low, high, len(chosen))
    return some_of(cars(), np.arange(len(cars())), lengths)


def not_a_number(rng: np.random.Generator) -> Patient:
    """A sensor that says the largest or the least of numbers where it measured nothing."""

    def broken(observations: np.ndarray) -> np.ndarray:
        is_missing = rng.random(len(observations)) < 0.01
        observations[is_missing, 2] = rng.choice([-1, 1], is_missing.sum()) * np.finfo(np.float32).max
        return observations

    return Patient(_seen(broken), _labels(len(cars()), _marks(rng)))


def missing_normalisation(rng: np.random.Generator) -> Patient:
    scales = np.ones(8)
    scales[rng.integers(2, 6)] = 10 ** rng.uniform(2, 4)
    trajectories = _seen(lambda observations: observations * scales)
    return Patient(trajectories, _labels(len(cars()), _marks(rng)), ("normalise=false",))


def dead_network(rng: np.random.Generator) -> Patient:
    return _plain(rng, "optimiser.kind=adam", f"optimiser.weight_decay={rng.uniform(1, 10):.1f}")


def learning_rate(rng: np.random.Generator) -> Patient:
    """Too high or too low."""
    return _plain(rng, f"cost.learning_rate={rng.choice([1e-6, 1e-5, 0.3, 1.0]):g}")


def saturation(rng: np.random.Generator) -> Patient:
    return _plain(rng, "cost.learning_rate=0.03", "cost.updates=800", "cost.settle=0")


def few_labels(rng: np.random.Generator) -> Patient:
    return Patient(cars(), _labels(len(cars()), _marks(rng)[: rng.integers(1, 4)]))


def duplicates(rng: np.random.Generator) -> Patient:
    marked = _marks(rng)
    trajectories, n = _copied(marked)
    return Patient(trajectories, _labels(n, marked))


def indistinguishable(rng: np.random.Generator) -> Patient:
    return Patient(cars(), _labels(len(cars()), rng.permutation(len(cars()))[:N_MARKED]))


def bag_size(rng: np.random.Generator) -> Patient:
    return _plain(rng, f"cost.bag_size={rng.integers(1, 3)}")


def short_window(rng: np.random.Generator) -> Patient:
    """Nearly all unlabelled are safe, so that K is no matter of alpha; but a bag is four single steps."""
    marked = rng.permutation(_unsafe())[:N_MARKED]
    chosen = np.concatenate([marked, _safe()])
    return Patient(some_of(cars(), chosen), _labels(len(chosen), range(N_MARKED)), ("cost.bag_size=2",))


def length_shortcut(rng: np.random.Generator) -> Patient:
    marked = _marks(rng)
    return Patient(_shortened(rng, marked, 60, 120), _labels(len(cars()), marked))


def time_shortcut(rng: np.random.Generator) -> Patient:
    """A clock among the observations, and segments that all lie at the end."""
    marked = _marks(rng)
    segments = {int(t): ((int(rng.integers(240, 260)), LENGTH - 1),) for t in marked}
    return Patient(_beside(times(cars().offsets) / LENGTH), _labels(len(cars()), marked), segments=segments)


def source_shortcut(rng: np.random.Generator) -> Patient:
    """Four robots, whose number is observed; all marked ones are of the first, which drove few others."""
    marked, n = _marks(rng), len(cars())
    robots = np.where(np.isin(np.arange(n), marked) | (rng.random(n) < 0.05), 0, rng.integers(1, 4, n))
    tags = {f"robot {robot}": tuple(np.flatnonzero(robots == robot).tolist()) for robot in range(4)}
    return Patient(_beside(_per_trajectory(np.eye(4)[robots])), _labels(n, marked), tags=tags)


def slow_shortcut(rng: np.random.Generator) -> Patient:
    """The slowest that drive at all are marked, as where they stay longest in danger."""
    moving = np.flatnonzero(~is_immobile(cars()))
    trajectories = some_of(cars(), moving)
    slowest = np.argsort(paces(trajectories) + rng.normal(0, 1e-3, len(moving)))[:N_MARKED]
    return Patient(trajectories, _labels(len(moving), slowest))


def follows_trajectory(rng: np.random.Generator) -> Patient:
    """Forty numbers that are drawn anew for each trajectory, as where the simulator is randomised."""
    observed = _per_trajectory(rng.normal(size=(len(cars()), 40)))
    return Patient(_beside(observed), _labels(len(cars()), _marks(rng)))


def short_episodes(rng: np.random.Generator) -> Patient:
    marked = _marks(rng)
    others = rng.permutation(np.setdiff1d(np.arange(len(cars())), marked))
    trajectories = _shortened(rng, others[:150], 20, 150)
    return Patient(trajectories, _labels(len(cars()), marked), ("weights.scheme=trajectory",))


def few_effective(rng: np.random.Generator) -> Patient:
    """A temperature that leaves but the least costly, where all drive."""
    moving = np.flatnonzero(~is_immobile(cars()))
    labels = _labels(len(cars()), _marks(rng))[moving]
    return Patient(some_of(cars(), moving), labels, ("weights.scheme=trajectory", "weights.beta=0.02"))


def immobile_weights(rng: np.random.Generator) -> Patient:
    return _plain(rng, "weights.scheme=trajectory", "weights.beta=0.5")


def contradictions(rng: np.random.Generator) -> Patient:
    """Copies of some of the marked that are called preferred."""
    marked = _marks(rng)
    trajectories, n = _copied(marked[:15])
    return Patient(trajectories, _labels(n, marked, range(len(cars()), n)))


def near_duplicates(rng: np.random.Generator) -> Patient:
    """Some of the marked once more, with a little noise, and not marked."""
    marked = _marks(rng)
    trajectories, n = _copied(rng.permutation(marked)[:8])
    copies = slice(int(trajectories.offsets[len(cars())]), None)
    deviations = trajectories.observations.std(axis=0)
    noise = 0.01 * deviations * rng.normal(size=trajectories.observations[copies].shape)
    trajectories.observations[copies] += noise.astype(np.float32)
    return Patient(trajectories, _labels(n, marked))


def one_failure_mode(rng: np.random.Generator) -> Patient:
    """Many that drive too far out, and a few that hardly drive, all in the same way."""
    still = int(rng.choice(np.flatnonzero(is_immobile(cars()))))
    alike = similar_to(described(cars()), still, 3)
    return Patient(cars(), _labels(len(cars()), np.concatenate([_marks(rng, 46), [still], alike])))


def constant_dimensions(rng: np.random.Generator) -> Patient:
    constant = np.full((cars().n_steps, 2), rng.normal())
    return Patient(_beside(constant), _labels(len(cars()), _marks(rng)))


def scales(rng: np.random.Generator) -> Patient:
    """A sensor that says 1e6 where it measured nothing."""

    def broken(observations: np.ndarray) -> np.ndarray:
        observations[rng.random(len(observations)) < 0.001, rng.integers(2, 6)] = 1e6
        return observations

    return Patient(_seen(broken), _labels(len(cars()), _marks(rng)))


def duplicate_trajectories(rng: np.random.Generator) -> Patient:
    marked = _marks(rng)
    trajectories, n = _copied(rng.permutation(_safe())[:60])
    return Patient(trajectories, _labels(n, marked))


def truncated_episodes(rng: np.random.Generator) -> Patient:
    marked, n = _marks(rng), len(cars())
    trajectories = _shortened(rng, rng.permutation(n)[:100], 100, 250)
    return Patient(replace(trajectories, ends=np.full(n, CUT_OFF, np.uint8)), _labels(n, marked))


PROVOKED: dict[str, Provocation] = {
    provocation.__name__: provocation
    for provocation in (
        not_a_number, missing_normalisation, dead_network, learning_rate, saturation, few_labels, duplicates,
        indistinguishable, bag_size, short_window, length_shortcut, time_shortcut, source_shortcut, slow_shortcut,
        follows_trajectory, short_episodes, few_effective, immobile_weights, contradictions, near_duplicates,
        one_failure_mode, constant_dimensions, scales, duplicate_trajectories, truncated_episodes,
    )
}  # fmt: skip
"""By the cause that is to be found first."""

_DEFAULT_COST = RunConfig().cost.model_dump(mode="json")
DEFAULTS = (*(f"cost.{name}={value}" for name, value in _DEFAULT_COST.items()), "weights.scheme=split")
"""Those of a run, in place of the paper's network."""
HEALTHY_SETTINGS: tuple[tuple[str, ...], ...] = (
    (),
    ("cost.window=10",),
    ("cost.bag_size=16",),
    ("cost.members=3",),
    ("weights.scheme=trajectory",),
    ("cost.updates=1000", "cost.settle=0"),
    ("cost.aggregator=attention",),
    DEFAULTS,
)


def healthy(rng: np.random.Generator) -> Patient:
    """As a sensible person would set it up: 20 to 100 marks, some of them preferred ones or not, various settings."""
    marked = _marks(rng, int(rng.integers(20, 101)))
    preferred = rng.permutation(_safe())[: 30 * rng.integers(2)]
    settings = HEALTHY_SETTINGS[rng.integers(len(HEALTHY_SETTINGS))]
    return Patient(cars(), _labels(len(cars()), marked, preferred), settings)
