"""One episode of two policies in lock-step: their films, their paths and what each step cost, under one cursor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import evaluation_tables, resources, run_resources
from dashboard.charts_theme import LEARNED_COST, Look
from dashboard.components import stage_items
from dashboard.components.rollout_policies import words
from dashboard.components.stage_items import Line
from dashboard.components.trajectory_content import Display, curve_lanes, packed_scene, scene_name, score_lanes
from dashboard.components.trajectory_display import display_choices
from dashboard.components.trajectory_view import show_stage
from safemil_core.assessment.evidence import evidence
from safemil_core.assessment.replays import Replay
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.rollout_records import Rollouts
from safemil_core.running.run_folder import Run

KEY = "rollouts.pair"


def rollout_pair(info: DatasetInfo, run: Run, evaluation: Mapping[str, Any], looks: Mapping[str, Look]) -> None:
    """Choose an episode and two of the policies, which began it in the same state."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        episode = st.number_input("Episode", 0, evaluation["episodes"] - 1, step=1, width=160, key="rollouts.episode",
                                  persist_state="session")  # fmt: skip
        pair = _pair(looks)
        display = display_choices(info, KEY, run)
    lived = {policy: run_resources.rollouts(run, policy) for policy in pair}
    known = {policy: rollouts for policy, rollouts in lived.items() if rollouts is not None}
    if len(known) < len(pair):
        st.info("The steps of these episodes were not kept: run the policies again.", icon=":material/replay:")
        return
    _stage(info, run, evaluation, known, int(episode), display, looks)
    st.dataframe(evaluation_tables.one_episode(evaluation, int(episode), words(looks)), hide_index=True)


def _pair(looks: Mapping[str, Look]) -> tuple[str, str]:
    """The two that are shown; nothing to choose where there are no more."""
    first, second = list(looks)[:2]
    if len(looks) > 2:
        first, second = (
            st.selectbox(
                label,
                list(looks),
                index=index,
                format_func=lambda policy: looks[policy].words,
                width=220,
                key=f"rollouts.pair.{index}",
            )
            for index, label in enumerate(("Left", "Right"))
        )
    return first, second


def _stage(
    info: DatasetInfo,
    run: Run,
    evaluation: Mapping[str, Any],
    lived: Mapping[str, Rollouts],
    episode: int,
    display: Display,
    looks: Mapping[str, Look],
) -> None:
    shows_truth = resources.shows_truth(info)
    scene = scene_name(info, display)
    what = "/".join(map(str, (*display.axes, "of", *display.curves, shows_truth)))
    wanted: dict[str, Any] = {scene: partial(packed_scene, info, display)}
    shown: list[str] = []
    films: list[str | None] = []
    for policy, rollouts in lived.items():
        steps = f"{run.id}/{run_resources.file_name(run.rollouts(policy))}"
        shown.append(f"rollout/{steps}/{episode}/{what}")
        wanted[shown[-1]] = partial(
            _item, info, rollouts, episode, display, shows_truth=shows_truth, has_costs=run.has_costs
        )
        path = film_path(run, evaluation, policy, episode)
        films.append(None if path is None else f"film/{run.id}/{run_resources.file_name(path)}")
        if path is not None:
            wanted[str(films[-1])] = partial(film, evaluation, path)
    first, second = lived if len(lived) == 2 else (*lived, *lived)
    show_stage(
        KEY,
        wanted,
        {
            "dataset": f"{run.id}/{run_resources.file_name(run.rollouts(first))}",
            "scene": scene,
            "shown": shown[0],
            "beside": shown[-1],
            "film": films[0],
            "besideFilm": films[-1],
            "hasScreen": films[0] is not None,
            "hasBesideScreen": films[-1] is not None,
            "message": "This episode was not rendered.",
            "legend": [looks[policy].words for policy in (first, second)],
            "besideColour": looks[second].colour,
            "status": {"segments": (), "pathColour": looks[first].colour},
        },
    )


def _item(
    info: DatasetInfo, lived: Rollouts, episode: int, display: Display, *, shows_truth: bool, has_costs: bool
) -> dict[str, Any]:
    steps, costs = lived.steps[episode], lived.learned_costs_of(episode)
    learned = Line("learned cost", costs, LEARNED_COST) if has_costs else None
    lanes = [*score_lanes(steps, learned, shows_truth=shows_truth), *curve_lanes(info, steps, display.curves)]
    return stage_items.item(
        episode, steps.coordinates[:, list(display.axes)], lanes, evidence(costs) if has_costs else None
    )


def film_path(run: Run, evaluation: Mapping[str, Any], policy: str, episode: int) -> Path | None:
    """Where the film of a policy's episode lies, if it was rendered."""
    path = run.film(policy, episode)
    return path if evaluation.get("frames") is not None and path.exists() else None


def film(evaluation: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The film that lies there, as the browser plays it."""
    frames, note = evaluation["frames"], "Rendered while the policy was at work."
    return stage_items.film(Replay(path.read_bytes(), frames["fps"], frames["stride"], exact=True, note=note))
