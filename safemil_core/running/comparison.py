"""Runs side by side: their results, what they were made from, and their curves, as tables. Not how these are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from safemil_core.assessment.doctor.signs import RECENT_ROWS
from safemil_core.config import setting_names
from safemil_core.running.job_store import Job
from safemil_core.running.run_folder import Run
from safemil_core.running.run_notes import RunNote

BETTER: dict[str, int] = {
    "step_auc": 1,
    "trajectory_spearman": 1,
    "cost_loss": -1,
    "gap": 1,
    "policy_loss": -1,
    "safe_return": 1,
    "safe_cost": -1,
    "seconds": -1,
    "rate": 1,
}
"""Columns of `results` of which one value is better than another: 1 the higher, -1 the lower."""

CURVES = {
    "cost_loss": "cost loss",
    "gap": "gap of bag scores",
    "cost_spread": "spread of c",
    "policy_loss": "policy loss",
}
"""What can be drawn over the updates, and what it is called. The gap is that of non-preferred over unlabelled bags."""

_NONE = "—"


@dataclass(frozen=True)
class Compared:
    """One run with all that is known of it."""

    run: Run
    job: Job
    note: RunNote
    final: Mapping[str, float]
    """`final_values` of its metrics."""


def final_values(metrics: pd.DataFrame) -> dict[str, float]:
    """The updates and seconds that are logged, and what each curve came to: the mean of its last few values.

    One value alone is noise. What was not logged is left out.
    """
    if metrics.empty:
        return {}
    last = metrics[["update", "seconds"]].iloc[-1]
    means = {name: float(values.tail(RECENT_ROWS).mean()) for name in CURVES if len(values := curve(metrics, name))}
    return {"updates": float(last["update"]), "seconds": float(last["seconds"]), **means}


def curve(metrics: pd.DataFrame, name: str, over: str = "update") -> pd.Series:
    """One of CURVES where it was logged, indexed by `over`, which is another column of the metrics.

    Args:
        metrics: one row per logged update, as `MetricsLog` reads them.
        name: of CURVES.
        over: update or seconds.
    """
    columns = ["score_non_preferred", "score_unlabelled"] if name == "gap" else [name]
    if not {over, *columns} <= set(metrics.columns):
        return pd.Series(dtype=float)
    table = metrics.set_index(over)[columns]
    values = table[columns[0]] - table[columns[1]] if name == "gap" else table[name]
    return values.dropna().rename(name)


def smoothed(values: pd.Series, share: float) -> pd.Series:
    """An exponential moving mean; `share` in [0, 1) of it is that of the value before."""
    return values.ewm(alpha=1 - share).mean()


def results(runs: Sequence[Compared]) -> pd.DataFrame:
    """One row a run, by its id: what it is called, what came out, and what it took. None where it is not known."""
    return pd.DataFrame([_result(it) for it in runs], index=pd.Index([it.run.id for it in runs], name="run"))


def best(table: pd.DataFrame) -> dict[str, list[str]]:
    """Per column of `results` of which one value is better than another, the runs that have the best one.

    A column in which all are the same, or fewer than two runs have a value, has no best.
    """
    found = {}
    for column, sign in BETTER.items():
        values = pd.to_numeric(table[column]).dropna() * sign
        if values.nunique() > 1:
            found[column] = values.index[values == values.max()].tolist()
    return found


def configurations(runs: Sequence[Compared]) -> pd.DataFrame:
    """One row for each thing that a run was made from, one column a run (its id); values as text."""
    return pd.DataFrame({it.run.id: _made_from(it.run) for it in runs}).fillna(_NONE)


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `configurations` in which the runs are not all alike."""
    return table[table.nunique(axis=1) > 1]


def _result(it: Compared) -> dict[str, Any]:
    info, outcome = it.run.info, it.run.outcome
    safe = it.run.evaluation.get("policies", {}).get("safe", {})
    return {
        "name": it.note.name,
        "created": datetime.fromisoformat(info.created_at),
        "state": it.job.state,
        "author": info.author,
        "step_auc": outcome.get("step_auc"),
        "trajectory_spearman": outcome.get("trajectory_spearman"),
        **{name: it.final.get(name) for name in CURVES},
        "safe_return": safe.get("return", {}).get("mean"),
        "safe_cost": safe.get("cost", {}).get("mean"),
        "seconds": it.final.get("seconds"),
        "updates": it.final.get("updates"),
        "rate": it.final["updates"] / it.final["seconds"] if it.final.get("seconds") else None,
        "note": it.note.text,
    }


def _made_from(run: Run) -> dict[str, str]:
    info = run.info
    facts = {
        "dataset": f"{info.dataset} ({info.dataset_id[:8]})",
        "labels": f"after action {info.label_snapshot}: {info.n_non_preferred} non-preferred, "
        f"{info.n_preferred} preferred",
        "begins with": f"run {info.warm_start}" if info.warm_start else "new networks",
        **_settings(run),
        **{f"version of {name}": version for name, version in info.versions.items()},
        "code": info.code[:8],
        "machine": info.machine,
        "device": info.device,
    }
    return {name: value or _NONE for name, value in facts.items()}


def _settings(run: Run) -> dict[str, str]:
    config = run.known_config
    if config is None:  # the rest still tells something
        return dict.fromkeys(setting_names(), _NONE)
    return {name: _text(config.value_of(name)) for name in setting_names()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
