"""What is made of labels: files of them, what a committee of networks says of them, and which look wrong. Made once and
cached like `resources`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.resources import datasets, descriptors, label_state, labels, workspace
from safemil_core.assessment.label_audit import LabelFinding, audit
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import csv_text, ledger_lines
from safemil_core.running.committees import Committee, committee_file, read_committee


def label_files(info: DatasetInfo) -> tuple[str, str]:
    """What stands as CSV, and the whole history as JSON lines; made again only after another action."""
    return _label_files(workspace().root, info.id, info.name, labels(info).latest())


def disagreement(info: DatasetInfo) -> np.ndarray | None:
    """[N] how much an ensemble of cost networks disagrees about each trajectory; None where none was trained."""
    asked = committee(info)
    return None if asked is None else asked.disagreement


def committee(info: DatasetInfo) -> Committee | None:
    """What an ensemble of cost networks last said of the dataset; None where none was trained."""
    try:
        written_at = committee_file(workspace(), info).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _committee(workspace().root, info.id, info.name, written_at)


def label_findings(info: DatasetInfo) -> list[LabelFinding]:
    """Labels of now that look wrong to the committee and to their neighbours; empty where there is no committee."""
    asked = committee(info)
    if asked is None:
        return []
    return _label_findings(workspace().root, info.id, info.name, asked.info.made_at, labels(info).latest())


@st.cache_data(max_entries=8, show_spinner=False)
def _label_files(root: Path, dataset_id: str, name: str, latest: int) -> tuple[str, str]:
    store = datasets().labels(name)
    return csv_text(store.state()), "".join(ledger_lines(store))


@st.cache_resource(max_entries=8, show_spinner=False)
def _committee(root: Path, dataset_id: str, name: str, written_at: int) -> Committee | None:
    return read_committee(workspace(), datasets().info(name))


@st.cache_resource(max_entries=8, show_spinner=False)
def _label_findings(root: Path, dataset_id: str, name: str, made_at: str, latest: int) -> list[LabelFinding]:
    info = datasets().info(name)
    asked = committee(info)
    assert asked is not None
    return audit(label_state(info).labels, asked.held_out_rank, descriptors(info))
