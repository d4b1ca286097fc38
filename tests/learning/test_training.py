"""The alternating loop on a problem with a known answer, and what it promises of seeds, stops and metrics."""

import numpy as np
import pytest
import torch
from factories import TINY, crossing_arrays, trajectory_set

from safemil_core.assessment.diagnosis import diagnose
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.config import CostConfig, PolicyConfig, RunConfig, WeightConfig
from safemil_core.errors import Diverged, InvalidConfig
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.training import n_updates, pick_device, train
from safemil_core.learning.training_data import TrainingData

CPU = torch.device("cpu")
N, T = 40, 16
MARKED = (1, 3, 5, 7, 9, 11, 13, 15)

LEARNS = RunConfig(
    cost=CostConfig(hidden_sizes=(32,), bag_size=64, window=1, updates=200, learning_rate=3e-3),
    policy=PolicyConfig(hidden_sizes=(32,), batch_size=64, updates=500, learning_rate=5e-3),
    weights=WeightConfig(scheme="trajectory", beta=0.6),
    log_every=50,
)


def crossing(marked=MARKED):
    """Walkers of which the odd ones cross x = 0.5, where a step costs; some of those are marked."""
    arrays = crossing_arrays(N, T)
    labels = np.full(N, "none", dtype="U13")
    labels[list(marked)] = "non_preferred"
    data = TrainingData(
        torch.from_numpy(arrays["observations"]),
        torch.from_numpy(arrays["actions"]),
        np.arange(0, N * T + 1, T),
        labels,
    )
    return data, arrays


def trained(config, data=None, stop_after=None):
    """Networks, rows of metrics, checkpoints and reported costs of one training."""
    data = crossing()[0] if data is None else data
    rows, checkpoints, costs, asked = [], [], [], []

    def should_stop():
        asked.append(1)
        return len(asked) == stop_after

    networks = train(
        data,
        config,
        on_metrics=lambda update, row: rows.append((update, row)),
        on_checkpoint=lambda update, _: checkpoints.append(update),
        should_stop=should_stop,
        on_costs=costs.append,
    )
    return networks, rows, checkpoints, costs


def bits(network):
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


def all_bits(networks):
    return [bits(network) for network in (networks.cost, networks.safe, networks.bc)]


@pytest.mark.parametrize("loss", ["log_likelihood", "squared_error"])
def test_the_cost_is_learned_and_the_policy_avoids_it(loss):
    data, arrays = crossing()
    config = LEARNS.with_values([f"policy.loss={loss}"])
    networks, rows, _, (costs,) = trained(config, data)
    x = arrays["observations"][:, 0]
    is_unmarked = np.repeat(data.labels == "none", T)
    assert costs[x > 0.5].mean() > costs[x < 0.3].mean() + 0.3
    assert roc_auc(costs[is_unmarked], arrays["costs"][is_unmarked] > 0) > 0.9
    np.testing.assert_array_equal(costs, score_steps(networks.cost, data.observations, data.actions))
    # At x = 0.42 the unsafe walk on at +0.8 and the safe turn back at -0.8.
    before_the_limit = torch.stack([torch.full((50,), 0.42), torch.linspace(0.05, 0.95, 50)], dim=1)
    safe, bc = networks.safe(before_the_limit), networks.bc(before_the_limit)
    assert safe.mean().item() < -0.4
    assert safe.mean().item() < bc.mean().item() - 0.1
    assert diagnose_rows(rows, config) == []


def diagnose_rows(rows, config):
    import pandas as pd

    return diagnose(pd.DataFrame([row for _, row in rows]), config)


def test_marks_that_cannot_be_told_from_the_rest_collapse_the_cost_and_the_finding_says_so():
    half = trajectory_set(*[10] * 6)
    data = TrainingData(
        torch.tensor(np.concatenate([half.observations] * 2)),
        torch.tensor(np.concatenate([half.actions] * 2)),
        np.arange(0, 121, 10),
        np.array(["non_preferred"] * 6 + ["none"] * 6),
    )
    config = RunConfig(
        cost=CostConfig(hidden_sizes=(16,), bag_size=64, window=0, updates=300, learning_rate=1e-3),
        policy=PolicyConfig(hidden_sizes=(8,), updates=300),
        weights=WeightConfig(beta=20),
        log_every=20,
    )
    (finding,) = diagnose_rows(trained(config, data)[1], config)
    assert finding.kind == "collapse"
    assert "cannot be told from the unlabelled" in finding.cause


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (all_bits(trained(TINY.with_values([f"seed={s}"]))[0]) for s in (0, 0, 1))
    assert first == again
    for mine, theirs in zip(first, other, strict=True):
        assert mine != theirs


def test_training_does_not_depend_on_torchs_global_state():
    torch.manual_seed(123)
    torch.rand(17)
    first = all_bits(trained(TINY)[0])
    torch.manual_seed(7)
    assert all_bits(trained(TINY)[0]) == first


def test_how_long_the_policies_train_does_not_change_the_cost_network():
    longer = TINY.with_values(["policy.updates=60"])
    assert bits(trained(TINY)[0].cost) == bits(trained(longer)[0].cost)


def test_how_the_cost_is_learned_does_not_change_plain_cloning():
    other = TINY.with_values(["cost.updates=5", "cost.bag_size=3", "weights.scheme=threshold"])
    assert bits(trained(TINY)[0].bc) == bits(trained(other)[0].bc)


def test_both_policies_start_alike_and_only_the_weights_tell_them_apart():
    """One update with a step size of next to nothing leaves them where they began."""
    networks, *_ = trained(TINY.with_values(["policy.learning_rate=1e-30", "policy.updates=1", "cost.updates=1"]))
    assert bits(networks.safe) == bits(networks.bc)
    networks, *_ = trained(TINY)
    assert bits(networks.safe) != bits(networks.bc)


def test_normalisation_is_of_the_dataset_and_can_be_left_out():
    data, _ = crossing()
    networks, *_ = trained(TINY, data)
    torch.testing.assert_close(networks.safe.normaliser.mean, data.observations.mean(dim=0))
    inputs = torch.cat([data.observations, data.actions], dim=1)
    torch.testing.assert_close(networks.cost.normaliser.scale, 1 / inputs.std(dim=0, correction=0))
    networks, *_ = trained(TINY.with_values(["normalise=false"]), data)
    assert torch.equal(networks.cost.normaliser.scale, torch.ones(3))


def test_metrics_come_at_their_interval_and_at_the_end_and_are_complete():
    _, rows, checkpoints, costs = trained(TINY.with_values(["log_every=8"]))
    assert [update for update, _ in rows] == [8, 16, 24, 30]
    expected = {
        "update", "seconds", "cost_loss", "score_non_preferred", "score_unlabelled", "policy_loss", "bc_loss",
        "cost_mean", "cost_spread", "saturated", "effective_trajectories",
    }  # fmt: skip
    for update, row in rows:
        assert row.keys() == expected
        assert row["update"] == update
        assert all(np.isfinite(value) for value in row.values())
        assert 0 < row["cost_mean"] < 1
        assert 0 <= row["saturated"] <= 1
        assert 1 <= row["effective_trajectories"] <= N - len(MARKED)
    assert checkpoints == [20]
    assert len(costs) == 1  # told once, when the cost network has learned


@pytest.mark.parametrize("stop_after", [1, 7, 25])
def test_a_stop_ends_training_with_what_is_learned(stop_after):
    networks, rows, _, costs = trained(TINY, stop_after=stop_after)
    assert rows[-1][0] == stop_after
    assert len(costs) == 1
    assert np.isfinite(costs[0]).all()
    assert torch.isfinite(networks.safe(torch.zeros(2))).all()


def test_what_is_learned_by_a_stop_is_what_a_shorter_training_learns():
    """Without decay, whose schedule knows the end."""
    endless = TINY.with_values(["cost.updates=12", "policy.updates=400", "policy.decay=false"])
    shorter = endless.with_values(["policy.updates=12"])
    assert all_bits(trained(endless, stop_after=12)[0]) == all_bits(trained(shorter)[0])


@pytest.mark.parametrize("updates", [(5, 30), (30, 5), (1, 1)])
def test_either_part_may_train_longer(updates):
    config = TINY.with_values([f"cost.updates={updates[0]}", f"policy.updates={updates[1]}", "log_every=1"])
    assert n_updates(config) == max(updates)
    _, rows, _, costs = trained(config)
    losses = [row["cost_loss"] for _, row in rows]
    assert len(rows) == max(updates)
    assert len(set(losses)) == updates[0]  # and then the last one stays
    assert len(costs) == 1


CHOICES = (
    "cost.window=0 cost.window=4 cost.hidden_sizes=[] optimiser.kind=adam policy.components=1 weights.per_length=true "
    "weights.scheme=trajectory weights.scheme=step weights.scheme=threshold"
)


@pytest.mark.parametrize("setting", CHOICES.split())
def test_every_choice_trains(setting):
    ragged = trajectory_set(3, 9, 1, 5)
    data = TrainingData.of(ragged, np.array(["none", "non_preferred", "preferred", "none"]), CPU)
    networks, rows, *_ = trained(TINY.with_values([setting]), data)
    assert all(np.isfinite(value) for _, row in rows for value in row.values())
    assert torch.isfinite(networks.safe(torch.zeros(3))).all()


def test_training_sees_observations_actions_and_labels_alone():
    data = TrainingData.of(trajectory_set(3, 4), np.array(["none", "non_preferred"]), CPU)
    assert set(vars(data)) == {"observations", "actions", "offsets", "labels", "segments"}


def test_costs_that_are_no_numbers_end_training_in_words():
    data, _ = crossing()
    broken = TrainingData(data.observations * 1e38, data.actions, data.offsets, data.labels)
    with pytest.raises(Diverged, match="the learned costs are no numbers any more; train again with a smaller"):
        trained(TINY, broken)


def test_a_device_is_found_or_refused():
    assert pick_device("cpu") == CPU
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InvalidConfig, match="there is no device 'abacus' here; use auto, cpu"):
        pick_device("abacus")
    with pytest.raises(InvalidConfig, match="there is no device 'cuda:99' here"):
        pick_device("cuda:99")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_same_seed_gives_the_same_bits_too():
    data, _ = crossing()
    there = TrainingData(data.observations.cuda(), data.actions.cuda(), data.offsets, data.labels)
    runs = [trained(TINY, there)[0] for _ in range(2)]
    for name in ("cost", "safe", "bc"):
        first, second = (getattr(run, name).state_dict() for run in runs)
        assert all(torch.equal(first[key], second[key]) for key in first)
