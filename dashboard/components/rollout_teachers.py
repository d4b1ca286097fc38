"""From a bad moment of a rollout to the training steps that taught it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources, run_resources, state
from dashboard.charts_rollout import cost_timeline
from dashboard.charts_theme import LABEL_WORDS, POLICY_WORDS
from dashboard.components.empty_states import page_link
from dashboard.components.figure import figure
from dashboard.components.last_said import last_said, say, undo_last
from dashboard.components.trajectory_view import trajectory_view
from dashboard.telling import callback
from dashboard.words import plural
from safemil_core.assessment.teachers import teachers
from safemil_core.data.datasets import DatasetInfo
from safemil_core.learning.baselines.settings import OWN_WEIGHTS
from safemil_core.running.rollout_records import Rollouts
from safemil_core.running.run_folder import POLICIES, Policy, Run

STRANGE = 4.0
"""Times as far as usual: 99 of 100 steps of the bundled data lie below 3.5."""


def rollout_teachers(info: DatasetInfo, run: Run) -> None:
    """Choose a moment of an episode, see who taught the policy what it did there, and mark them."""
    st.subheader("Who taught it that?", anchor=False)
    if not run.has_costs or run.config.method in OWN_WEIGHTS:
        st.caption("By how much its method trusted each step is not kept, so that nobody can be named.")
        return
    st.caption(
        "Choose a moment: below are the training steps in states alike, by how much they weighed in cloning. "
        "Mark the ones that should not be imitated, and train again."
    )
    chosen = _episode(info, run)
    if chosen is None:
        st.info("The steps of these episodes were not kept: run both policies again.", icon=":material/replay:")
        return
    policy, episode, rollouts = chosen
    step = _moment(info, run, policy, episode, rollouts)
    if not info.n_observations:
        st.info("States are images alone here: how alike two of them are cannot be told from their numbers.")
        return
    found = _teachers(info, run, policy, rollouts, episode, step)
    strange = resources.library(info).strangeness(rollouts.steps[episode].observations[step])
    if strange > STRANGE:
        st.warning(
            f"Nobody taught it this: training steps are {strange:.0f} times as far from this state as is usual. Those "
            "below are the nearest; what the policy does here, it made up.",
            icon=":material/explore_off:",
        )
    rows = _table(found, key=f"teachers.table.{run.id}.{policy}.{episode}.{step}")
    _marking(info, f"teachers.{run.id}", found["trajectory"].iloc[rows].tolist())
    if rows:
        taught = found.iloc[rows[0]]
        trajectory, at = int(taught["trajectory"]), int(taught["step"])
        page_link("review", f"Open trajectory {trajectory} on the Review page", trajectory=trajectory, step=at)
        trajectory_view(info, trajectory, key="teachers.view", run=run, step=at)


def _episode(info: DatasetInfo, run: Run) -> tuple[Policy, int, Rollouts] | None:
    """The policy and the episode, at first the one that costs most; None where no steps were kept."""
    policy_choice, episode_choice = st.columns([2, 5], vertical_alignment="bottom")
    policy = policy_choice.segmented_control(
        "Policy", POLICIES, format_func=POLICY_WORDS.__getitem__, default="safe", required=True, key="teachers.policy"
    )
    rollouts = run_resources.rollouts(run, policy)
    if rollouts is None:
        return None
    is_true = resources.shows_truth(info)
    costs, kind = rollouts.totals(is_true=is_true), "cost" if is_true else "learned cost"
    episode = episode_choice.selectbox(
        "Episode, the costliest first",
        np.argsort(-costs, kind="stable").tolist(),
        format_func=lambda number: f"Episode {number} · {kind} {costs[number]:.3g}",
        key=f"teachers.episode.{run.id}.{policy}",
    )
    return policy, episode, rollouts


def _moment(info: DatasetInfo, run: Run, policy: Policy, episode: int, rollouts: Rollouts) -> int:
    """The chosen step of an episode, at first the worst; by a click on its costs or as a number."""
    is_true, name = resources.shows_truth(info), f"{run.id}.{policy}.{episode}"
    lived, step_key, chart_key = rollouts.steps[episode], f"teachers.step.{name}", f"teachers.costs.{name}"
    if state.widget_value(step_key) is None:
        state.set_widget_value(step_key, rollouts.worst_step(episode, is_true=is_true))
    is_choice = len(lived) > 1
    step = st.slider("Step", 0, len(lived) - 1, key=step_key, help="Or click on the costs below.") if is_choice else 0
    figure(
        cost_timeline(rollouts.learned_costs_of(episode), lived.costs if is_true else None, step),
        key=chart_key,
        alt=f"Costs of the steps of episode {episode}",
        on_select=lambda: _clicked(chart_key, step_key),
        selection_mode="points",
    )
    return step


@callback
def _clicked(chart_key: str, step_key: str) -> None:
    points = state.widget_value(chart_key)["selection"]["points"]
    if points:
        state.set_widget_value(step_key, int(points[0]["x"]))


def _teachers(info: DatasetInfo, run: Run, policy: Policy, rollouts: Rollouts, episode: int, step: int) -> pd.DataFrame:
    """Who taught it what to do at a step, with what is said of them now."""
    lived = rollouts.steps[episode]
    found = teachers(
        resources.library(info),
        resources.trajectories(info),
        run_resources.step_weights(run, policy),
        lived.observations[step],
        lived.actions[step],
    )
    labels = resources.label_state(info).labels[found["trajectory"].to_numpy()]
    return found.assign(label=[LABEL_WORDS[label] for label in labels])


def _table(found: pd.DataFrame, *, key: str) -> list[int]:
    """The teachers; gives the rows that are ticked."""
    columns = ["trajectory", "step", "label", "share", "weight", "distance", "action_difference"]
    shown = st.dataframe(
        found[columns],
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "share": st.column_config.ProgressColumn(
                "share", format="percent", max_value=1.0, help="Of all that was taught about this state."
            ),
            "weight": st.column_config.NumberColumn(format="%.2f", help="Of the step in cloning; 1 on average."),
            "distance": st.column_config.NumberColumn(
                format="%.3f", help="Of its state from the policy's, in deviations of the data."
            ),
            "action_difference": st.column_config.NumberColumn(
                "action differs by", format="%.3f", help="What was done there from what the policy did."
            ),
        },
    )
    return list(shown["selection"]["rows"])


def _marking(info: DatasetInfo, place: str, trajectories: list[int]) -> None:
    """Mark the ticked ones, and take that back while nothing else was done since."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Mark {plural(len(trajectories), 'trajectory')} non-preferred" if trajectories else "Mark non-preferred",
            key="teachers.mark",
            icon=":material/thumb_down:",
            disabled=not trajectories,
            on_click=_mark,
            args=(info, place, tuple(trajectories)),
        )
        said = last_said(place, info)
        if not said.text:
            st.caption("Tick rows to mark them; the first ticked one is shown below.")
            return
        st.markdown(said.text, width="content")
        if said.can_undo:
            st.button("Undo", key="teachers.undo", type="tertiary", on_click=undo_last, args=(place, info))
        page_link("train", "Train again")


@callback
def _mark(info: DatasetInfo, place: str, trajectories: tuple[int, ...]) -> None:
    action = resources.labels(info).mark(
        trajectories, "non_preferred", author=state.author(), note="taught a bad moment of a rollout", origin="bulk"
    )
    say(place, info, f"Marked {plural(len(trajectories), 'trajectory')} non-preferred.", action=action)
