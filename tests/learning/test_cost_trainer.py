"""How cost networks learn from bags: the gradient, whatever it is computed in; members that do not meet; what is drawn
after a stop, and by which shares."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from learning_cases import MARKED, RemoteData, bits, crossing, generator, needs_cuda, on_cuda

from safemil_core.config import RunConfig
from safemil_core.learning import cost_trainer
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.training_data import TrainingData

AGGREGATORS = ("sum", "log_sum_exp", "attention", "deep_sets")
BASE = RunConfig().with_values(["cost.hidden_sizes=[8]", "cost.bag_size=8", "cost.updates=200", "cost.window=3"])


def trainer_of(data=None, settings=(), is_held_out=None):
    data = crossing() if data is None else data
    config = BASE.with_values(settings)
    torch.manual_seed(config.seed)
    network = CostNetwork(config.cost, data.sizes)
    return CostTrainer(network, data, config, is_held_out)


def trained(updates=10, **options):
    trainer = trainer_of(**options)
    for _ in range(updates):
        trainer.update()
    return trainer


def first_gradients(trainer):
    """Of the loss for every parameter, before they are clipped."""
    found = {}
    descend = trainer._optimiser.descend

    def note_and_descend():
        found.update({name: parameter.grad.clone() for name, parameter in trainer.network.named_parameters()})
        descend()

    trainer._optimiser.descend = note_and_descend
    trainer.update()
    return found


def moved(trainer):
    """Curves begin level, where some gradients are 0."""
    with torch.no_grad():
        for parameter in trainer.network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator()) * 0.05)
    return trainer


REGULARISED = "cost.gradient_penalty=0.1 cost.input_masking=0.5"
KINDS = ["cost.network=mlp", f"cost.network=mlp {REGULARISED}", f"cost.network=additive {REGULARISED}"]


@pytest.mark.parametrize("summed_steps", [1, cost_trainer.SUMMED_STEPS])
@pytest.mark.parametrize("kind", [*KINDS, "cost.network=pairwise"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_a_gradient_in_chunks_is_that_of_the_whole(monkeypatch, aggregator, members, kind, summed_steps):
    """48 steps a member, eight bags' windows of both kinds, at most 7 at a time."""
    monkeypatch.setattr(cost_trainer, "SUMMED_STEPS", summed_steps)
    if aggregator == "deep_sets":
        kind = kind.replace("cost.gradient_penalty=0.1", "")  # it has no logit
    settings = [f"cost.aggregator={aggregator}", f"cost.members={members}", *kind.split()]
    whole = moved(trainer_of(settings=settings))
    expected = first_gradients(whole)
    monkeypatch.setattr(cost_trainer, "CHUNK", 7)
    chunked = moved(trainer_of(settings=settings))
    found = first_gradients(chunked)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)
        assert gradient.any()
    for name, value in whole.latest.items():
        assert float(chunked.latest[name]) == pytest.approx(float(value), rel=1e-5)


@pytest.mark.parametrize("settings", [[], ["cost.members=3"], ["cost.window=0"], ["cost.input_masking=0.5"]])
def test_by_sums_in_one_pass_or_by_the_outputs_an_update_is_the_same(monkeypatch, settings):
    data, settings = crossing(marked=(1, 4), preferred=(0,)), ["cost.network=mlp", *settings]
    monkeypatch.setattr(cost_trainer, "SUMMED_STEPS", 1)
    by_sums = trainer_of(data, settings)
    found = first_gradients(by_sums)
    monkeypatch.setattr(CostTrainer, "_may_go_by_sums", lambda _: False)
    by_outputs = trainer_of(data, settings)
    for name, gradient in first_gradients(by_outputs).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-7)
    for name, value in by_outputs.latest.items():
        assert float(by_sums.latest[name]) == pytest.approx(float(value), rel=1e-5)


def test_inputs_too_many_for_memory_are_fetched_chunk_by_chunk(monkeypatch):
    expected = first_gradients(trainer_of())
    monkeypatch.setattr(cost_trainer, "CHUNK_NUMBERS", 20)
    for name, gradient in first_gradients(trainer_of()).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_the_loss_falls_and_the_marked_score_higher_than_the_rest(aggregator):
    trainer = trainer_of(settings=[f"cost.aggregator={aggregator}", "cost.bag_size=64", "cost.learning_rate=0.01"])
    rows = []
    for _ in range(100):
        trainer.update()
        rows.append({name: float(value) for name, value in trainer.latest.items()})
    assert rows[0].keys() == {"cost_loss", "score_non_preferred", "score_unlabelled"}
    assert np.mean([row["cost_loss"] for row in rows[-10:]]) < np.mean([row["cost_loss"] for row in rows[:10]]) - 0.05
    assert all(row["score_non_preferred"] > row["score_unlabelled"] for row in rows[-10:])


def test_a_loss_with_preferred_bags_by_hand():
    """One trajectory of each kind, so that whole ones make bags that are known before they are drawn."""
    data = crossing(marked=(1,), preferred=(0,))
    data = TrainingData(data.observations[:48], data.actions[:48], data.offsets[:4], data.labels[:3])
    trainer = trainer_of(data, ["cost.window=0", "cost.preferred_weight=25", "cost.gamma=0.9"])  # 0.5 of one
    with torch.no_grad():
        costs = trainer.network(data.observations, data.actions).double()
    p, n, u = (float((costs[16 * t : 16 * t + 16] * 0.9 ** torch.arange(16)).sum()) for t in range(3))
    trainer.update()
    found = {name: float(value) for name, value in trainer.latest.items()}
    assert found["score_non_preferred"] == pytest.approx(n, rel=1e-5)
    assert found["score_unlabelled"] == pytest.approx(u, rel=1e-5)
    assert found["score_preferred"] == pytest.approx(p, rel=1e-5)
    expected = math.log1p(math.exp(u - n)) + 0.5 * (math.log1p(math.exp(p - n)) + math.log1p(math.exp(p - u)))
    assert found["cost_loss"] == pytest.approx(expected / 2, rel=1e-5)


def test_without_a_weight_preferred_marks_count_as_unlabelled():
    with_marks = trained(data=crossing(preferred=(0, 2)), settings=["cost.preferred_weight=0"])
    assert bits(with_marks.network) == bits(trained().network)
    assert bits(trained(data=crossing(preferred=(0, 2))).network) != bits(trained().network)


def test_what_is_left_is_compared_with_where_all_of_it_is_preferred():
    rest = [t for t in range(40) if t not in MARKED]
    all_preferred = trained(data=crossing(preferred=rest))
    assert bits(all_preferred.network) == bits(trained().network)
    assert "score_preferred" not in all_preferred.latest


def test_unsure_ones_count_as_unlabelled():
    data = crossing()
    data.labels[[0, 2]] = "unsure"
    assert bits(trained(data=data).network) == bits(trained().network)


def held_out(*trajectories_of_member):
    is_held_out = np.zeros((len(trajectories_of_member), 40), dtype=bool)
    for member, trajectories in enumerate(trajectories_of_member):
        is_held_out[member, list(trajectories)] = True
    return is_held_out


def weights_of(trainer):
    """[M, n] all that each member has learned."""
    return torch.cat([parameter.detach().flatten(1) for parameter in trainer.network.parameters()], dim=1)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_what_a_member_does_not_see_does_not_change_it(aggregator):
    """Member 1 does without the trajectories 1, 4 and 7; then these are made senseless."""
    settings = [f"cost.aggregator={aggregator}", "cost.members=3", "optimiser.gradient_clip=0.01"]
    is_held_out = held_out((), (1, 4, 7), (2,))
    data, changed = crossing(), crossing()
    changed.observations[np.repeat(is_held_out[1], 16)] = 1e3
    before, after = (weights_of(trained(data=of, settings=settings, is_held_out=is_held_out)) for of in (data, changed))
    assert torch.equal(before[1], after[1])
    for member in (0, 2):
        assert not torch.equal(before[member], after[member])


def test_members_differ_from_one_another():
    weights = weights_of(trained(settings=["cost.members=3"]))
    assert len({tuple(of.tolist()) for of in weights}) == 3


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_how_a_member_begins_does_not_change_the_others(aggregator):
    """Neither through the loss nor through the clip of the gradient."""
    settings = [f"cost.aggregator={aggregator}", "cost.members=2", "optimiser.gradient_clip=0.01"]
    first, second = trainer_of(settings=settings), trainer_of(settings=settings)
    with torch.no_grad():
        for parameter in second.network.parameters():
            parameter[0] *= 3
            parameter[0] += 1
    for trainer in (first, second):
        for _ in range(10):
            trainer.update()
    before, after = weights_of(first), weights_of(second)
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[0], after[0])


def shares_of(*trajectories):
    """Hardly any other than these is ever drawn."""
    shares = np.full(40, 1e-12)
    shares[list(trajectories)] = 1.0
    return shares


def test_marked_trajectories_are_drawn_by_their_shares():
    """One without a share is made senseless: whoever learned from it would be no number any more."""
    data = crossing()
    data.observations[16:32] = torch.nan  # of trajectory 1
    shared, uniform = (trainer_of(data=data, settings=["cost.sparsity=0"]) for _ in range(2))
    shared.set_shares(shares_of(3, 5))
    for _ in range(100):
        shared.update()
        uniform.update()
    assert torch.isfinite(weights_of(shared)).all()
    assert not torch.isfinite(weights_of(uniform)).all()


@pytest.mark.parametrize("network", ["additive", "pairwise"])
def test_relative_sparsity_is_in_units_of_what_tells_the_marked_from_the_others(network):
    """Copies of an input tell as much each, so that twice as many are pulled twice as hard; noise adds little."""
    data, settings = crossing(), [f"cost.network={network}", "cost.sparsity=0.01", "cost.members=2"]
    relative = trainer_of(data=data, settings=settings)
    twice = replace(data, observations=torch.cat([data.observations] * 2, dim=1))
    torch.testing.assert_close(trainer_of(data=twice, settings=settings)._pull, 2 * relative._pull)
    noise = torch.randn(data.observations.shape, generator=generator())
    noisy = replace(data, observations=torch.cat([data.observations, noise], dim=1))
    assert (trainer_of(data=noisy, settings=settings)._pull < 1.5 * relative._pull).all()
    of_loss = trainer_of(data=data, settings=[*settings, "cost.relative_sparsity=false"])
    torch.testing.assert_close(of_loss._pull, torch.full((2,), 0.01))


def test_where_nothing_tells_the_marked_from_the_others_relative_sparsity_is_small():
    data = crossing()
    alike = replace(data, observations=data.observations[:16].repeat(40, 1))
    assert (trainer_of(data=alike)._pull < 0.2 * trainer_of(data=data)._pull).all()


@pytest.mark.parametrize("kind", [TrainingData, RemoteData])
def test_shares_count_from_the_next_update_on(kind):
    data = crossing(kind=kind)
    data.observations[16:32] = torch.nan
    trainer = trainer_of(data=data, settings=["cost.sparsity=0"])
    trainer.set_shares(shares_of(3, 5))
    for _ in range(5):
        trainer.update()
    assert torch.isfinite(trainer.latest["cost_loss"])
    trainer.set_shares(shares_of(1))
    trainer.update()
    assert torch.isnan(trainer.latest["cost_loss"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_network_goes_on_to_the_bit(kind):
    settings = [*kind.split(), "cost.sparsity=0.01"]
    whole = trained(30, settings=settings)
    stopped, again = trained(17, settings=settings), trainer_of(settings=settings)
    again.network.load_state_dict(stopped.network.state_dict())
    again.load(stopped.state())
    for _ in range(13):
        again.update()
    assert bits(again.network) == bits(whole.network)


def test_the_gradient_penalty_by_hand():
    """Of logistic regression, whose logit has its weights as gradient everywhere: the loss grows by their square."""
    settings = ["cost.network=mlp", "cost.inputs=all", "cost.sparsity=0", "cost.hidden_sizes=[]"]
    plain, penalised = (trainer_of(settings=[*settings, f"cost.gradient_penalty={by}"]) for by in (0, 0.3))
    weights = plain.network.state_dict()["body.0.weight"].flatten().clone()
    before, after = (first_gradients(trainer)["body.weights"][0] for trainer in (plain, penalised))
    torch.testing.assert_close(after[:3] - before[:3], 0.3 * 2 * weights)
    torch.testing.assert_close(after[3], before[3])


def test_a_masked_input_teaches_nothing_and_each_update_masks_others():
    settings = [
        "cost.network=mlp",
        "cost.inputs=all",
        "cost.hidden_sizes=[]",
        "cost.input_masking=0.5",
        "cost.members=4",
    ]
    trainer = trainer_of(settings=settings)
    seen = []
    for _ in range(20):
        gradients = {}
        trainer.network.body.weights.register_post_accumulate_grad_hook(
            lambda p, found=gradients: found.update(of=p.grad.clone())
        )
        trainer.update()
        seen.append(gradients["of"][:, :3] != 0)
    shares = torch.stack(seen).float()  # [updates, members, inputs]
    assert len({update.numpy().tobytes() for update in shares}) > 15
    assert 0.3 < float(shares.mean()) < 0.7


@pytest.mark.parametrize("kind", [TrainingData, RemoteData])
@pytest.mark.parametrize("stopped_at", [0, 1, 37, 64, 99])
@pytest.mark.parametrize("shares_at", [None, 30])
def test_loaded_it_goes_on_to_the_bit(kind, stopped_at, shares_at):
    """Bags are drawn for 64 updates at a time: at 37, a block is begun; at 30, shares may have begun another."""
    data = crossing(kind=kind)
    whole, before = (trainer_of(data=data) for _ in range(2))
    for trainer, updates in ((whole, 100), (before, stopped_at)):
        for update in range(updates):
            if update == shares_at:
                trainer.set_shares(shares_of(1, 5, 9))
            trainer.update()
    after = trainer_of(data=data)
    if shares_at is not None and shares_at < stopped_at:
        after.set_shares(shares_of(1, 5, 9))
    after.network.load_state_dict(before.network.state_dict())
    after.load(before.state())
    for update in range(stopped_at, 100):
        if update == shares_at:
            after.set_shares(shares_of(1, 5, 9))
        after.update()
    assert after.updates == 100
    assert bits(after.network) == bits(whole.network)


@pytest.mark.parametrize("settings", [["cost.window=3"], ["cost.window=0"], ["cost.members=3"]])
def test_data_from_outside_the_device_are_learned_from_as_if_they_lay_there(settings):
    local, remote = (trained(100, data=crossing(kind=kind), settings=settings) for kind in (TrainingData, RemoteData))
    assert bits(local.network) == bits(remote.network)


def test_bags_of_wide_windows_are_drawn_for_fewer_updates_at_once_and_stay_the_same_after_a_stop(monkeypatch):
    monkeypatch.setattr(cost_trainer, "BLOCK_STEPS", 8 * 3 * 5)
    whole, before, after = trained(17), trained(8), trainer_of()
    after.network.load_state_dict(before.network.state_dict())
    after.load(before.state())
    for _ in range(9):
        after.update()
    assert bits(after.network) == bits(whole.network)


def test_segments_of_marked_trajectories_alone_are_learned_from():
    """Steps outside the segments are made senseless; segments of an unmarked trajectory count nothing."""
    segments = dict.fromkeys(MARKED, ((10, 15),)) | {0: ((0, 1),)}
    data = crossing(segments=segments)
    for t in MARKED:
        data.observations[16 * t : 16 * t + 10] = torch.nan
    assert torch.isfinite(weights_of(trained(50, data=data))).all()
    data.observations[8] = torch.nan  # of trajectory 0, outside its segment
    assert not torch.isfinite(weights_of(trained(50, data=data))).all()


@needs_cuda
def test_on_cuda_data_that_lie_on_the_host_are_learned_from_as_those_on_the_device():
    data = crossing()
    there = on_cuda(data)
    on_host = replace(data, device=torch.device("cuda"))
    assert (there.is_remote, on_host.is_remote) == (False, True)
    found = []
    for of in (there, on_host, on_host):
        trainer = CostTrainer(trainer_of(settings=["cost.members=2"]).network.cuda(), of, BASE)
        for _ in range(50):
            trainer.update()
        found.append(weights_of(trainer))
    torch.testing.assert_close(found[0], found[1])
    assert torch.equal(found[1], found[2])
