"""What DSRL says of its datasets: where they are, and between what their returns and costs lie."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any

from safemil_core.assessment.environments.sources import canonical


def dsrl_range(env_id: str) -> dict[str, float] | None:
    """Least and largest return and cost of an episode in DSRL's dataset of this task (`dsrl.infos`), if it has one."""
    infos = _dsrl_infos()
    task = re.sub(r"^Safety|-v\d+$", "", canonical(env_id))
    if task not in infos.MAX_EPISODE_REWARD:
        return None
    return {
        "least_return": infos.MIN_EPISODE_REWARD[task],
        "largest_return": infos.MAX_EPISODE_REWARD[task],
        "least_cost": infos.MIN_EPISODE_COST[task],
        "largest_cost": infos.MAX_EPISODE_COST[task],
    }


def dsrl_datasets() -> dict[str, str]:
    """Where DSRL keeps its datasets, by their names (`dsrl.infos.DATASET_URLS`)."""
    return dict(_dsrl_infos().DATASET_URLS)


def _dsrl_infos() -> Any:
    os.environ.setdefault("DSRL_SUPPRESS_IMPORT_ERROR", "1")
    return import_module("dsrl.infos")
