"""SweepSpec: what a sweep tries, as its TOML file says it. Not the single trials (`trials`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from safemil_core.errors import InvalidConfig, NotFound
from safemil_core.settings import Settings
from safemil_core.workspace import is_name

CostMetric = Literal["step_auc", "rank_correlation", "step_auc_unmarked", "rank_correlation_unmarked"]
PolicyMetric = Literal["return", "cost", "cvar_cost", "length", "satisfaction", "return_normalised", "cost_normalised"]
UnseenMetric = Literal["unseen_agreement", "unseen_label_auc"]
Metric = CostMetric | PolicyMetric | UnseenMetric
POLICY_METRICS: tuple[PolicyMetric, ...] = get_args(PolicyMetric)
UNSEEN_METRICS: tuple[UnseenMetric, ...] = get_args(UnseenMetric)
"""What no true cost is needed for: of cost networks each trained without one behaviour (`learning.held_out`)."""


class LabelPlan(Settings):
    """Which trajectories a trial marks: by the true costs, as a person would who saw everything."""

    n_non_preferred: int = Field(50, ge=1, description="Trajectories that are marked non-preferred.")
    share: float = Field(
        0.15,
        gt=0,
        le=1,
        description="They are drawn from so large a share of all, the costliest. Larger: their costs differ more.",
    )
    contamination: float = Field(
        0.0, ge=0, lt=1, description="Share of the marked that come from the cheaper half of all instead: wrong marks."
    )
    n_preferred: int = Field(
        0, ge=0, description="Trajectories that are marked preferred, drawn from the cheapest quarter of all."
    )


class Range(Settings):
    """Where random search draws a number from."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False
    """Rounded to a whole number."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high or (self.scale == "log" and self.low <= 0):
            raise InvalidConfig(f"a range needs low < high, and low > 0 on a log scale; got {self.low} to {self.high}")
        return self


Choices = Annotated[tuple[Any, ...], Field(min_length=1)]


class RandomSearch(Settings):
    """So many draws of these settings, instead of a grid."""

    n: int = Field(ge=1, le=10_000)
    seed: int = Field(0, ge=0)
    settings: dict[str, Range | Choices]


def _flat(table: Any) -> Any:
    """Nested tables as one, `{"cost": {"bag_size": 1}}` as `{"cost.bag_size": 1}`; a range stays a table."""
    if not isinstance(table, Mapping):
        return table
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and "low" not in value:
            found |= {f"{key}.{inner}": of for inner, of in _flat(value).items()}
        else:
            found[key] = value
    return found


def _flat_each(tables: Any) -> Any:
    return {name: _flat(table) for name, table in tables.items()} if isinstance(tables, Mapping) else tables


def _random(table: Any) -> Any:
    if not isinstance(table, Mapping):
        return table
    return {**table, "settings": _flat(table["settings"])} if "settings" in table else table


FlatSettings = Annotated[dict[str, Any], BeforeValidator(_flat)]


class SweepSpec(Settings):
    """Every combination of datasets, variants, grid or random draws, and seeds is one trial."""

    name: str
    question: str = Field("", description="What the sweep is to answer, in a sentence.")
    datasets: tuple[str, ...] = Field(min_length=1, description="By their names in the workspace.")
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        BeforeValidator(lambda seeds: range(seeds) if isinstance(seeds, int) else seeds),
        Field(min_length=1),
    ] = Field((0, 1, 2, 3, 4), description="Of labels, training and all draws; a number n: 0 to n - 1.")
    episodes: int = Field(20, ge=0, le=10_000, description="Of each policy; 0: the cost network alone, no policy.")
    updates: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="Look at the cost after these many updates of one training, which then has the largest as "
        "`cost.updates` and does not stop earlier.",
    )
    paper: bool = Field(False, description="Begin from the paper's settings instead of ours.")
    labels: LabelPlan = LabelPlan()
    base: FlatSettings = Field({}, description="Settings of all trials.")
    variants: Annotated[dict[str, FlatSettings], BeforeValidator(_flat_each)] = Field(
        {}, description="Named bundles of settings, each tried."
    )
    grid: Annotated[dict[str, Choices], BeforeValidator(_flat)] = Field({}, description="All values of each setting.")
    random: Annotated[RandomSearch | None, BeforeValidator(_random)] = None
    x: str = Field("", description="Axis of the figure: a setting that varies, variant, dataset or updates.")
    metrics: tuple[Metric, ...] = Field((), description="Panels of the figure and columns of the table.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not is_name(self.name):
            raise InvalidConfig(f"{self.name!r} cannot name a sweep; use lower-case letters, digits, - and _")
        if self.grid and self.random:
            raise InvalidConfig(f"sweep {self.name!r} has a grid and a random search; leave one of them out")
        if self.x and self.x not in self.axes:
            raise InvalidConfig(f"x={self.x!r} does not vary in sweep {self.name!r}; use {' or '.join(self.axes)}")
        policy_metrics = [metric for metric in self.metrics if not self.episodes and metric in POLICY_METRICS]
        if policy_metrics:
            raise InvalidConfig(f"{policy_metrics[0]} needs a policy; give sweep {self.name!r} episodes above 0")
        return self

    @property
    def varied(self) -> tuple[str, ...]:
        """What differs between trials of one dataset, beside the seed."""
        searched = self.random.settings if self.random else self.grid
        return (*(("variant",) if self.variants else ()), *searched)

    @property
    def axes(self) -> tuple[str, ...]:
        """What the figure may be drawn over."""
        return (*self.varied, *(("updates",) if len(self.updates) > 1 else ()), "dataset")

    @property
    def axis(self) -> str:
        """What the figure is drawn over."""
        return self.x or next((axis for axis in self.axes if axis != "variant"), "dataset")

    @property
    def asks_unseen(self) -> bool:
        """Whether trials also train the networks that go without some behaviour."""
        return any(metric in UNSEEN_METRICS for metric in self.metrics)

    @property
    def shown(self) -> tuple[Metric, ...]:
        """The metrics that figure and table show."""
        return self.metrics or (("cost", "return") if self.episodes else ("step_auc", "rank_correlation"))


def read_spec(path: Path) -> SweepSpec:
    """The sweep that a TOML file describes.

    Raises:
        NotFound, InvalidConfig: the file is not there, is no TOML, or says what makes no sense.
    """
    try:
        return SweepSpec(**tomllib.loads(path.read_text()))
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}; ready ones are in assets/experiments") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InvalidConfig(f"{path.name} is no TOML: {problem}") from None
    except InvalidConfig as problem:
        raise InvalidConfig(f"{path.name}: {problem}") from None
