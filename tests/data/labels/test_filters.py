"""Filters: what each lets through, and that all of them must."""

import numpy as np
import pandas as pd
import pytest

from safemil_core.data.labels.filters import Filters
from safemil_core.data.labels.records import LabelState, Standing

SAID = LabelState.of(
    [
        Standing(0, "label", "non_preferred", "fast", 1, "ann"),
        Standing(1, "label", "non_preferred", "slow", 2, "bob"),
        Standing(2, "label", "preferred", "", 3, "ann"),
        Standing(1, "tag night", "on", "", 4, "ann"),
        Standing(3, "tag night", "on", "", 4, "ann"),
        Standing(2, "tag rain", "on", "", 5, "bob"),
    ],
    4,
)
TABLE = pd.DataFrame({"return": [1.0, 2.0, 3.0, np.nan]})


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        (Filters(), [0, 1, 2, 3]),
        (Filters("non_preferred"), [0, 1]),
        (Filters("none"), [3]),
        (Filters(tags=("night",)), [1, 3]),
        (Filters(tags=("night", "rain", "unknown")), [1, 2, 3]),
        (Filters(tags=("unknown",)), []),
        (Filters(reasons=("fast", "slow")), [0, 1]),
        (Filters(authors=("ann",)), [0, 2]),
        (Filters(ranges=(("return", 2.0, 3.0),)), [1, 2]),
        (Filters(ranges=(("true_cost", 2.0, 3.0),)), [0, 1, 2, 3]),
        (Filters("non_preferred", tags=("night",), authors=("bob",), ranges=(("return", 2.0, 2.0),)), [1]),
        (Filters("preferred", tags=("night",)), []),
    ],
)
def test_who_passes(filters, passing):
    assert np.flatnonzero(filters.passes(TABLE, SAID)).tolist() == passing


def test_filters_beside_the_label_are_counted():
    assert Filters("none").n_more == 0
    assert Filters("none", ("night", "rain"), authors=("ann",), ranges=(("return", 0.0, 1.0),)).n_more == 3
