"""Versions of a dataset: filtered, merged; each remembers where it came from, and labels go with trajectories."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import resources, state
from dashboard.telling import show_problem
from dashboard.words import code_span, plural
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import parse_numbers
from safemil_core.errors import SafeMILError
from safemil_core.running.curation import KEEPS, kept


def dataset_versions(info: DatasetInfo) -> None:
    """Make another version of this dataset."""
    how = st.segmented_control(
        "Make a version", ["Filter", "Merge"], default="Filter", key="versions.how", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if how == "Filter":
        _filter(info)
    else:
        _merge(info)


def lineage(info: DatasetInfo) -> str | None:
    """Where a version came from, in Markdown; None for an imported dataset."""
    if not info.parents:
        return None
    return "; ".join(f"{code_span(parent.name)} ({parent.how})" for parent in info.parents)


def _filter(info: DatasetInfo) -> None:
    left, right = st.columns(2)
    with left:
        keep = st.selectbox("Keep", list(KEEPS), format_func=KEEPS.__getitem__, key="versions.keep", index=1)
    with right:
        only = st.text_input("Of these only (optional)", placeholder="3,17,40-60", key="versions.only")
    try:
        chosen = kept(resources.labels(info).current(), keep).tolist()
        if only.strip():
            wanted = set(parse_numbers(only))
            chosen = [number for number in chosen if number in wanted]
    except SafeMILError as problem:
        show_problem(problem)
        return
    name, is_wanted = _name_and_button(info, "filtered", "Make the version", disabled=not chosen)
    st.caption(f"{plural(len(chosen), 'trajectory')} of {info.n_trajectories}, with their labels, segments and tags.")
    if is_wanted:
        how = f"kept {KEEPS[keep].lower()}" + (f" of {only.strip()}" if only.strip() else "")
        author = state.author()
        _make(lambda: resources.datasets().derive(info.name, chosen, new_name=name, how=how, author=author))


def _merge(info: DatasetInfo) -> None:
    others = [each.name for each in resources.datasets().list() if each.name != info.name]
    if not others:
        st.caption("There is no other dataset to merge with.")
        return
    chosen = st.multiselect("Merge with", others, key="versions.merge")
    name, is_wanted = _name_and_button(info, "merged", "Merge", disabled=not chosen)
    if is_wanted:
        author = state.author()
        _make(lambda: resources.datasets().merge([info.name, *chosen], new_name=name, author=author))


def _name_and_button(info: DatasetInfo, ending: str, words: str, *, disabled: bool) -> tuple[str, bool]:
    """What the version is to be called, and whether it is to be made now."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        name = st.text_input("Name of the version", f"{info.name}-{ending}"[:64], key=f"versions.{ending}.{info.id}")
    with right:
        return name.strip(), st.button(words, key=f"versions.{ending}.make", disabled=disabled, width="stretch")


def _make(make: Callable[[], DatasetInfo]) -> None:
    try:
        with st.spinner("Writing the version…"):
            made = make()
    except SafeMILError as problem:
        show_problem(problem)
        return
    state.choose_dataset(made.name)
    state.remember("datasets.added", made.name)
    st.rerun()
