"""Networks in files: the same to the bit when read back, safetensors, and refused in words when they are not."""

import json
import re
import struct

import pytest
import torch
from safetensors.torch import save_file

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.errors import NotReady
from safemil_core.learning.model_files import load_cost, load_policy, load_state, save_cost, save_policy, save_state
from safemil_core.learning.networks import CostNetwork, Sizes
from safemil_core.learning.policies import CategoricalPolicy, MixturePolicy

COST, POLICY = CostConfig(inputs="all", hidden_sizes=(8, 4)), PolicyConfig(hidden_sizes=(8,), components=3)
SIZES = Sizes(3, 2)


@pytest.fixture
def cost(tmp_path):
    network = CostNetwork(COST, SIZES)
    network.normaliser.fit([torch.randn(50, 5)])
    save_cost(tmp_path / "cost.safetensors", network, COST, SIZES)
    return network, tmp_path / "cost.safetensors"


@pytest.fixture
def policy(tmp_path):
    network = MixturePolicy(POLICY, SIZES)
    network.normaliser.fit([torch.randn(50, 3)])
    save_policy(tmp_path / "policy.safetensors", network, POLICY, SIZES)
    return network, tmp_path / "policy.safetensors"


def test_a_cost_network_comes_back_to_the_bit(cost):
    network, path = cost
    again = load_cost(path)
    assert not again.training
    observations, actions = torch.randn(20, 3), torch.randn(20, 2)
    assert torch.equal(again(observations, actions), network(observations, actions))
    assert all(torch.equal(again.state_dict()[key], value) for key, value in network.state_dict().items())


def test_a_policy_comes_back_to_the_bit(policy):
    network, path = policy
    again, observations = load_policy(path), torch.randn(20, 3)
    assert torch.equal(again(observations), network(observations))
    of_batch, actions = observations.unsqueeze(0), torch.zeros(1, 20, 2)
    assert torch.equal(*(n.log_likelihood(of_batch, actions) for n in (again, network)))


@pytest.mark.parametrize("aggregator", ["sum", "log_sum_exp", "attention", "deep_sets"])
def test_an_ensemble_comes_back_with_its_aggregator_to_the_bit(aggregator, tmp_path):
    config = CostConfig(hidden_sizes=(8,), members=3, aggregator=aggregator, sharpness=7)
    network = CostNetwork(config, SIZES)
    save_cost(tmp_path / "cost.safetensors", network, config, SIZES)
    again = load_cost(tmp_path / "cost.safetensors")
    observations, actions = torch.randn(9, 3), torch.randn(9, 2)
    assert torch.equal(again.each(observations, actions), network.each(observations, actions))
    said = network.outputs(observations.unsqueeze(0), actions.unsqueeze(0))
    assert torch.equal(*(n.aggregator.score(said, torch.ones(3, 9)) for n in (again, network)))


def test_a_policy_of_discrete_actions_comes_back_as_one(tmp_path):
    sizes = Sizes(3, 5, choices=(2, 3))
    network = CategoricalPolicy(POLICY, sizes)
    save_policy(tmp_path / "policy.safetensors", network, POLICY, sizes)
    again, observations = load_policy(tmp_path / "policy.safetensors"), torch.randn(20, 3)
    assert isinstance(again, CategoricalPolicy)
    assert torch.equal(again(observations), network(observations))


def test_a_file_is_safetensors_that_says_what_it_is(policy):
    content = policy[1].read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = json.loads(header.pop("__metadata__")["safemil"])
    assert about["kind"] == "policy"
    assert (about["observations"], about["actions"], about["choices"], about["images"]) == (3, 2, [], [])
    assert about["config"]["components"] == 3
    assert header.keys() == policy[0].state_dict().keys()
    assert not content.startswith((b"\x80", b"PK"))  # pickle, or torch.save's zip of one


def test_equal_networks_make_equal_files(policy, tmp_path):
    network, path = policy
    save_policy(tmp_path / "again.safetensors", network, POLICY, SIZES)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_nothing_else_is_left_in_the_folder(cost, tmp_path):
    assert [path.name for path in tmp_path.iterdir()] == ["cost.safetensors"]


def test_the_wrong_kind_is_refused(cost, policy):
    with pytest.raises(NotReady, match=r"cost\.safetensors does not hold a policy network; train again"):
        load_policy(cost[1])
    with pytest.raises(NotReady, match=r"policy\.safetensors does not hold a cost network; train again"):
        load_cost(policy[1])


def _refused(path):
    with pytest.raises(NotReady, match=rf"{re.escape(path.name)} .*; train again") as caught:
        load_cost(path)
    assert "\n" not in str(caught.value).strip()


def test_a_damaged_file_is_refused(cost, tmp_path):
    content = cost[1].read_bytes()
    for damaged in (b"", content[:5], content[:100], content[:-10], b"\xff" * 100, content[8:]):
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(damaged)
        _refused(path)
    _refused(tmp_path / "missing.safetensors")


def test_pickles_are_not_opened(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save(Harm(), tmp_path / "cost.safetensors")
    _refused(tmp_path / "cost.safetensors")
    assert not (tmp_path / "harm").exists()


def said(**changes):
    """What a file says of itself; without changes, of a network of which it does not hold the weights."""
    about = {"kind": "cost", "observations": 3, "actions": 2, "choices": [], "images": [], "config": COST.model_dump()}
    return json.dumps(about | changes)


@pytest.mark.parametrize(
    "about",
    [
        None,
        {"kind": "cost"},
        {"safemil": "no json"},
        {"safemil": "[1]"},
        {"safemil": '{"kind": "cost"}'},
        {"safemil": '{"kind": "cost", "observations": 3, "actions": 2}'},
        {"safemil": said(observations="three")},
        {"safemil": said(choices=3)},
        {"safemil": said(images=[[1, 2]])},
        {"safemil": said(config=[1])},
        {"safemil": said(config={"stranger": 1})},
        {"safemil": said()},
    ],
)
def test_somebody_elses_safetensors_are_refused(tmp_path, about):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata=about)
    _refused(path)


def test_a_failed_write_keeps_the_old_file(cost):
    path = cost[1]
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        save_cost(path, None, COST, SIZES)
    assert path.read_bytes() == before


def test_a_state_comes_back_to_the_bit(tmp_path):
    path = tmp_path / "checkpoints" / "00000020.safetensors"
    state = {
        "loop/turn": torch.tensor(20),
        "loop/is_learned": torch.tensor(True),
        "cost/body.0.weight": torch.randn(2, 3, 4).mT,  # need not lie in order in memory
        "loop/seconds": torch.tensor(1.25, dtype=torch.float64),
    }
    save_state(path, state)
    again = load_state(path)
    assert again.keys() == state.keys()
    for name, tensor in state.items():
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], tensor)
    assert [of.name for of in path.parent.iterdir()] == [path.name]


def test_a_state_that_cannot_be_read_whole_is_refused(tmp_path):
    path = tmp_path / "00000020.safetensors"
    sentence = r"00000020\.safetensors cannot be read as a checkpoint \(.+\); use an earlier one"
    with pytest.raises(NotReady, match=sentence):
        load_state(path)
    save_state(path, {"a": torch.zeros(100)})
    whole = path.read_bytes()
    for damaged in (b"", whole[:7], whole[:50], whole[:-1], whole[8:]):
        path.write_bytes(damaged)
        with pytest.raises(NotReady, match=sentence) as caught:
            load_state(path)
        assert "\n" not in str(caught.value)
