"""All films of an evaluation at once, in lock-step: a row an episode, a column a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import run_resources
from dashboard.charts_theme import Look
from dashboard.components.browser import source
from dashboard.components.rollout_pair import film, film_path
from safemil_core.running.run_folder import Run

N_ROWS = 4
"""Episodes; what more there are is watched one by one."""


def rollout_wall(run: Run, evaluation: Mapping[str, Any], looks: Mapping[str, Look]) -> None:
    """The first rendered episodes of every policy; they begin, stop and go on together."""
    rows = [
        (episode, {policy: path for policy in looks if (path := film_path(run, evaluation, policy, episode))})
        for episode in range(min(N_ROWS, evaluation["episodes"]))
    ]
    cells = [
        {
            "policy": looks[policy].words,
            "colour": looks[policy].colour,
            "episode": episode,
            "steps": evaluation["policies"][policy]["episodes"][episode]["length"],
            **film(evaluation, path),
        }
        for episode, paths in rows
        for policy, path in paths.items()
    ]
    if not cells:
        st.caption("No episode was rendered: choose how many, and run the policies again.")
        return
    names = [run_resources.file_name(path) for _, paths in rows for path in paths.values()]
    data = {"name": "/".join((run.id, *names)), "columns": len(looks), "cells": cells}
    _wall(key="rollouts.wall", data=data, height="content")


_wall = st.components.v2.component(
    "safemil_rollout_wall",
    html='<div class="wall"></div>',
    css=source("rollout_wall.css"),
    js=source("component.js", "canvas.js", "stage_arrays.js", "stage_films.js", "rollout_wall.js"),
)
