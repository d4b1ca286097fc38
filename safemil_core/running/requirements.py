"""What a dataset and its labels need before anything can be learned from them."""

from __future__ import annotations

import numpy as np

from safemil_core.data.datasets import DatasetInfo
from safemil_core.errors import InvalidConfig, InvalidLabels

LARGEST_IMAGE = 256
"""Pixels along an edge: what networks make of larger images takes more memory than it is worth."""


def require_learnable(dataset: DatasetInfo, labels: np.ndarray) -> None:
    """Whether a cost can be learned from a dataset under these labels [N].

    Raises:
        InvalidLabels: nothing is marked non-preferred, or nothing else is left.
        InvalidConfig: its images are too large.
    """
    n_non_preferred = int((labels == "non_preferred").sum())
    if not 0 < n_non_preferred < len(labels):
        raise InvalidLabels(
            f"{n_non_preferred} of {len(labels)} trajectories of {dataset.name!r} are marked non-preferred; "
            "mark at least one and leave at least one"
        )
    for image in dataset.images:
        if max(image.shape[:2]) > LARGEST_IMAGE:
            raise InvalidConfig(
                f"the images {image.name!r} of {dataset.name!r} are {image.shape[0]} x {image.shape[1]} pixels, "
                f"the networks read up to {LARGEST_IMAGE} x {LARGEST_IMAGE}; make them smaller and import them again"
            )
