"""An evaluation as tables to read: numbers become words here and nowhere else. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

METRICS = {"return": "Return", "cost": "Cost", "cvar_cost": "CVaR@20 % cost", "length": "Length"}
NORMALISED = {
    "return_normalised": "Return",
    "cost_normalised": "Cost",
    "return_dsrl": "Return by DSRL",
    "cost_dsrl": "Cost by DSRL",
}
POLICIES = {"safe": "Safe policy", "bc": "Plain cloning"}


def headline(evaluation: Mapping[str, Any]) -> str:
    """The comparison in one sentence; empty where plain cloning has no cost or return to compare with."""
    safe, bc = evaluation["policies"]["safe"], evaluation["policies"]["bc"]
    if bc["cost"]["mean"] <= 0 or bc["return"]["mean"] <= 0:
        return ""
    cost, kept = (safe[key]["mean"] / bc[key]["mean"] for key in ("cost", "return"))
    return f"The safe policy has **{cost:.0%}** of plain cloning's cost and **{kept:.0%}** of its return."


def metrics(evaluation: Mapping[str, Any]) -> pd.DataFrame:
    """One row a metric, one column a policy: the mean and its interval."""
    return _table(evaluation, METRICS, ".1f")


def normalised(evaluation: Mapping[str, Any]) -> pd.DataFrame:
    """The same for the normalised metrics that are known; empty where none is."""
    known = {key: words for key, words in NORMALISED.items() if evaluation["policies"]["safe"].get(key) is not None}
    return _table(evaluation, known, ".2f")


def one_episode(evaluation: Mapping[str, Any], number: int) -> pd.DataFrame:
    """What each policy got in one episode; one row a policy."""
    return pd.DataFrame(
        [
            {
                "policy": words,
                "return": round(played["return"], 1),
                "cost": round(played["cost"], 1),
                "learned cost": round(played["learned_cost"], 1),
                "length": played["length"],
            }
            for policy, words in POLICIES.items()
            for played in evaluation["policies"][policy]["episodes"][number : number + 1]
        ]
    )


def _table(evaluation: Mapping[str, Any], names: Mapping[str, str], form: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "metric": words,
                **{policy: _interval(evaluation["policies"][key][metric], form) for key, policy in POLICIES.items()},
            }
            for metric, words in names.items()
        ]
    )


def _interval(interval: Mapping[str, float] | None, form: str) -> str:
    if interval is None:
        return "unknown"
    return f"{interval['mean']:{form}}  [{interval['low']:{form}}, {interval['high']:{form}}]"
