"""The preview of other labels: which trajectories push, and what follows to first order, by hand."""

import numpy as np
import pytest

from safemil_core.assessment.influence import preview, pull
from safemil_core.config import ENOUGH_PREFERRED, CostConfig

LABELS = np.array(["non_preferred", "non_preferred", "none", "none"], dtype="U13")


def test_the_non_preferred_push_up_and_the_others_down():
    assert pull(LABELS, CostConfig()).tolist() == [0.5, 0.5, -0.5, -0.5]


def test_preferred_ones_push_down_beside_the_paper_s_loss():
    labels = np.array(["non_preferred", "preferred", "none", "unsure"], dtype="U13")
    of_one = {weight: pull(labels, CostConfig(preferred_weight=weight * ENOUGH_PREFERRED)) for weight in (1, 0.5, 0)}
    assert of_one[1] == pytest.approx([2 / 3, -2 / 3, 0, 0])
    assert of_one[0.5] == pytest.approx([0.75, -0.5, -0.125, -0.125])
    assert of_one[0] == pytest.approx([1, -1 / 3, -1 / 3, -1 / 3])


def test_a_mark_taken_back_lowers_what_is_like_it():
    features = np.array([[1.0, 0], [0, 1], [1, 0], [0, 0]], dtype=np.float32)
    after = LABELS.copy()
    after[0] = "none"
    moved = preview(features, LABELS, after, np.array([1.0, 1, 1, 10]), CostConfig())
    # the pull goes from [1/2, 1/2, -1/2, -1/2] to [-1/3, 1, -1/3, -1/3]
    step = np.array([-5 / 6 + 1 / 6, 1 / 2])
    assert moved == pytest.approx([step[0], step[1], step[0], 0])
