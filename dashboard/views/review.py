"""Review: one trajectory after the other, judged by single keys; each label is on disk before the next one shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import resources, state
from dashboard.charts_theme import LABEL_COLOURS, LABEL_KEYS, LABEL_WORDS, LEARNED_COST, PATH_COLOURS
from dashboard.components import pickers
from dashboard.components.empty_states import need_dataset
from dashboard.components.last_said import last_said, say
from dashboard.components.replay_screen import replay_screen
from dashboard.components.review_keys import PLACE, judged_in_the_last_minute, last_words, react, was_pressed
from dashboard.components.review_player import review_player
from dashboard.components.review_queue import (
    ORDER_KEY,
    Walk,
    WalkOrder,
    current_walk,
    meaning,
    order_anew,
    walk_orders,
)
from dashboard.components.trajectory_content import Display, content
from dashboard.components.trajectory_stage import window
from dashboard.drawing import fragment
from dashboard.telling import callback
from dashboard.words import number, plural
from safemil_core.assessment.review_queue import Order
from safemil_core.assessment.summaries import label_counts
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LabelState
from safemil_core.errors import NotReady, SafeMILError

OTHERS_S = 1.5
"""How often the page looks whether somebody else has labelled something."""
N_CURVES = 4
"""Dimensions on the timeline, at most: more would not fit the screen."""
CURVES_KEY, TRUTH_KEY, BLIND_KEY, REASON_KEY = (f"review.{name}" for name in ("curves", "truth", "blind", "reason"))


def _choices(info: DatasetInfo) -> tuple[WalkOrder, Display]:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Review", anchor=False, width="content")
        st.space("stretch")
        orders = walk_orders(info)
        if state.widget_value(ORDER_KEY) not in orders:
            state.set_widget_value(ORDER_KEY, _first_order(info))
        order = st.selectbox(
            "Order",
            orders,
            key=ORDER_KEY,
            help="\n".join(f"- **{order}**: {meaning(order)}" for order in orders),
            persist_state="session",
            label_visibility="collapsed",
            width=220,
        )
        st.button("Order anew", icon=":material/refresh:", on_click=order_anew, key="review.anew",
                  help="Make the queue again of the labels and costs that are known now.")  # fmt: skip
        with st.popover("Reasons", icon=":material/sell:"):
            _reasons(info)
        with st.popover("Display", icon=":material/tune:"):
            return order, _display(info)


def _first_order(info: DatasetInfo) -> Order:
    run = pickers.chosen_run()
    # Of the orders without a cost, a random one needs the fewest judgements to learn one (README, measured).
    return "learned cost" if run is not None and run.has_costs else "random audit"


def _reasons(info: DatasetInfo) -> None:
    st.markdown("Your own words for why. The first nine have the keys `1` to `9`.")
    st.text_input("New reason", key=REASON_KEY, on_change=_add_reason, args=(info,), placeholder="e.g. too fast")


@callback
def _add_reason(info: DatasetInfo) -> None:
    code = str(state.widget_value(REASON_KEY) or "").strip()
    try:
        if code:
            resources.labels(info).add_reason(code)
            state.set_widget_value(REASON_KEY, "")
    except SafeMILError as problem:
        say(PLACE, info, str(problem), is_bad=True)


def _display(info: DatasetInfo) -> Display:
    x, y = pickers.dimension_pickers(info)
    curves = pickers.curve_picker(info, key=f"{CURVES_KEY}.{info.id}", most=N_CURVES)
    may_show = resources.shows_truth(info)
    shows_truth = st.toggle("Show reward and true cost", key=TRUTH_KEY, persist_state="session", disabled=not may_show,
                            help="Training never sees them." if may_show else "The truth is hidden, see the sidebar.",
                            ) and may_show  # fmt: skip
    is_blind = st.toggle("Hide scores until judged", key=BLIND_KEY, persist_state="session",
                         help="Neither costs nor rewards, nor why it is shown, before your judgement.")  # fmt: skip
    return Display(x, y, curves, pickers.chosen_run(), shows_truth, is_blind)


@fragment(run_every=OTHERS_S)
def _stage(info: DatasetInfo, order: WalkOrder, display: Display) -> None:
    is_idle = not was_pressed()
    state.step.say()
    walk = current_walk(info, order, display.run, is_idle=is_idle)
    labels = resources.label_state(info)
    near = [item.trajectory for item in (walk.current, *walk.upcoming)]
    behind = [walk.previous.trajectory] if walk.previous is not None else []
    ready = content(info, display, dict.fromkeys([*near, *behind]), labels.labels, window("review.stage"))
    review_player(
        "review.stage",
        ready.wanted,
        {
            "dataset": info.id,
            "queue": f"{info.id}/{order}",
            "shown": ready.shown[0],
            "scene": ready.scene,
            "film": ready.films[0],
            "detail": ready.detail,
            "cursor": _cursor(walk.current.trajectory),
            "status": _status(walk, order, display, labels),
            "progress": _progress(labels.labels),
            "reasons": resources.labels(info).reasons()[:9],
            "last": last_words(),
            "said": last_said(PLACE, info).facts,
            "colours": {"cost": LEARNED_COST, **{key: LABEL_COLOURS[label] for key, label in LABEL_KEYS.items()}},
            **replay_screen("review", info, near, is_waiting=ready.films[0] is None),
        },
        lambda press: react(info, order, display.run, press),
    )
    state.trajectory.settle(walk.current.trajectory)


def _status(walk: Walk, order: WalkOrder, display: Display, labels: LabelState) -> dict[str, Any]:
    """What is said of the trajectory that is shown, and why it is shown."""
    shown = walk.current
    label = str(labels.labels[shown.trajectory])
    segments = labels.segments.get(shown.trajectory, ())
    details = [str(labels.reasons[shown.trajectory])]
    if label != "none":
        details.append(f"by {labels.authors[shown.trajectory]}")
    if segments:
        details.append(plural(len(segments), "segment"))
    return {
        "label": label,
        "words": LABEL_WORDS[label],
        "colour": LABEL_COLOURS[label],
        "pathColour": PATH_COLOURS[label],
        "details": " · ".join(filter(None, details)),
        "segments": segments,
        "why": meaning(order) if display.hides_scores(label) else shown.why,
    }


def _progress(labels: np.ndarray) -> dict[str, Any]:
    counts = label_counts(labels)
    judged = len(labels) - counts.unlabelled
    words = [f"{number(judged)} of {number(len(labels))} judged", f"{number(counts.non_preferred)} non-preferred"]
    if last_minute := judged_in_the_last_minute():
        words.append(f"{last_minute} in the last minute")
    return {"judged": judged, "n": len(labels), "words": " · ".join(words)}


def _cursor(trajectory: int) -> list[int] | None:
    """Where a link has put the cursor, while its trajectory is shown."""
    step = state.step.get()
    return [trajectory, step] if step is not None and state.trajectory.get() == trajectory else None


info = need_dataset()
order, display = _choices(info)
try:
    current_walk(info, order, display.run)
except NotReady as problem:
    sentence = str(problem)
    st.info(f"{sentence[0].upper()}{sentence[1:]}. Until then the order is by number.")
    order = "number"
_stage(info, order, display)
