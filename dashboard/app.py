"""The frame around every page: configuration, navigation, and the choices that all pages share."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

from dashboard import resources, state
from dashboard.components import pickers
from dashboard.components.tour import tour, tour_button
from dashboard.drawing import drawing
from dashboard.telling import show_told

# Streamlit begins a run where the fragment that ran before it in the same thread has written: within its container.
# In the browser that is nowhere on another page, which then stays white.
context_dg_stack.set(get_default_dg_stack_value())

# An emoji: with a Material icon here, the browser would fetch it from fonts.gstatic.com.
st.set_page_config(page_title="SafeMIL", page_icon="🛟", layout="wide")
st.html(Path(__file__).with_name("look.css"))

DATASETS = st.Page("views/datasets.py", title="Datasets", icon=":material/database:", url_path="", default=True)
PAGES = {
    "Data": [
        DATASETS,
        # The first page's own address is "/" alone; who types its name is led there.
        st.Page(lambda: st.switch_page(DATASETS), title="Datasets", url_path="datasets", visibility="hidden"),
        st.Page("views/review.py", title="Review", icon=":material/rate_review:", url_path="review"),
        st.Page("views/label.py", title="Label", icon=":material/thumbs_up_down:", url_path="label"),
        st.Page("views/audit.py", title="Audit", icon=":material/fact_check:", url_path="audit"),
    ],
    "Learn": [
        st.Page("views/train.py", title="Train", icon=":material/model_training:", url_path="train"),
        st.Page("views/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare"),
    ],
    "Understand": [
        st.Page("views/costs.py", title="Costs", icon=":material/local_fire_department:", url_path="costs"),
        st.Page("views/weights.py", title="Weights", icon=":material/balance:", url_path="weights"),
        st.Page("views/doctor.py", title="Doctor", icon=":material/stethoscope:", url_path="doctor"),
    ],
    "Prove": [
        st.Page("views/rollouts.py", title="Rollouts", icon=":material/smart_display:", url_path="rollouts"),
        st.Page("views/experiments.py", title="Experiments", icon=":material/science:", url_path="experiments"),
    ],
}
WITH_RUN = ("Review", "Label", "Audit", "Train", "Costs", "Weights", "Doctor", "Rollouts")

page = st.navigation(PAGES, expanded=True)
state.keep_choices()
resources.ensure_bundled_dataset()

with st.sidebar:
    info = pickers.dataset_picker()
    if info is not None:
        pickers.run_picker(info, is_shown=page.title in WITH_RUN)
        pickers.truth_switch(info)
    pickers.author_picker()
    tour_button()

shown = page.url_path or "datasets"
state.remember("page", shown)  # empty states say what it is for
tour(shown)
show_told()
with drawing():
    with state.only_this_page():
        page.run()
    resources.quicken_reruns()
