"""Every comparison on small networks and small bags, by the real processes; how fast they are is not asked."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from safemil_core.bench import comparisons, examples, products
from safemil_core.bench.rounds import processes
from safemil_core.bench.workloads import WHOLE, Example, Workload

SECONDS = 1e-3
KINDS = ("reference", "engine", "products", "plain_cloning")


@pytest.fixture(scope="module")
def running():
    with processes(dict.fromkeys(KINDS, sys.executable)) as running:
        yield running


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return Workload(
        "cost", examples.write_noise(tmp_path_factory.mktemp("bench") / "noise", 20), "cpu", "float32", 4, 5, 8
    )


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    return examples.write_bundled(tmp_path_factory.mktemp("bench") / "bundled")


def test_cost_updates_are_compared_in_each_precision(running, work):
    rows = comparisons.cost_updates(running, work, SECONDS)
    assert [row.precision for row in rows] == ["float32", "bfloat16"]
    for row in rows:
        assert (row.what, row.device, row.K, row.H, row.T, row.hidden) == ("cost update", "cpu", 4, 5, 20, 8)
        assert row.speedup == row.updates_per_s / row.reference_updates_per_s > 0
        assert row.gemm_share == row.updates_per_s / row.gemm_updates_per_s > 0
        assert row.pairs_per_s == row.updates_per_s * 2 * 4 * 5
    assert rows[0].reference_updates_per_s == rows[1].reference_updates_per_s


def test_whole_trajectories_are_counted_in_full(running, work):
    row, _ = comparisons.cost_updates(running, replace(work, window=WHOLE), SECONDS)
    assert row.H == "full"
    assert row.pairs_per_s == row.updates_per_s * 2 * 4 * 20


def test_updates_from_data_on_the_host_are_compared_with_those_on_the_device(running, work):
    """On the CPU these are the same."""
    row = comparisons.fetched_updates(running, work, SECONDS)
    assert (row.what, row.K, row.H, row.T) == ("fetched cost update", 4, 5, 20)
    assert row.speedup == row.updates_per_s / row.reference_updates_per_s > 0


def test_the_update_of_the_defaults_is_compared_with_the_reference(running, work):
    row = comparisons.default_updates(running, work, SECONDS)
    assert (row.what, row.precision, row.K, row.H, row.gemm_share) == ("default cost update", "float32", 4, 5, None)
    assert row.speedup == row.updates_per_s / row.reference_updates_per_s > 0
    assert row.pairs_per_s == row.updates_per_s * 2 * 4 * 5


def test_alternating_updates_are_compared(running, work):
    rows = comparisons.alternating_updates(running, work, SECONDS)
    assert {(row.what, row.policies, row.pairs_per_s) for row in rows} == {("alternating update", 2, None)}
    assert all(row.speedup > 0 and row.gemm_share > 0 for row in rows)


def test_cloning_is_compared_with_two_loops_and_with_d3rlpy_where_there_is_one(running, work):
    one, two = comparisons.cloning_updates(running, work, SECONDS)
    assert (one.policies, two.policies) == (1, 2)
    assert one.reference_updates_per_s == two.reference_updates_per_s
    assert one.speedup == one.updates_per_s / one.reference_updates_per_s
    assert one.mixture_loop_updates_per_s > 0
    assert one.d3rlpy_updates_per_s is None


def test_learning_is_timed_to_a_good_and_to_the_best_cost(running, bundled):
    row = comparisons.time_to_auc(running, bundled, "cpu", seconds=0.2)
    assert (row.K, row.H, row.T) == (128, 1, 300)
    assert 0.3 < row.best_auc < 1
    assert 0.3 < row.reference_best_auc < 1
    assert row.seconds_to_best_auc > 0
    assert (row.seconds_to_auc is None) == (row.best_auc < comparisons.GOOD_AUC)


def test_a_profile_names_the_products(running, work):
    assert "aten::addmm" in comparisons.profile(running, work, updates=2)


def test_the_bundled_dataset_comes_with_the_example_labels_and_true_costs(bundled):
    example = Example.read(bundled)
    assert (len(example.labels), example.is_marked().sum(), len(example.observations)) == (359, 50, 107_700)
    costs = np.load(f"{bundled}/costs.npy").reshape(359, 300).sum(axis=1)
    assert costs[example.is_marked()].min() >= costs[~example.is_marked()].max()


def test_the_products_are_those_of_one_update(work, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # the counter sees this thread alone
    update = products.prepare(replace(work, bag_size=6)).update
    with FlopCounterMode(display=False) as counter:
        update()
    pairs, weights = 2 * 6 * 5, (8 + 2) * 8 + 8 * 8 + 8 * 1
    forward = 2 * pairs * weights
    assert counter.get_total_flops() == 3 * forward - 2 * pairs * (8 + 2) * 8  # no gradient for what goes in
