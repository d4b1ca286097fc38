"""Discrete actions from a file to rollouts by the command line, in gymnasium's own cart with a pole."""

import gymnasium
import numpy as np
import pytest
import tiny_environments

from safemil_core.learning.model_files import load_cost, load_policy
from safemil_core.learning.policies import CategoricalPolicy
from safemil_core.running.runs import RunStore

SETTINGS = [
    "cost.network=mlp", "cost.inputs=all",
    "cost.hidden_sizes=[32]", "cost.bag_size=32", "cost.updates=150", "policy.hidden_sizes=[32]", "policy.updates=400",
    "weights.scheme=trajectory", "weights.beta=0.5",
]  # fmt: skip


def driven(seed, goal):
    """Steps of an episode that balances the pole and heads for a place: observation, action, reward, cost, its end."""
    cart = gymnasium.make("CostlyCart-v0")
    observation, _ = cart.reset(seed=seed)
    is_last = False
    while not is_last:
        x, speed, angle, turning = observation
        action = int(angle + 0.4 * turning + 0.12 * (x - goal) + 0.25 * speed > 0)
        seen, reward, is_down, is_late, info = cart.step(action)
        is_last = is_down or is_late
        yield observation, action, reward, info["cost"], is_last
        observation = seen


@pytest.fixture
def file(tmp_path):
    """30 episodes; two of three head for where it costs."""
    steps = [step for number in range(30) for step in driven(number, goal=2.0 * (number % 3 > 0))]
    names = ("observations", "actions", "rewards", "costs", "timeouts")
    arrays = dict(zip(names, map(np.array, zip(*steps, strict=True)), strict=True))
    np.savez(tmp_path / "carts.npz", **arrays)
    return tmp_path / "carts.npz"


def test_choices_are_imported_learned_from_and_made_in_rollouts(file, json_of, workspace):
    env = f"{tiny_environments.__name__}:CostlyCart-v0"
    assert json_of("import", file, "--env", env)["n_actions"] == 1
    json_of("label", "carts", "--non-preferred", "1,2,4,5,7,8,10,11")
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    trained = json_of("train", "carts", "--device", "cpu", *given)
    assert trained["step_auc"] > 0.7
    run = RunStore(workspace).open(trained["run"])
    policy, cost = load_policy(run.model("safe")), load_cost(run.model("cost"))
    assert isinstance(policy, CategoricalPolicy)
    assert cost.body.sizes[0][0] == 4 + 2  # an input for each of both choices

    policies = json_of("evaluate", trained["run"], "--episodes", "4")["policies"]
    assert [len(policies[name]["episodes"]) for name in ("safe", "bc")] == [4, 4]
    assert policies["safe"]["length"]["mean"] > 25  # the pole stays up
    assert policies["safe"]["cost"]["mean"] < policies["bc"]["cost"]["mean"]
    for episode in policies["bc"]["episodes"]:
        assert 0 < episode["learned_cost"] < episode["length"]
