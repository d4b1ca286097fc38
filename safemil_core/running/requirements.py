"""What a dataset and its labels need before anything can be learned from them."""

from __future__ import annotations

import numpy as np

from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import InvalidConfig, InvalidLabels


def require_learnable(dataset: DatasetInfo, labels: np.ndarray) -> None:
    """Whether a cost can be learned from a dataset under these labels [N].

    Raises:
        InvalidLabels: nothing is marked non-preferred, or nothing else is left.
        InvalidConfig: its observations are images alone.
    """
    n_non_preferred = int((labels == "non_preferred").sum())
    if not 0 < n_non_preferred < len(labels):
        raise InvalidLabels(
            f"{n_non_preferred} of {len(labels)} trajectories of {dataset.name!r} are marked non-preferred; "
            "mark at least one and leave at least one"
        )
    if dataset.n_observations == 0:
        raise InvalidConfig(
            f"all observations of {dataset.name!r} are images, which the networks cannot read; "
            "import it again with numbers beside them, such as the robot's state"
        )
