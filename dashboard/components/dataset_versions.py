"""Versions of a dataset: filtered, merged; each remembers where it came from, and labels go with trajectories."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import resources, state
from dashboard.components.words import code_span, plural
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
    keep = st.selectbox("Keep", list(KEEPS), format_func=KEEPS.__getitem__, key="versions.keep", index=1)
    only = st.text_input("Of these only (optional)", placeholder="3,17,40-60", key="versions.only")
    name = st.text_input("Name of the version", f"{info.name}-filtered"[:64], key=f"versions.filter.{info.id}")
    try:
        chosen = kept(resources.labels(info).current(), keep).tolist()
        if only.strip():
            wanted = set(parse_numbers(only))
            chosen = [number for number in chosen if number in wanted]
    except SafeMILError as problem:
        st.error(str(problem))
        return
    st.caption(f"{plural(len(chosen), 'trajectory')} of {info.n_trajectories}, with their labels, segments and tags.")
    if st.button("Make the version", key="versions.filter.make", disabled=not chosen):
        how = f"kept {KEEPS[keep].lower()}" + (f" of {only.strip()}" if only.strip() else "")
        _make(lambda: resources.datasets().derive(info.name, chosen, new_name=name.strip(), how=how))


def _merge(info: DatasetInfo) -> None:
    others = [each.name for each in resources.datasets().list() if each.name != info.name]
    if not others:
        st.caption("There is no other dataset to merge with.")
        return
    chosen = st.multiselect(f"Merge {code_span(info.name)} with", others, key="versions.merge")
    name = st.text_input("Name of the merged dataset", f"{info.name}-merged"[:64], key=f"versions.merge.{info.id}")
    if st.button("Merge", key="versions.merge.make", disabled=not chosen):
        _make(lambda: resources.datasets().merge([info.name, *chosen], new_name=name.strip()))


def _make(make: Callable[[], DatasetInfo]) -> None:
    try:
        with st.spinner("Writing the version…"):
            made = make()
    except SafeMILError as problem:
        st.error(str(problem))
        return
    state.choose_dataset(made.name)
    state.remember("datasets.added", made.name)
    st.rerun()
