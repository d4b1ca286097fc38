"""Subject: all that trials need of a dataset, so that they can be done where its workspace is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from safemil_core.assessment.descriptors import describe
from safemil_core.assessment.environments import Environment
from safemil_core.assessment.references import References
from safemil_core.data.datasets import DatasetInfo, DatasetStore
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.running.arena import Arena, references_of
from safemil_core.workspace import Workspace


@dataclass(frozen=True)
class Subject:
    """What is learned from, and where policies are rolled out."""

    dataset: DatasetInfo
    trajectories: TrajectorySet
    descriptors: np.ndarray
    """[N, F] what each trajectory is like, see `descriptors.describe`."""
    environment: Environment | None = None
    """Where its policies play; None where there are to be none."""
    references: References = References()  # noqa: RUF009  # frozen
    """What their returns and costs are measured in."""

    @classmethod
    def of(cls, workspace: Workspace, name: str, *, has_policies: bool) -> Self:
        """A dataset of a workspace; what random actions get in its environment is measured where nobody has said it.

        Raises:
            NotFound: there is no such dataset.
            EnvironmentUnavailable: there are to be policies, and nowhere to roll them out.
        """
        datasets = DatasetStore.of(workspace)
        dataset, trajectories = datasets.info(name), datasets.open(name)
        descriptors = describe(datasets.table(name))
        if not has_policies:
            return cls(dataset, trajectories, descriptors)
        environment = Arena.of(workspace, dataset).environment
        return cls(dataset, trajectories, descriptors, environment, references_of(workspace, dataset))
