"""Label: find trajectories, one or many at once, and say which are non-preferred and which are preferred."""

from __future__ import annotations

import streamlit as st

from dashboard import resources, state
from dashboard.components.empty_states import need_dataset, page_link
from dashboard.components.hotkeys import hotkeys
from dashboard.components.label_actions import BOXES, KEYS, action_bar, press
from dashboard.components.label_history import label_history
from dashboard.components.label_watch import label_badges, watch_labels
from dashboard.components.selection import listing
from dashboard.components.trajectory_map import trajectory_map
from dashboard.components.trajectory_table import list_bar, trajectory_list
from dashboard.components.trajectory_view import trajectory_view

header = st.container(horizontal=True, vertical_alignment="center")
header.title("Label", anchor=False, width="content")
info = need_dataset()
hotkeys("label.keys", KEYS, lambda key: press(info, key), about=info.id, boxes=BOXES)
watch_labels(info)

listed = listing(info)
state.trajectory.settle(listed.focus)  # a mark may take it off the list; the next key must still mean it
with header:
    label_badges(listed.said)
    if (listed.said.labels == "non_preferred").any():
        page_link("train", "Train with these labels")
    elif info.has_costs and resources.shows_truth(info):
        page_link("datasets", "Start from example labels")
list_bar(info, listed)
left, right = st.columns([4, 7], gap="medium")
with right:
    action_bar(info, listed)
    others = listed.selected if len(listed.selected) > 1 else ()
    trajectory_view(info, listed.focus, key="label.view", others=others, ahead=listed.ahead)
with left:  # at last: Plotly is at work for a while where the map has thousands of points
    trajectory_list(info, listed)
    trajectory_map(info, listed)
label_history(info)
