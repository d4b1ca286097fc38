"""What returns and costs are measured in: references that make tasks comparable, and the cost that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safemil_core.assessment.intervals import Interval

ALLOWED_SHARE = 0.1
"""Of the costliest trajectory's cost, where nothing else says how much an episode may cost."""


@dataclass(frozen=True)
class Scale:
    """A linear scale on which a return or cost is stated: 0 at `zero`, 1 at `one`."""

    zero: float
    one: float

    def of(self, interval: Mapping[str, float]) -> Interval:
        return {key: self.at(value) for key, value in interval.items()}

    def at(self, value: float) -> float:
        return (value - self.zero) / (self.one - self.zero)


@dataclass(frozen=True)
class References:
    """What is known of a task beside the policies that are evaluated in it."""

    random: Mapping[str, float] | None = None
    """`return` and `cost` of an episode of uniformly random actions, on average."""
    constrained: Mapping[str, float] | None = None
    """The same of a policy that a constrained-RL method trained with rewards and costs."""
    dsrl: Mapping[str, float] | None = None
    """`environments.dsrl_range`."""
    costliest: float | None = None
    """The cost of the dataset's costliest trajectory."""
    random_is_measured: bool = False
    """Whether we rolled it out; else the dataset's file says it."""

    def scales(self) -> dict[str, Scale]:
        """Of `return_normalised` and `cost_normalised`, and of `return_dsrl` and `cost_dsrl`, as far as known."""
        found = {}
        random, constrained, dsrl = self.random, self.constrained, self.dsrl
        if random and constrained and random["return"] != constrained["return"]:
            found["return_normalised"] = Scale(random["return"], constrained["return"])
        if constrained and self.costliest is not None and self.costliest > constrained["cost"]:
            found["cost_normalised"] = Scale(constrained["cost"], self.costliest)
        if dsrl:
            found["return_dsrl"] = Scale(dsrl["least_return"], dsrl["largest_return"])
            found["cost_dsrl"] = Scale(dsrl["least_cost"], dsrl["largest_cost"])
        return found

    def cost_limit(self) -> tuple[float, str]:
        """The cost that an episode may have unless the user says another, and in words why that one."""
        if self.constrained and self.constrained["cost"] > 0:
            return self.constrained["cost"], "the mean cost of the constrained-RL policy"
        if self.costliest:
            return ALLOWED_SHARE * self.costliest, f"{ALLOWED_SHARE:.0%} of the costliest trajectory's in the dataset"
        return 0.0, "no unsafe step at all"

    def sentences(self) -> list[str]:
        """What the scales mean."""
        scales, words = self.scales(), []
        if "return_normalised" in scales:
            scale, source = scales["return_normalised"], "measured here" if self.random_is_measured else "by its file"
            words.append(
                f"Normalised return: 0 is a random policy's ({scale.zero:.1f}, {source}), 1 the constrained-RL "
                f"policy's ({scale.one:.1f})."
            )
        if "cost_normalised" in scales:
            scale = scales["cost_normalised"]
            words.append(
                f"Normalised cost: 0 is the constrained-RL policy's ({scale.zero:.1f}), 1 the costliest trajectory's "
                f"in the dataset ({scale.one:.0f})."
            )
        if "return_dsrl" in scales:
            earned, cost = scales["return_dsrl"], scales["cost_dsrl"]
            words.append(
                f"By dsrl.infos: 0 and 1 are the least and largest return ({earned.zero:.1f}, {earned.one:.1f}) and "
                f"cost ({cost.zero:.0f}, {cost.one:.0f}) of an episode in DSRL's own dataset of this task."
            )
        return words
