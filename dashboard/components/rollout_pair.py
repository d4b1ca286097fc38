"""One episode of both policies in lock-step: their video, their paths and what each step cost, under one cursor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from dashboard import resources, run_resources
from dashboard.charts_theme import LEARNED_COST, POLICY_COLOURS, POLICY_WORDS
from dashboard.components import evaluation_tables, stage_items
from dashboard.components.stage_items import Line
from dashboard.components.trajectory_content import Display, curve_lanes, packed_scene, scene_name, score_lanes
from dashboard.components.trajectory_display import display_choices
from dashboard.components.trajectory_view import show_stage
from safemil_core.assessment.evidence import evidence
from safemil_core.assessment.replays import Replay
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.rollout_records import Rollouts
from safemil_core.running.run_folder import POLICIES, Policy, Run

KEY = "rollouts.pair"


def rollout_pair(info: DatasetInfo, run: Run, evaluation: Mapping[str, Any]) -> None:
    """Choose an episode; both policies began it in the same state."""
    lived = {policy: run_resources.rollouts(run, policy) for policy in POLICIES}
    known = {policy: rollouts for policy, rollouts in lived.items() if rollouts is not None}
    if len(known) < len(POLICIES):
        st.info("The steps of these episodes were not kept: run both policies again.", icon=":material/replay:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        episode = st.number_input("Episode", 0, evaluation["episodes"] - 1, step=1, width=160, key="rollouts.episode",
                                  persist_state="session")  # fmt: skip
        display = display_choices(info, KEY, run)
    _stage(info, run, evaluation, known, int(episode), display)
    st.dataframe(evaluation_tables.one_episode(dict(evaluation), int(episode)), hide_index=True)


def _stage(
    info: DatasetInfo,
    run: Run,
    evaluation: Mapping[str, Any],
    lived: Mapping[Policy, Rollouts],
    episode: int,
    display: Display,
) -> None:
    shows_truth = resources.shows_truth(info)
    scene, film = scene_name(info, display), _film(run, evaluation, episode)
    version = run.rollouts("safe").stat().st_mtime_ns
    what = "/".join(map(str, (*display.axes, "of", *display.curves, shows_truth)))
    names = {policy: f"rollout/{run.id}/{version}/{policy}/{episode}/{what}" for policy in POLICIES}
    wanted: dict[str, Any] = {scene: partial(packed_scene, info, display)}
    for policy, name in names.items():
        wanted[name] = partial(_item, info, lived[policy], episode, display, shows_truth=shows_truth)
    film_name = f"film/{run.id}/{version}/{episode}"
    if film is not None:
        wanted[film_name] = partial(stage_items.film, film)
    show_stage(
        KEY,
        wanted,
        {
            "dataset": f"{run.id}/{version}",
            "scene": scene,
            "shown": names["safe"],
            "beside": names["bc"],
            "film": None if film is None else film_name,
            "hasScreen": film is not None,
            "message": "This episode was not rendered.",
            "legend": [POLICY_WORDS[policy] for policy in POLICIES],
            "besideColour": POLICY_COLOURS["bc"],
            "status": {"segments": (), "pathColour": POLICY_COLOURS["safe"]},
        },
    )


def _item(info: DatasetInfo, lived: Rollouts, episode: int, display: Display, *, shows_truth: bool) -> dict[str, Any]:
    steps, costs = lived.steps[episode], lived.learned_costs_of(episode)
    learned = Line("learned cost", costs, LEARNED_COST)
    lanes = [*score_lanes(steps, learned, shows_truth=shows_truth), *curve_lanes(info, steps, display.curves)]
    return stage_items.item(episode, steps.coordinates[:, list(display.axes)], lanes, evidence(costs))


def _film(run: Run, evaluation: Mapping[str, Any], episode: int) -> Replay | None:
    """Both policies side by side, where this episode was rendered."""
    videos, frames = run.videos(), evaluation.get("frames")
    if frames is None or episode >= len(videos):
        return None
    note = "Rendered while the policies were at work."
    return Replay(videos[episode].read_bytes(), frames["fps"], frames["stride"], exact=True, note=note)
