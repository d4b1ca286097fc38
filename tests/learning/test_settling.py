"""When a cost has settled: looks by hand."""

import math

import pytest
import torch
from learning_cases import generator

from safemil_core.learning.settling import Settling

ORDER = torch.arange(100.0)


def looks(settling, updates=400):
    """The updates after which it looks, at costs that stay as they are."""
    found = []
    for update in range(1, updates + 1):
        if settling.is_due(update):
            found.append(update)
            settling.look(ORDER.unsqueeze(0))
    return found


def test_looks_come_ever_more_seldom_the_one_before_the_last_at_half_the_updates():
    assert looks(Settling(0.01)) == [50, 71, 100, 141, 199, 281, 397]


def test_at_0_there_is_no_look():
    assert looks(Settling(0.0), 10_000) == []


def test_it_has_settled_when_two_looks_in_a_row_find_the_order_of_two_looks_before():
    settling, ways = Settling(0.01), [ORDER, ORDER.flip(0)]
    found = [settling.look(ways[number].unsqueeze(0)) for number in (0, 0, 0, 1, 0, 1, 0)]
    # The third is like the first; the fourth unlike the second; the fifth like the third; and so is the sixth.
    assert found == [False, False, False, False, False, True, True]


def test_a_look_that_finds_another_order_begins_anew():
    settling, ways = Settling(0.01), [ORDER, ORDER.flip(0)]
    found = [settling.look(ways[number].unsqueeze(0)) for number in (0, 0, 0, 1, 1, 1, 1)]
    assert found == [False, False, False, False, False, False, True]


def test_the_order_counts_and_not_the_values():
    settling = Settling(1e-9)
    assert [settling.look(costs.unsqueeze(0)) for costs in (ORDER, ORDER.exp(), ORDER**3, ORDER / 7)] == [
        False, False, False, True,
    ]  # fmt: skip
    assert settling.change == pytest.approx(0, abs=1e-12)


def test_the_change_is_1_minus_the_rank_correlation():
    settling = Settling(0.5)
    assert math.isnan(settling.change)
    for costs in ([1.0, 2, 3, 4], [0.0, 0, 0, 0], [1.0, 2, 4, 3]):
        settling.look(torch.tensor([costs]))
    assert settling.change == pytest.approx(0.2)  # Spearman: 1 - 6 * 2 / (4 * 15) = 0.8


@pytest.mark.parametrize(("threshold", "has_settled"), [(0.19, False), (0.21, True)])
def test_the_threshold_decides(threshold, has_settled):
    settling = Settling(threshold)
    for costs in ([1.0, 2, 3, 4], [1.0, 2, 3, 4], [1.0, 2, 4, 3]):
        settling.look(torch.tensor([costs]))
    assert settling.look(torch.tensor([[1.0, 2, 4, 3]])) == has_settled


def test_of_several_members_the_mean_counts():
    """Each member's order is another every time; their mean stays."""
    settling = Settling(1e-9)
    for seed in range(4):
        noise = 1_000 * torch.randn(100, generator=generator(seed))
        has_settled = settling.look(torch.stack([ORDER + noise, ORDER - noise]).double())
    assert has_settled


@pytest.mark.parametrize("n_before", [0, 1, 2, 3, 4])
def test_loaded_it_goes_on_as_if_nothing_had_been(n_before):
    costs = [ORDER + torch.randn(100, generator=generator(seed)) * 5 / (1 + seed) for seed in range(8)]
    whole, before, after = Settling(0.01), Settling(0.01), Settling(0.01)
    expected = [whole.look(of.unsqueeze(0)) for of in costs]
    for of in costs[:n_before]:
        before.look(of.unsqueeze(0))
    after.load(before.state())
    assert [after.look(of.unsqueeze(0)) for of in costs[n_before:]] == expected[n_before:]
    assert [after.is_due(update) for update in range(1_000)] == [whole.is_due(update) for update in range(1_000)]
    assert any(expected)
