"""What a finding is: a symptom, its evidence as a figure, its probable cause, and the cure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Symptom = Literal["collapse", "shortcut", "immobile", "labels", "dataset", "weights"]
EvidenceKind = Literal["bars", "lines", "points"]


@dataclass(frozen=True)
class Series:
    """One row of bars, one line or one cloud of points of an evidence."""

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    meaning: str = ""
    """What its colour means: a label, `learned cost`, `true cost`, or empty."""

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"series {self.name!r} has {len(self.x)} values of x and {len(self.y)} of y")


@dataclass(frozen=True)
class Evidence:
    """The figure that shows what a finding says."""

    kind: EvidenceKind
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    threshold: float | None = None
    """A line across, of y: beyond it the finding is made."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    cause: str
    """Names the probable cause, one of `causes.CAUSES`: for example `bag_size` or `learning_rate`."""
    symptom: Symptom
    title: str
    """What is wrong, in a sentence without a full stop."""
    evidence: str
    """The numbers that say so."""
    why: str
    """The probable cause in words."""
    cure: str
    harm: float
    """From 0 to 1: how much of the result it spoils. Findings are shown the most harmful first."""
    settings: tuple[str, ...] = ()
    """The cure as settings of the corrected run, for example `cost.bag_size=64`; empty where it is not a setting."""
    trajectories: tuple[int, ...] = ()
    """Those that it is about, where it is about some."""
    figure: Evidence | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.harm <= 1:
            raise ValueError(f"the harm of a finding lies between 0 and 1, got {self.harm}")

    def as_json(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Back from `as_json`."""
        figure = values.get("figure")
        series = tuple(
            Series(each["name"], tuple(each["x"]), tuple(each["y"]), each["meaning"])
            for each in (figure["series"] if figure else ())
        )
        return cls(
            **{
                **values,
                "settings": tuple(values["settings"]),
                "trajectories": tuple(values["trajectories"]),
                "figure": None if figure is None else Evidence(**{**figure, "series": series}),
            }
        )
