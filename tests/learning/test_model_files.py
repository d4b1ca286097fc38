"""Networks in files: the same to the bit when read back, safetensors, and refused in words when they are not."""

import json
import re
import struct

import pytest
import torch
from safetensors.torch import save_file

from safemil_core.config import CostConfig, PolicyConfig
from safemil_core.errors import NotReady
from safemil_core.learning.model_files import load_cost, load_policy, save_cost, save_policy
from safemil_core.learning.networks import CostNetwork, MixturePolicy

COST, POLICY = CostConfig(hidden_sizes=(8, 4)), PolicyConfig(hidden_sizes=(8,), components=3)


@pytest.fixture
def cost(tmp_path):
    network = CostNetwork(COST, 3, 2)
    network.normaliser.fit([torch.randn(50, 5)])
    save_cost(tmp_path / "cost.safetensors", network, COST, 3, 2)
    return network, tmp_path / "cost.safetensors"


@pytest.fixture
def policy(tmp_path):
    network = MixturePolicy(POLICY, 3, 2)
    network.normaliser.fit([torch.randn(50, 3)])
    save_policy(tmp_path / "policy.safetensors", network, POLICY, 3, 2)
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
    assert torch.equal(*(n.log_likelihood(observations, torch.zeros(20, 2)) for n in (again, network)))


def test_a_file_is_safetensors_that_says_what_it_is(policy):
    content = policy[1].read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = json.loads(header.pop("__metadata__")["safemil"])
    assert about["kind"] == "policy"
    assert (about["n_observations"], about["n_actions"]) == (3, 2)
    assert about["config"]["components"] == 3
    assert header.keys() == policy[0].state_dict().keys()
    assert not content.startswith((b"\x80", b"PK"))  # pickle, or torch.save's zip of one


def test_equal_networks_make_equal_files(policy, tmp_path):
    network, path = policy
    save_policy(tmp_path / "again.safetensors", network, POLICY, 3, 2)
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


@pytest.mark.parametrize(
    "about",
    [
        None,
        {"kind": "cost"},
        {"safemil": "no json"},
        {"safemil": "[1]"},
        {"safemil": '{"kind": "cost"}'},
        {"safemil": '{"kind": "cost", "n_observations": "three", "n_actions": 2, "config": {}}'},
        {"safemil": '{"kind": "cost", "n_observations": 3, "n_actions": 2, "config": [1]}'},
        {"safemil": '{"kind": "cost", "n_observations": 3, "n_actions": 2, "config": {"stranger": 1}}'},
        {"safemil": f'{{"kind": "cost", "n_observations": 3, "n_actions": 2, "config": {COST.model_dump_json()}}}'},
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
        save_cost(path, None, COST, 3, 2)
    assert path.read_bytes() == before
