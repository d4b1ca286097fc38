"""Which inputs a cost goes by: an input that decides it, one that does nothing, actions with choices, and images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from safemil_core.assessment.evaluation import roc_auc
from safemil_core.assessment.input_importance import N_SHUFFLES, input_importance, integrated_gradients
from safemil_core.config import CostConfig
from safemil_core.data.recording import Part
from safemil_core.learning.choices import spread_choices
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.training_data import TrainingData

ONE_NUMBER = (Part(shape=(1,)),)


class ByFirst(nn.Module):
    """c = sigmoid(2 x0 + x1), whatever the action."""

    def forward(self, observations, actions):
        return torch.sigmoid(2 * observations[..., 0] + observations[..., 1])


def data_of(observations, actions, images=()):
    """Ten trajectories of which the first five are marked; their first number is higher by 2."""
    labels = np.array(["non_preferred"] * 5 + ["none"] * 5, dtype="U13")
    n = len(observations) // 10
    observations[: 5 * n, 0] += 2
    return TrainingData(
        torch.from_numpy(observations),
        torch.from_numpy(actions),
        np.arange(0, 10 * n + 1, n),
        labels,
        images=tuple(torch.from_numpy(image) for image in images),
    )


def numbers(n=400, size=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, size)).astype(np.float32)


def test_an_input_that_does_nothing_has_no_importance_and_the_one_that_decides_has_the_most():
    data = data_of(numbers(), numbers(size=1, seed=1))
    told = []
    table = input_importance(ByFirst(), data, ONE_NUMBER, on_progress=lambda done, total: told.append((done, total)))
    assert len(table) == 4
    assert (table.loc[[2, 3]].to_numpy() == 0).all()
    assert (table.loc[0] > table.loc[1]).loc[["auc_drop", "cost_change", "gradient"]].all()
    x0, x1 = data.observations[:, 0].numpy(), data.observations[:, 1].numpy()
    is_marked = np.repeat([True, False], 200)
    # Without x0 only x1 is left, which says nothing of who is marked.
    assert table["auc_drop"][0] == pytest.approx(roc_auc(2 * x0 + x1, is_marked) - 0.5, abs=0.06)
    assert told[-1] == (4 * (N_SHUFFLES + 1) + 1,) * 2
    assert [done for done, _ in told] == list(range(1, len(told) + 1))


def test_a_cost_that_has_every_step_the_wrong_way_round_gains_by_a_shuffle():
    class Backwards(nn.Module):
        def forward(self, observations, actions):
            return torch.sigmoid(-observations[..., 0])

    observations = np.zeros((400, 3), np.float32)  # then 2 of the marked, and 0 of the others
    table = input_importance(Backwards(), data_of(observations, numbers(size=1)), ONE_NUMBER)
    assert table["auc_drop"][0] == pytest.approx(0 - 0.5, abs=0.06)


@pytest.mark.parametrize("label", ["preferred", "unsure"])
def test_where_nothing_is_unlabelled_the_marked_are_compared_with_all_others(label):
    unlabelled = data_of(numbers(), numbers(size=1))
    labelled = replace(unlabelled, labels=np.where(unlabelled.labels == "none", label, unlabelled.labels))
    tables = [input_importance(ByFirst(), data, ONE_NUMBER) for data in (unlabelled, labelled)]
    assert tables[1]["auc_drop"][0] > 0.3
    assert tables[0].equals(tables[1])


def test_where_something_is_unlabelled_the_marked_are_compared_with_that_alone():
    data = data_of(numbers(), numbers(size=1))
    data.observations[-40:, 0] += 100
    data.labels[-1] = "preferred"  # as costly as a step can be, and not asked
    table = input_importance(ByFirst(), data, ONE_NUMBER)
    without = replace(data, labels=np.where(data.labels == "preferred", "none", data.labels))
    assert table["auc_drop"][0] > 0.3 > input_importance(ByFirst(), without, ONE_NUMBER)["auc_drop"][0]


def test_the_same_seed_gives_the_same_table():
    tables = [input_importance(ByFirst(), data_of(numbers(), numbers(size=1)), ONE_NUMBER, seed=4) for _ in range(2)]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize("aggregator", ["sum", "deep_sets"])
def test_integrated_gradients_add_up_to_the_cost_of_a_step_less_that_of_the_baseline(aggregator):
    torch.manual_seed(0)
    network = CostNetwork(
        CostConfig(network="mlp", inputs="all", hidden_sizes=(16,), members=2, aggregator=aggregator), Sizes(3, 1)
    )
    inputs = torch.from_numpy(numbers(size=4))

    def cost(of):
        return network(of[:, :3], of[:, 3:])

    baseline = inputs.mean(dim=0).expand_as(inputs)
    added = integrated_gradients(cost, inputs, baseline)
    rise = (cost(inputs) - cost(baseline)).detach()
    np.testing.assert_allclose(added.sum(dim=1).numpy(), rise.numpy(), atol=1e-4)


def test_the_choices_of_a_discrete_action_are_one_input():
    gear = (Part("gear", dtype="int64", n_choices=3),)
    choices = spread_choices((np.arange(400) % 3).astype(np.float32)[:, None], gear)

    class ByGear(nn.Module):
        def forward(self, observations, actions):
            return actions @ torch.tensor([0.1, 0.5, 0.9])

    table = input_importance(ByGear(), data_of(numbers(), choices), gear)
    assert len(table) == 4
    assert (table.loc[:2].to_numpy() == 0).all()
    assert table["cost_change"][3] == pytest.approx(0.8 * 4 / 9, abs=0.04)  # mean difference of two draws


def test_an_image_is_one_input_behind_the_numbers_without_a_gradient():
    images = np.random.default_rng(0).integers(0, 255, size=(40, 8, 8, 1), dtype=np.uint8)
    sizes = Sizes(3, 1, images=((8, 8, 1),))
    torch.manual_seed(0)
    network = CostNetwork(CostConfig(hidden_sizes=(8,), image_features=4), sizes)
    table = input_importance(network, data_of(numbers(40), numbers(40, 1), (images,)), ONE_NUMBER)
    assert len(table) == 5
    assert table["cost_change"][4] > 0
    assert np.isnan(table["gradient"].to_numpy()).tolist() == [False] * 4 + [True]
