"""An evaluation as tables to read: numbers become words here and nowhere else. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dashboard.charts_theme import POLICY_WORDS
from safemil_core.assessment.comparisons import relative, sure_sign
from safemil_core.running.offline_checks import OfflineCheck

METRICS = {
    "return": ("Return", ".1f"),
    "return_iqm": ("Return, middle half", ".1f"),
    "cost": ("Cost", ".1f"),
    "cvar_cost": ("CVaR@20 % cost", ".1f"),
    "satisfaction": ("Satisfaction", ".0%"),
    "length": ("Length", ".1f"),
}
"""What each is called, and how it is written."""
NORMALISED = {
    "return_normalised": ("Return", ".2f"),
    "cost_normalised": ("Cost", ".2f"),
    "return_dsrl": ("Return by DSRL", ".2f"),
    "cost_dsrl": ("Cost by DSRL", ".2f"),
}
NORMALISED_IN_FULL = {key: (f"{words}, normalised", form) for key, (words, form) in NORMALISED.items()}
VERDICTS = {"cost": {-1: "safer", 1: "less safe"}, "return": {-1: "earns less", 1: "earns more"}}
"""What a difference of either sign says."""
POLICY_NAMES: Mapping[str, str] = {policy: words.capitalize() for policy, words in POLICY_WORDS.items()}
"""Of a run itself; what else is called how must be given."""


def headline(evaluation: Mapping[str, Any]) -> str:
    """The comparison in one sentence; empty where plain cloning has no cost or return to compare with."""
    found = relative(evaluation["policies"]["safe"], evaluation["policies"]["bc"])
    if found is None:
        return ""
    return (
        f"The safe policy has **{found['cost']:.0%}** of plain cloning's cost and **{found['return']:.0%}** of its "
        "return."
    )


def metrics(evaluation: Mapping[str, Any], names: Mapping[str, str] = POLICY_NAMES) -> pd.DataFrame:
    """One row a metric that is known, one column a policy: the mean and its interval."""
    return _table(evaluation["policies"], METRICS, names)


def over_seeds(evaluation: Mapping[str, Any], names: Mapping[str, str] = POLICY_NAMES) -> pd.DataFrame:
    """The same of policies that differ in their training seed alone, one column a group of them; empty where there are
    none."""
    groups = {", ".join(names.get(name, name) for name in it["policies"]): it for it in evaluation.get("seeds", [])}
    return _table(groups, METRICS | NORMALISED_IN_FULL, {})


def normalised(evaluation: Mapping[str, Any], names: Mapping[str, str] = POLICY_NAMES) -> pd.DataFrame:
    """The same for the normalised metrics that are known; empty where none is."""
    return _table(evaluation["policies"], NORMALISED, names)


def comparisons(evaluation: Mapping[str, Any], names: Mapping[str, str] = POLICY_NAMES) -> pd.DataFrame:
    """One row a policy that the safe one is compared with: mean differences from the same starts."""
    return pd.DataFrame(
        [
            {
                "safe policy against": names.get(each["against"], each["against"]),
                "cost": _interval(each["cost"], "+.1f"),
                "CVaR@20 % cost": _interval(each["cvar_cost"], "+.1f"),
                "return": _interval(each["return"], "+.1f"),
                "chance that it is safer": f"{each['cost_better']:.0%}",
                "chance that it earns more": f"{each['return_better']:.0%}",
                "so": _verdict(each),
            }
            for each in evaluation.get("comparisons", [])
        ]
    )


def one_episode(evaluation: Mapping[str, Any], number: int, names: Mapping[str, str] = POLICY_NAMES) -> pd.DataFrame:
    """What each policy got in one episode; one row a policy."""
    return pd.DataFrame(
        [
            {
                "policy": names.get(policy, policy),
                "return": round(played["return"], 1),
                "cost": round(played["cost"], 1),
                "learned cost": round(played["learned_cost"], 1),
                "length": played["length"],
            }
            for policy, metrics in evaluation["policies"].items()
            for played in metrics["episodes"][number : number + 1]
        ]
    )


def offline(checks: Iterable[OfflineCheck]) -> pd.DataFrame:
    """One row a policy and kind of steps that it was not cloned from."""
    return pd.DataFrame(
        [
            {
                "steps": check.steps,
                "policy": POLICY_NAMES[check.policy],
                "agreement": with_interval(check.agreement, ".2f"),
                "density": with_interval(check.log_likelihood, ".1f"),
                "trajectories": check.n_trajectories,
            }
            for check in checks
        ]
    )


def with_interval(found: Mapping[str, float] | None, form: str) -> str:
    """A mean and its interval in words."""
    return "unknown" if found is None else _interval(found, form)


def _table(
    policies: Mapping[str, Mapping[str, Any]], rows: Mapping[str, tuple[str, str]], names: Mapping[str, str]
) -> pd.DataFrame:
    known = {key: row for key, row in rows.items() if any(metrics.get(key) for metrics in policies.values())}
    return pd.DataFrame(
        [{"metric": words, **dict(_cells(policies, key, form, names))} for key, (words, form) in known.items()]
    )


def _cells(
    policies: Mapping[str, Mapping[str, Any]], key: str, form: str, names: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    for policy, metrics in policies.items():
        yield names.get(policy, policy), with_interval(metrics.get(key), form)


def _interval(found: Mapping[str, float], form: str) -> str:
    return f"{found['mean']:{form}}  [{found['low']:{form}}, {found['high']:{form}}]"


def _verdict(each: Mapping[str, Any]) -> str:
    """What the intervals leave no doubt about."""
    words = [of[sign] for key, of in VERDICTS.items() if (sign := sure_sign(each[key]))]
    return ", ".join(words) or "no difference for sure"
