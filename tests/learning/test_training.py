"""The loop on a problem with a known answer, and what it promises of seeds, turns, reports and the way it ends."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from factories import TINY, trajectory_set
from learning_cases import MARKED, N, RemoteData, T, all_bits, bits, crossing, needs_cuda, on_cuda, true_costs

from safemil_core.assessment.doctor.while_training import diagnose
from safemil_core.assessment.evaluation import roc_auc
from safemil_core.config import RunConfig
from safemil_core.errors import Diverged, InvalidConfig
from safemil_core.learning.cost_model import score_steps
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.training import longest, train
from safemil_core.learning.training_data import TrainingData
from safemil_core.learning.weights import cloning_weights, effective_sample_size

CPU = torch.device("cpu")
LEARNS = RunConfig().with_values(
    [
        "cost.hidden_sizes=[32]", "cost.bag_size=64", "cost.updates=200", "cost.learning_rate=0.003", "cost.settle=0",
        "policy.hidden_sizes=[32]", "policy.batch_size=64", "policy.updates=500", "policy.learning_rate=0.005",
        "weights.scheme=trajectory", "weights.beta=0.6", "log_every=20",
    ]
)  # fmt: skip
ALTERNATING = TINY.with_values(["schedule=alternate"])


class Told:
    """All that one training tells, and the networks that come of it."""

    def __init__(self, config=TINY, data=None, stop_after=None, **options):
        self.reports, self.states, self.costs, self.n_asked = [], {}, [], 0

        def should_stop():
            self.n_asked += 1
            return self.n_asked == stop_after

        self.networks = train(
            crossing() if data is None else data,
            config,
            on_report=self.reports.append,
            on_checkpoint=self.states.__setitem__,
            should_stop=should_stop,
            on_costs=lambda _, costs, __: self.costs.append(costs),
            **options,
        )

    @property
    def rows(self):
        return [report.metrics for report in self.reports]

    @property
    def bits(self):
        return all_bits(self.networks)


@pytest.mark.parametrize("loss", ["log_likelihood", "squared_error"])
@pytest.mark.parametrize("schedule", ["cost_first", "alternate"])
def test_the_cost_is_learned_and_the_policy_avoids_it(loss, schedule):
    data, config = crossing(), LEARNS.with_values([f"policy.loss={loss}", f"schedule={schedule}"])
    told = Told(config, data)
    costs, x = told.costs[0].mean, data.observations[:, 0].numpy()
    is_unmarked = np.repeat(data.labels == "none", T)
    assert costs[x > 0.5].mean() > costs[x < 0.3].mean() + 0.3
    assert roc_auc(costs[is_unmarked], true_costs()[is_unmarked] > 0) > 0.9
    np.testing.assert_array_equal(costs, score_steps(told.networks.cost, data).mean)
    # At x = 0.42 the unsafe walk on at +0.8 and the safe turn back at -0.8.
    before_the_limit = torch.stack([torch.full((50,), 0.42), torch.linspace(0.05, 0.95, 50)], dim=1)
    safe, bc = told.networks.safe(before_the_limit), told.networks.bc(before_the_limit)
    assert safe.mean().item() < -0.4
    assert safe.mean().item() < bc.mean().item() - 0.1
    assert diagnose(pd.DataFrame(told.rows), config) == []


@pytest.mark.parametrize("aggregator", ["log_sum_exp", "attention", "deep_sets"])
def test_every_aggregator_learns_the_cost(aggregator):
    settings = [f"cost.aggregator={aggregator}", "cost.members=2", "policy.updates=1"]
    told = Told(LEARNS.with_values(settings))
    assert roc_auc(told.costs[0].mean, true_costs() > 0) > 0.9


def test_marks_that_cannot_be_told_from_the_rest_collapse_the_cost_and_the_finding_says_so():
    half = trajectory_set(*[10] * 6)
    data = TrainingData(
        torch.tensor(np.concatenate([half.observations] * 2)),
        torch.tensor(np.concatenate([half.actions] * 2)),
        np.arange(0, 121, 10),
        np.array(["non_preferred"] * 6 + ["none"] * 6),
    )
    config = RunConfig().with_values(
        [
            "cost.network=mlp", "cost.hidden_sizes=[16]", "cost.bag_size=64", "cost.window=0", "cost.updates=300",
            "cost.settle=0", "cost.costly_rate=1", "cost.aggregator=sum", "cost.learning_rate=0.001",
            "weights.scheme=step", "policy.hidden_sizes=[8]", "policy.updates=10", "log_every=20",
        ]
    )  # fmt: skip
    (finding,) = diagnose(pd.DataFrame(Told(config, data).rows), config)
    assert finding.symptom == "collapse"
    assert "cannot be told from the unlabelled" in finding.why


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (Told(TINY.with_values([f"seed={seed}"])).bits for seed in (0, 0, 1))
    assert first == again
    for mine, theirs in zip(first, other, strict=True):
        assert mine != theirs


def test_training_does_not_depend_on_torchs_global_state():
    torch.manual_seed(123)
    torch.rand(17)
    first = Told().bits
    torch.manual_seed(7)
    assert Told().bits == first


def test_how_long_the_policies_train_does_not_change_the_cost_network():
    longer = TINY.with_values(["policy.updates=60"])
    assert bits(Told().networks.cost) == bits(Told(longer).networks.cost)


@pytest.mark.parametrize("config", [TINY, ALTERNATING])
def test_how_the_cost_is_learned_does_not_change_plain_cloning(config):
    told, other = Told(config), Told(config.with_values(["cost.bag_size=3", "weights.scheme=trajectory"]))
    assert bits(told.networks.bc) == bits(other.networks.bc)
    assert told.rows[-1]["bc_loss"] == other.rows[-1]["bc_loss"]
    assert told.rows[-1]["policy_loss"] != other.rows[-1]["policy_loss"]


def test_both_policies_start_alike_and_only_the_weights_tell_them_apart():
    """One update with a step size of next to nothing leaves them where they began."""
    still = Told(TINY.with_values(["policy.learning_rate=1e-30", "policy.updates=1", "cost.updates=1"]))
    assert bits(still.networks.safe) == bits(still.networks.bc)
    moved = Told().networks
    assert bits(moved.safe) != bits(moved.bc)


def test_the_safe_policy_can_be_cloned_alone():
    told, both = Told(LEARNS, has_partner=False), Told(LEARNS)
    assert told.networks.bc is None
    assert "bc_loss" not in told.rows[-1] and told.rows[-1]["policy_loss"] > 0
    assert bits(told.networks.cost) == bits(both.networks.cost)
    assert bits(told.networks.safe) == bits(both.networks.safe)


def test_normalisation_is_of_the_dataset_and_can_be_left_out():
    data, config = crossing(), TINY.with_values(["cost.inputs=all"])
    networks = Told(config, data).networks
    for policy in (networks.safe, networks.bc):
        torch.testing.assert_close(policy.normaliser.mean, data.observations.mean(dim=0))
    inputs = torch.cat([data.observations, data.actions], dim=1)
    torch.testing.assert_close(networks.cost.normaliser.scale, 1 / inputs.std(dim=0, correction=0))
    networks = Told(config.with_values(["normalise=false"]), data).networks
    assert torch.equal(networks.cost.normaliser.scale, torch.ones(3))


def test_actions_in_degrees_are_cloned_as_the_same_ones_in_1_are():
    data, config = crossing(), LEARNS.with_values(["cost.updates=1"])
    low, high = data.actions.aminmax()
    usual = (2 * data.actions - low - high) / (high - low)
    policies = [Told(config, replace(data, actions=actions)).networks.bc for actions in (usual, 90 + 60 * usual)]
    acted, in_degrees = (policy(data.observations) for policy in policies)
    assert in_degrees.min() > 0
    assert acted.std() > 0.05
    torch.testing.assert_close((in_degrees - 90) / 60, acted, atol=0.02, rtol=0)


OF_COST = {"cost_loss", "score_non_preferred", "score_unlabelled", "cost_mean", "cost_spread", "saturated"}
OF_POLICIES = {"policy_loss", "bc_loss", "effective_trajectories"}


def check_row(row):
    assert all(np.isfinite(value) for value in row.values())
    if "cost_loss" in row:
        assert 0 < row["cost_mean"] < 1
        assert 0 <= row["saturated"] <= 1
    if "policy_loss" in row:
        assert 1 <= row["effective_trajectories"] <= N - len(MARKED)


def test_with_the_cost_first_reports_are_of_the_cost_and_then_of_the_policies():
    """20 updates of the cost, then 30 of the policies; the end of the cost is told too."""
    told = Told(TINY.with_values(["log_every=8", "checkpoint_every=15"]))
    assert [report.update for report in told.reports] == [8, 16, 20, 24, 32, 40, 48, 50]
    assert {report.total for report in told.reports} == {50}
    for report in told.reports:
        own = OF_COST if report.update <= 20 else OF_POLICIES
        assert report.metrics.keys() == {"update", "seconds"} | own
        assert report.metrics["update"] == report.update
        check_row(report.metrics)
    assert list(told.states) == [15, 20, 30, 45]
    assert len(told.costs) == 1
    seconds = [row["seconds"] for row in told.rows]
    assert seconds == sorted(seconds)


def test_in_alternation_reports_are_of_both_while_both_learn():
    told = Told(ALTERNATING.with_values(["log_every=8", "checkpoint_every=15"]))
    assert [report.update for report in told.reports] == [8, 16, 20, 24, 30]
    assert {report.total for report in told.reports} == {30}
    for report in told.reports:
        own = OF_COST | OF_POLICIES if report.update <= 20 else OF_POLICIES
        assert report.metrics.keys() == {"update", "seconds"} | own
        check_row(report.metrics)
    assert list(told.states) == [15, 20, 30]


def test_preferred_bags_and_the_disagreement_of_members_are_reported_where_there_are_any():
    row = Told(TINY.with_values(["cost.members=3"]), crossing(preferred=(0, 2))).rows[0]
    assert row.keys() == {"update", "seconds", "disagreement", "score_preferred"} | OF_COST
    check_row(row)
    assert row["disagreement"] > 0


def test_costs_are_told_once_when_they_are_final_while_the_policies_still_have_to_learn():
    data, order = crossing(), []
    train(
        data,
        TINY.with_values(["log_every=1"]),
        on_costs=lambda _, costs, __: order.append(costs.mean),
        on_report=lambda report: order.append(report.update),
    )
    assert order[:19] == list(range(1, 20))
    assert isinstance(order[19], np.ndarray)
    assert order[20:] == list(range(20, 51))


def test_an_ensembles_costs_are_the_mean_of_its_members_with_their_deviation():
    data = crossing()
    assert Told(data=data).costs[0].spread is None
    told = Told(TINY.with_values(["cost.members=4"]), data)
    with torch.no_grad():
        each = told.networks.cost.each(data.observations, data.actions).numpy()
    (costs,) = told.costs
    np.testing.assert_allclose(costs.mean, each.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(costs.spread, each.std(axis=0), rtol=1e-4)
    assert (costs.spread > 0).all()


@pytest.mark.parametrize("config", [TINY, ALTERNATING])
@pytest.mark.parametrize("stop_after", [1, 7, 25])
def test_a_stop_ends_training_with_what_is_learned(config, stop_after):
    told = Told(config, stop_after=stop_after)
    assert told.n_asked == stop_after
    assert told.reports[-1].update == max(told.states) == stop_after
    assert len(told.costs) == 1
    assert np.isfinite(told.costs[0].mean).all()
    assert torch.isfinite(told.networks.safe(torch.zeros(2))).all()
    np.testing.assert_array_equal(told.costs[0].mean, score_steps(told.networks.cost, crossing()).mean)


def test_what_is_learned_by_a_stop_is_what_a_shorter_training_learns():
    """Without decay, whose schedule knows the end."""
    endless = ALTERNATING.with_values(["cost.updates=12", "policy.updates=400", "policy.decay=false"])
    shorter = endless.with_values(["policy.updates=12"])
    assert Told(endless, stop_after=12).bits == Told(shorter).bits


@pytest.mark.parametrize("updates", [(5, 30), (30, 5), (1, 1)])
def test_in_alternation_either_part_may_train_longer(updates):
    settings = [f"cost.updates={updates[0]}", f"policy.updates={updates[1]}", "log_every=1"]
    config = ALTERNATING.with_values(settings)
    assert longest(config) == max(updates)
    told = Told(config)
    assert len(told.rows) == max(updates)
    assert sum("cost_loss" in row for row in told.rows) == updates[0]
    assert len({row["policy_loss"] for row in told.rows}) == updates[1]  # and then the last one stays
    assert len(told.costs) == 1


@pytest.mark.parametrize("updates", [(5, 30), (30, 5), (1, 1)])
def test_with_the_cost_first_each_has_its_own_turns(updates):
    config = TINY.with_values([f"cost.updates={updates[0]}", f"policy.updates={updates[1]}", "log_every=1"])
    assert longest(config) == sum(updates)
    rows = Told(config).rows
    assert ["cost_loss" in row for row in rows] == [True] * updates[0] + [False] * updates[1]
    assert ["policy_loss" in row for row in rows] == [False] * updates[0] + [True] * updates[1]


def test_in_alternation_the_weights_follow_the_costs_after_the_first_update_and_at_every_scoring():
    settings = ["log_every=1", "rescore_every=8", "weights.scheme=trajectory", "cost.learning_rate=0.01"]
    rows = Told(ALTERNATING.with_values(settings)).rows
    effective = [row["effective_trajectories"] for row in rows]
    assert effective[0] > 1
    changed = [turn for turn in range(2, 31) if effective[turn - 1] != effective[turn - 2]]
    assert changed == [8, 16, 20]  # and when the cost is learned


def test_the_policies_clone_with_the_weights_that_the_final_costs_make():
    data, config = crossing(), TINY.with_values(["weights.scheme=trajectory"])
    told = Told(config, data)
    weights = cloning_weights(told.costs[0].mean, data.offsets, data.labels, config.weights, config.cost.gamma)
    expected = effective_sample_size(weights.trajectories)
    assert told.rows[-1]["effective_trajectories"] == pytest.approx(expected)


def test_the_papers_schedule_trains():
    """Both kinds of networks from the first turn on, and never before the last an end."""
    small = ["cost.hidden_sizes=[8]", "policy.hidden_sizes=[8]", "cost.updates=60", "policy.updates=60", "log_every=1"]
    config = RunConfig.paper().with_values(small)
    told = Told(config)
    assert longest(RunConfig.paper()) == 1_000_000
    assert [report.total for report in told.reports] == [60] * 60
    assert all(row.keys() == {"update", "seconds"} | OF_COST | OF_POLICIES for row in told.rows)


def test_training_ends_early_once_the_order_of_the_costs_has_settled():
    endless = LEARNS.with_values(["cost.updates=20000", "cost.decay=false", "policy.updates=50", "cost.settle=0.02"])
    told = Told(endless)
    totals = {report.update: report.total for report in told.reports}
    end = max(totals)
    n_cost = end - 50
    assert n_cost in (100, 141, 199, 281, 397, 561, 793)  # one of the updates at which it looks
    assert {total for update, total in totals.items() if update < n_cost} == {20_050}
    assert {total for update, total in totals.items() if update >= n_cost} == {end}
    assert list(told.states) == [n_cost]
    assert roc_auc(told.costs[0].mean, true_costs() > 0) > 0.9


def test_at_0_it_never_settles():
    told = Told(TINY.with_values(["cost.updates=300", "cost.settle=0", "policy.updates=1", "cost.learning_rate=1e-30"]))
    assert told.reports[-1].update == 301


def still(config=TINY):
    """Settings with which a cost network stays what it is."""
    return config.with_values(["cost.learning_rate=1e-30", "cost.updates=1", "cost.sparsity=0"])


def test_a_warm_start_begins_with_the_network_that_is_given():
    given = Told(TINY.with_values(["seed=5"])).networks.cost
    before = bits(given)
    assert bits(Told(still(), warm_start=given).networks.cost) == before
    assert bits(Told(still()).networks.cost) != before
    moved = Told(warm_start=given).networks.cost
    assert bits(moved) != before
    assert bits(given) == before  # which stays as it was


@pytest.mark.parametrize(
    "other", ["cost.network=additive", "cost.hidden_sizes=[9]", "cost.members=2", "cost.aggregator=deep_sets"]
)
def test_a_warm_start_from_another_shape_is_refused_in_a_sentence(other):
    plain = TINY.with_values(["cost.network=mlp"])
    given = CostNetwork(plain.with_values([other]).cost, Sizes(2, 1))
    with pytest.raises(InvalidConfig, match="the run to start from has a cost network of another shape; use its") as no:
        Told(plain, warm_start=given)
    assert "\n" not in str(no.value)


CHOICES = (
    "cost.window=0 cost.window=4 cost.hidden_sizes=[] optimiser.kind=adam policy.components=1 weights.per_length=true "
    "weights.scheme=trajectory weights.scheme=step weights.scheme=threshold cost.members=3 cost.aggregator=log_sum_exp "
    "cost.aggregator=attention cost.aggregator=deep_sets cost.failure_modes=3 cost.preferred_weight=0 "
    "precision=bfloat16 schedule=alternate cost.decay=false policy.loss=log_likelihood cost.settle=0.5 "
    "cost.network=mlp cost.network=pairwise cost.inputs=all cost.gradient_penalty=0.1 cost.input_masking=0.5"
)


@pytest.mark.parametrize("setting", CHOICES.split())
def test_every_choice_trains(setting):
    ragged = trajectory_set(3, 9, 1, 5, 2)
    data = TrainingData.of(ragged, np.array(["none", "non_preferred", "preferred", "unsure", "non_preferred"]), CPU)
    told = Told(TINY.with_values([setting]), data)
    assert all(np.isfinite(value) for row in told.rows for value in row.values())
    assert told.costs[0].mean.shape == (20,)
    assert torch.isfinite(told.networks.safe(torch.zeros(3))).all()


def test_bfloat16_learns_nearly_the_same_and_keeps_float32():
    exact, lower = (
        Told(TINY.with_values(["cost.network=mlp", f"precision={kind}"])) for kind in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(lower.costs[0].mean, exact.costs[0].mean, atol=0.02)
    assert not np.array_equal(lower.costs[0].mean, exact.costs[0].mean)
    for network in (lower.networks.cost, lower.networks.safe):
        assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


def test_data_from_outside_the_device_train_to_the_same_bits():
    config = TINY.with_values(["cost.failure_modes=2", "schedule=alternate"])
    assert Told(config, crossing(kind=RemoteData)).bits == Told(config).bits


@pytest.mark.parametrize(
    ("field", "factor", "log_every", "sentence"),
    [
        ("observations", np.inf, 100, "the learned costs are no numbers any more; train again with a smaller cost."),
        ("observations", np.inf, 1, "score_non_preferred is no number any more; train again with a smaller cost."),
        ("actions", np.inf, 1, "policy_loss is no number any more; train again with a smaller policy."),
    ],
)
def test_what_is_no_number_any_more_ends_training_in_words_and_is_not_reported(field, factor, log_every, sentence):
    data, reports = crossing(), []
    broken = replace(data, **{field: getattr(data, field) * factor})
    with pytest.raises(Diverged) as caught:
        train(broken, TINY.with_values([f"log_every={log_every}"]), on_report=reports.append)
    assert str(caught.value) == f"{sentence}learning_rate"
    assert all(np.isfinite(value) for report in reports for value in report.metrics.values())


@needs_cuda
@pytest.mark.parametrize(
    "config", [TINY, ALTERNATING, TINY.with_values(["cost.members=2", "cost.aggregator=deep_sets"])]
)
def test_on_cuda_the_same_seed_gives_the_same_bits_too(config):
    data = on_cuda(crossing())
    assert Told(config, data).bits == Told(config, data).bits


@needs_cuda
def test_on_cuda_a_whole_run_learns_what_it_learns_on_the_cpu():
    here, there = Told(LEARNS), Told(LEARNS, on_cuda(crossing()))
    assert roc_auc(there.costs[0].mean, true_costs() > 0) > 0.9
    np.testing.assert_allclose(there.costs[0].mean.mean(), here.costs[0].mean.mean(), atol=0.1)
    assert there.networks.safe(torch.zeros(2).cuda()).device.type == "cuda"


@needs_cuda
def test_on_cuda_data_that_lie_on_the_host_train_nearly_the_same():
    data = crossing()
    resident, fetched = Told(TINY, on_cuda(data)), Told(TINY, replace(data, device=torch.device("cuda")))
    np.testing.assert_allclose(fetched.costs[0].mean, resident.costs[0].mean, atol=1e-3)
