"""The committee stage: a dataset and its labels of now in; what an ensemble of cost networks says of them out."""

from __future__ import annotations

import time

from safemil_core.clock import now
from safemil_core.data.datasets import DatasetStore
from safemil_core.learning.arithmetic import pick_device, prepare_process
from safemil_core.learning.committee import N_MEMBERS, QUICK, train_committee
from safemil_core.learning.training_data import TrainingData
from safemil_core.running.committees import Committee, CommitteeInfo, committee_file
from safemil_core.running.progress import Reports
from safemil_core.running.requirements import require_learnable
from safemil_core.running.tasks import Task
from safemil_core.workspace import Workspace


def ask_committee(workspace: Workspace, name: str, author: str, device: str = "auto") -> None:
    """Train a committee on a dataset and keep what it says, in the place of what an earlier one said.

    Who stops the process keeps the earlier one: half-trained networks would be in the way.

    Raises:
        SafeMILError: the dataset is gone, nothing can be learned from its labels, or there is no such device.
    """
    datasets = DatasetStore.of(workspace)
    dataset, labels = datasets.info(name), datasets.labels(name)
    snapshot = labels.latest()
    said = labels.state(snapshot)
    require_learnable(dataset, said.labels)
    where = pick_device(device)
    reports = Reports(Task.of_dataset("committee", workspace, dataset).progress_file, QUICK.updates, str(where))
    prepare_process()
    data = TrainingData.of(
        datasets.open(name), said.labels, where, segments=said.segments, action_parts=dataset.actions
    )
    verdicts = train_committee(data, QUICK, on_update=reports.done)
    info = CommitteeInfo(
        label_snapshot=snapshot,
        n_members=N_MEMBERS,
        updates=QUICK.updates,
        seconds=round(time.time() - reports.latest.started_at, 1),
        author=author,
        made_at=now(),
    )
    committee = Committee(info, verdicts.held_out(verdicts.ranks), verdicts.disagreement, said.labels)
    committee.write(committee_file(workspace, dataset))
    reports.end()
