"""Histograms by label: by hand, and nobody is lost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safemil_core.assessment.histograms import histogram_by_label, middles


def test_a_histogram_by_label_by_hand():
    labels = np.array(["none", "non_preferred", "none"])
    edges, counts = histogram_by_label(np.array([0.0, 4.0, 1.0]), labels, 2)
    np.testing.assert_allclose(edges, [0, 2, 4])
    assert {label: count.tolist() for label, count in counts.items()} == {"non_preferred": [0, 1], "none": [2, 0]}


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-100, 100)), st.integers(1, 20))
def test_a_histogram_by_label_loses_nobody(values, n_bins):
    labels = np.where(np.arange(len(values)) % 3 == 0, "non_preferred", "none")
    _, counts = histogram_by_label(values, labels, n_bins)
    assert sum(count.sum() for count in counts.values()) == len(values)


def test_the_middles_of_bins():
    assert middles(np.array([0.0, 1.0, 4.0])).tolist() == [0.5, 2.5]
