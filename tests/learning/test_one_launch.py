"""Computations that are done again and again: whatever is replayed, it is what the function itself would have done."""

import pytest
import torch
from learning_cases import all_bits, crossing, needs_cuda, on_cuda

from safemil_core.config import RunConfig
from safemil_core.learning import one_launch
from safemil_core.learning.cost_trainer import CostTrainer
from safemil_core.learning.networks import CostNetwork
from safemil_core.learning.one_launch import N_AS_THEY_ARE, OneLaunch
from safemil_core.learning.training import train

SHORT = ["cost.hidden_sizes=[8]", "cost.bag_size=8", "cost.updates=20", "cost.window=3", "policy.updates=20"]


def test_elsewhere_than_on_a_gpu_it_is_the_function_itself():
    called = []
    replayed = OneLaunch(lambda *inputs: called.append(inputs) or len(called))
    assert [replayed(torch.ones(2), None, (1, 2)) for _ in range(10)] == list(range(1, 11))
    assert all(torch.equal(inputs[0], torch.ones(2)) and inputs[1:] == (None, (1, 2)) for inputs in called)


@needs_cuda
def test_on_a_gpu_python_runs_a_few_times_and_the_computation_every_time():
    calls, total = [], torch.zeros(3, device="cuda")

    def add(values, factor):
        calls.append(factor)
        total.add_(values * factor)
        return total.sum()

    replayed = OneLaunch(add)
    sums = [float(replayed(torch.full((3,), float(number), device="cuda"), 2)) for number in range(10)]
    assert sums == [6.0 * sum(range(number + 1)) for number in range(10)]
    assert len(calls) == N_AS_THEY_ARE + 1


@needs_cuda
def test_what_differs_in_kind_is_not_replayed():
    replayed = OneLaunch(lambda values, factor: values.sum() * factor)
    for n, factor in [(2, 3)] * 6 + [(4, 3), (2, 5), (2, 3)]:
        assert float(replayed(torch.ones(n, device="cuda"), factor)) == n * factor


@needs_cuda
def test_a_generator_seeded_anew_gives_the_numbers_of_its_seed():
    of_replay, plain = (torch.Generator("cuda") for _ in range(2))
    replayed = OneLaunch(lambda n: torch.rand(4, generator=of_replay, device="cuda") * n, of_replay)
    for seed in (5, 6, 7, 8, 9, 5, 9):
        of_replay.manual_seed(seed)
        plain.manual_seed(seed)
        found = replayed(torch.ones(1, device="cuda"))
        assert torch.equal(found, torch.rand(4, generator=plain, device="cuda"))


@needs_cuda
@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["cost.network=mlp", "cost.members=2"],
        ["cost.network=mlp", "cost.aggregator=attention", "cost.gradient_penalty=0.1", "cost.input_masking=0.5"],
        ["cost.network=pairwise", "policy.loss=log_likelihood"],
        ["schedule=alternate", "rescore_every=7", "cost.failure_modes=2"],
        ["precision=bfloat16", "cost.network=mlp"],
        ["method=safedice", "baseline.gradient_penalty=10"],
        ["method=osil"],
        ["method=dwbc_nu"],
        ["method=trex_wbc"],
    ],
)
def test_a_run_that_is_replayed_ends_with_the_bits_of_one_that_is_not(monkeypatch, settings):
    config = RunConfig().with_values([*SHORT, *settings])
    data = on_cuda(crossing(preferred=(0, 2)))
    replayed = all_bits(train(data, config))
    monkeypatch.setattr(one_launch, "N_AS_THEY_ARE", 10**9)
    assert all_bits(train(data, config)) == replayed


@needs_cuda
def test_bags_are_the_same_ones_on_a_gpu():
    config = RunConfig().with_values([*SHORT, "cost.members=2"])
    drawn = []
    for data in (crossing(), on_cuda(crossing())):
        trainer = CostTrainer(CostNetwork(config.cost, data.sizes).to(data.device), data, config)
        drawn.append([batch.bags for batch in trainer._block(0)])
    for here, there in zip(*drawn, strict=True):
        assert torch.equal(here.steps, there.steps.cpu())
        torch.testing.assert_close(here.weights, there.weights.cpu())
