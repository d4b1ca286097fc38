"""Who is cloned by plain cloning and by the oracles, by hand."""

import numpy as np
import pytest

from safemil_core.config import RunConfig
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import InvalidConfig
from safemil_core.running.told_weights import told_weights

LABELS = np.array(["non_preferred", "none", "none", "none"])
COSTS = np.array([[2, 0], [0, 0], [1, 0], [2, 2]], dtype=np.float32)


def walks(costs: np.ndarray | None = COSTS) -> TrajectorySet:
    """Four trajectories of two steps."""
    zeros = np.zeros((8, 1), dtype=np.float32)
    flat = None if costs is None else costs.flatten()
    return TrajectorySet(zeros, zeros, np.array([0, 2, 4, 6, 8]), rewards=None, costs=flat)


def of(method: str, *settings: str) -> list[float]:
    weights = told_weights(RunConfig().with_values([f"method={method}", *settings]), walks(), LABELS)
    assert weights is not None
    return weights.tolist()


@pytest.mark.parametrize("method", ["safemil", "dwbc_nu", "trex_wbc", "safedice", "osil"])
def test_those_who_learn_weights_are_told_none(method):
    assert told_weights(RunConfig(method=method), walks(), LABELS) is None


def test_plain_cloning_takes_all_that_is_not_marked():
    assert of("bc") == [0, 0, 1, 1, 1, 1, 1, 1]


def test_the_oracle_clones_the_unmarked_within_the_limit():
    assert of("oracle_bc") == [0, 0, 1, 1, 0, 0, 0, 0]
    assert of("oracle_bc", "baseline.cost_limit=1") == [0, 0, 1, 1, 1, 1, 0, 0]


def test_where_nobody_is_without_cost_the_oracle_takes_the_cheapest():
    all_costly = walks(COSTS + 1)
    weights = told_weights(RunConfig(method="oracle_bc"), all_costly, LABELS)
    np.testing.assert_array_equal(weights, [0, 0, 1, 1, 0, 0, 0, 0])


def test_the_other_oracle_weighs_by_true_costs_as_safemil_does_by_learned_ones():
    """1 - c with c scaled to at most 1: 1, 1, 0.5, 1, 0, 0; over the mean of those six."""
    assert of("oracle_weights", "weights.scheme=step") == pytest.approx(
        [0, 0, *(np.array([1, 1, 0.5, 1, 0, 0]) / (3.5 / 6))]
    )


@pytest.mark.parametrize("method", ["oracle_bc", "oracle_weights"])
def test_without_true_costs_an_oracle_is_refused_in_words(method):
    with pytest.raises(InvalidConfig, match=f"method={method} needs true costs"):
        told_weights(RunConfig(method=method), walks(None), LABELS)
