"""The policy in NumPy: torch's actions to 1e-5, of every kind that sees numbers."""

import numpy as np
import pytest
import torch
from learning_cases import generator
from safetensors import safe_open
from safetensors.torch import save_file

from safemil_core.config import PolicyConfig
from safemil_core.errors import InvalidConfig, NotReady
from safemil_core.learning.model_files import load_policy, save_policy
from safemil_core.learning.networks import Sizes
from safemil_core.learning.policies import make_policy
from safemil_core.learning.policy_function import read_policy_function

KINDS = {
    "one Gaussian": (PolicyConfig(components=1, hidden_sizes=(16,)), Sizes(3, 2)),
    "mixture": (PolicyConfig(components=3, hidden_sizes=(16, 8)), Sizes(3, 2)),
    "no hidden layer": (PolicyConfig(components=2, hidden_sizes=()), Sizes(3, 1)),
    "choices": (PolicyConfig(hidden_sizes=(16,)), Sizes(3, 5, choices=(3, 2))),
}


def saved(path, config, sizes):
    """A policy with large weights, which learned from observations and actions far from 0."""
    torch.manual_seed(1)
    policy = make_policy(config, sizes)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.mul_(4)
    seen = torch.randn(50, 3, generator=generator()) * 4 + 2
    done = torch.empty(50, sizes.actions).uniform_(-20, 80)
    policy.fit(lambda: [(seen, done)])
    save_policy(path, policy, config, sizes)
    return policy.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_actions_are_torchs(tmp_path, kind):
    policy = saved(tmp_path / "p.safetensors", *KINDS[kind])
    observations = torch.randn(200, 3, generator=generator(2)) * 4 + 2
    with torch.inference_mode():
        expected = policy(observations).numpy()
    found = read_policy_function(tmp_path / "p.safetensors").act(observations.numpy())
    assert found.dtype == expected.dtype
    assert len(np.unique(found, axis=0)) > (4 if kind == "choices" else 100)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


def test_a_policy_of_an_earlier_version_knew_no_range_of_actions_but_1(tmp_path):
    config, sizes = KINDS["mixture"]
    path, policy = tmp_path / "p.safetensors", make_policy(config, sizes)
    save_policy(path, policy, config, sizes)
    with safe_open(path, framework="pt") as file:
        kept, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    save_file({name: of for name, of in kept.items() if not name.startswith("range.")}, path, metadata=about)
    observations = torch.randn(20, 3)
    with torch.inference_mode():
        expected = policy(observations).numpy()
        np.testing.assert_array_equal(load_policy(path)(observations).numpy(), expected)
    np.testing.assert_allclose(read_policy_function(path).act(observations.numpy()), expected, atol=1e-5)


def test_a_policy_that_sees_images_is_refused_in_a_sentence(tmp_path):
    config, sizes = PolicyConfig(hidden_sizes=(4,)), Sizes(3, 2, images=((8, 8, 3),))
    save_policy(tmp_path / "p.safetensors", make_policy(config, sizes), config, sizes)
    with pytest.raises(InvalidConfig, match="this policy sees images, which only torch can look at"):
        read_policy_function(tmp_path / "p.safetensors")


def test_what_is_no_policy_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "p.safetensors"
    with pytest.raises(NotReady, match=r"p.safetensors cannot be read as a policy network .*; train again"):
        read_policy_function(path)
    path.write_bytes(b"no network")
    with pytest.raises(NotReady, match=r"p.safetensors cannot be read as a policy network .*; train again"):
        read_policy_function(path)
