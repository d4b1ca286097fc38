"""What is true of every method: its settings, its weights, and going on from a checkpoint."""

from typing import get_args

import numpy as np
import pytest
from baseline_cases import config
from learning_cases import all_bits, bits, crossing

from safemil_core.config import Method, RunConfig
from safemil_core.learning.baselines.settings import COSTLESS, as_trained
from safemil_core.learning.training import longest, train

LEARNED = [method for method in get_args(Method) if method not in COSTLESS]


@pytest.mark.parametrize("method", get_args(Method))
def test_settings_as_trained_stay_as_they_are(method):
    once = as_trained(RunConfig(method=method))
    assert as_trained(once) == once


def test_safemil_the_oracles_and_plain_cloning_have_the_settings_that_were_asked_for():
    for method in ("safemil", *COSTLESS):
        asked = RunConfig(method=method)
        assert as_trained(asked) is asked


@pytest.mark.parametrize("method", ["dwbc_nu", "trex_wbc", "safedice", "osil"])
def test_a_baseline_has_the_papers_network_and_learns_as_long_as_its_own_settings_say(method):
    asked = RunConfig().with_values(
        [f"method={method}", "cost.network=additive", "cost.sparsity=0.1", "cost.updates=7", "cost.gamma=0.9",
         "baseline.updates=30", "baseline.batch_size=5"]
    )  # fmt: skip
    cost = as_trained(asked).cost
    assert (cost.network, cost.sparsity, cost.members, cost.settle) == ("mlp", 0, 1, 0)
    assert (cost.updates, cost.bag_size, cost.gamma) == (30, 5, 0.9)
    assert longest(asked) == 30 + asked.policy.updates


@pytest.mark.parametrize("method", LEARNED)
def test_a_method_goes_on_from_a_checkpoint_to_the_bit(method):
    brief = config(method, "baseline.updates=12", "baseline.batch_size=8", "policy.updates=6", "checkpoint_every=9")
    states = {}
    whole = train(crossing(), brief.with_values(["cost.updates=12"]), on_checkpoint=states.__setitem__)
    assert {9, 12} <= states.keys()
    for state in states.values():
        again = train(crossing(), brief.with_values(["cost.updates=12"]), resume=state)
        assert all_bits(again) == all_bits(whole)


def test_given_weights_are_cloned_and_no_cost_is_learned():
    data, told = crossing(), []
    last = np.zeros(data.n_steps)
    last[-1] = 1.0  # the safe policy sees one step, over and over
    of_oracle = config("oracle_bc", "policy.updates=200", "policy.loss=squared_error", "policy.learning_rate=0.01")
    networks = train(data, of_oracle, weights=last, on_costs=lambda *_: told.append(1))
    assert networks.cost is None
    assert not told
    found = networks.safe(data.observations[-1:])
    np.testing.assert_allclose(found.detach().numpy(), data.actions[-1:].numpy(), atol=0.15)
    other = train(data, of_oracle, weights=np.ones(data.n_steps))
    assert bits(other.bc) == bits(networks.bc)  # plain cloning beside it does not go by them


def test_weights_are_given_to_those_methods_alone_that_learn_none():
    with pytest.raises(ValueError, match="bc does not learn its weights"):
        train(crossing(), config("bc"))
    with pytest.raises(ValueError, match="safemil learns its weights"):
        train(crossing(), config("safemil"), weights=np.ones(640))
