"""What is made of labels: files of them, what a committee of networks says of them, and which look wrong. Made once and
kept like `resources`.
"""

from __future__ import annotations

import numpy as np

from dashboard.caches import content_key, copied, shared, version
from dashboard.resources import descriptors, label_state, labels, workspace
from safemil_core.assessment.label_audit import LabelFinding, audit
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.files import csv_text, ledger_lines
from safemil_core.running.committees import Committee, committee_file, read_committee


def label_files(info: DatasetInfo) -> tuple[str, str]:
    """What stands as CSV, and the whole history as JSON lines; made again only after another action."""
    return _label_files(info, labels(info).latest())


def disagreement(info: DatasetInfo) -> np.ndarray | None:
    """[N] how much an ensemble of cost networks disagrees about each trajectory; None where none was trained."""
    asked = committee(info)
    return None if asked is None else asked.disagreement


def committee_key(info: DatasetInfo) -> object:
    """Another one also once a committee was trained."""
    return content_key(info), version(committee_file(workspace(), info))


@shared(max_entries=8, dataset=committee_key)
def committee(info: DatasetInfo) -> Committee | None:
    """What an ensemble of cost networks last said of the dataset; None where none was trained."""
    return read_committee(workspace(), info)


def label_findings(info: DatasetInfo) -> list[LabelFinding]:
    """Labels of now that look wrong to the committee and to their neighbours; empty where there is no committee."""
    return [] if committee(info) is None else _label_findings(info, labels(info).latest())


@copied(max_entries=8)
def _label_files(info: DatasetInfo, latest: int) -> tuple[str, str]:
    store = labels(info)
    return csv_text(store.state()), "".join(ledger_lines(store))


@shared(max_entries=8, dataset=committee_key)
def _label_findings(info: DatasetInfo, latest: int) -> list[LabelFinding]:
    asked = committee(info)
    assert asked is not None
    return audit(label_state(info).labels, asked.held_out_rank, descriptors(info))
