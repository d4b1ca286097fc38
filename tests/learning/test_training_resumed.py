"""Training that goes on from any of its turns comes to the bits of one that never ended."""

import numpy as np
import pytest
import torch
from factories import TINY
from learning_cases import RemoteData, all_bits, crossing

from safemil_core.errors import NotReady
from safemil_core.learning import cloners, settling
from safemil_core.learning.model_files import load_state, save_state
from safemil_core.learning.training import train

BRIEF = TINY.with_values(
    ["cost.updates=8", "policy.updates=6", "cost.hidden_sizes=[4]", "policy.hidden_sizes=[4]", "cost.bag_size=3",
     "policy.batch_size=4", "rescore_every=3", "log_every=1", "checkpoint_every=1"]
)  # fmt: skip


def trained(config, data, **options):
    """Bits of the networks, the costs that were told, states by turn, and reports without their seconds."""
    costs, states, reports = [], {}, []
    networks = train(
        data,
        config,
        on_costs=lambda _, found, __: costs.append(found),
        on_checkpoint=states.__setitem__,
        on_report=lambda report: reports.append((report.update, report.total, without_seconds(report.metrics))),
        **options,
    )
    return all_bits(networks), costs, states, reports


def without_seconds(metrics):
    return {name: value for name, value in metrics.items() if name != "seconds"}


def same_costs(found, expected):
    return all(
        np.array_equal(of, other)
        for one, another in zip(found, expected, strict=True)
        for of, other in ((one.mean, another.mean), (one.spread, another.spread))
        if of is not None or other is not None
    )


def same_states(found, expected):
    """All but how long it took."""
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in expected if name != "loop/seconds"
    )


SETTINGS = [
    "",
    "schedule=alternate",
    "schedule=alternate cost.updates=3",
    "cost.failure_modes=2",
    "cost.failure_modes=2 schedule=alternate",
    "cost.members=2",
    "cost.members=2 cost.failure_modes=3 cost.window=0 schedule=alternate",
    "cost.decay=false policy.decay=false",
    "cost.aggregator=log_sum_exp cost.members=2",
    "cost.aggregator=attention cost.members=2",
    "cost.aggregator=deep_sets cost.members=2",
    "optimiser.kind=adam policy.loss=log_likelihood weights.scheme=trajectory",
    "cost.settle=0.9 cost.updates=12",
    "cost.settle=0.9 cost.updates=12 schedule=alternate cost.failure_modes=2",
    "precision=bfloat16",
    "normalise=false cost.window=4",
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_interrupted_at_any_turn_it_comes_to_the_same_bits_costs_and_reports(settings, monkeypatch):
    monkeypatch.setattr(settling, "FIRST_LOOK", 3)
    config, data = BRIEF.with_values(settings.split()), crossing(preferred=(0, 2))
    bits, costs, states, reports = trained(config, data)
    last, total, _ = reports[-1]
    assert list(states) == list(range(1, last + 1))
    learned = max(update for update, _, metrics in reports if "cost_loss" in metrics)
    assert ("settle" in settings) == (learned < config.cost.updates)
    assert last == total
    for turn, state in states.items():
        resumed = trained(config, data, resume=state)
        assert resumed[0] == bits
        assert resumed[3] == reports[turn:]
        assert same_costs(resumed[1], costs if turn < learned else [])  # they are told once
        assert all(same_states(resumed[2][later], states[later]) for later in range(turn + 1, last + 1))


def test_a_state_is_not_changed_by_going_on_from_it():
    data = crossing()
    bits, _, states, _ = trained(BRIEF, data)
    state = states[5]
    kept = {name: tensor.clone() for name, tensor in state.items()}
    for _ in range(2):
        assert trained(BRIEF, data, resume=state)[0] == bits
    assert all(torch.equal(state[name], tensor) for name, tensor in kept.items())


def test_going_on_from_a_file_and_stopping_at_every_turn_comes_to_the_same_bits(tmp_path):
    config, data, path = BRIEF.with_values(["cost.failure_modes=2"]), crossing(), tmp_path / "state.safetensors"
    bits, costs, _, _ = trained(config, data)
    resume = None
    for _ in range(14):
        found, told, states, _ = trained(config, data, resume=resume, should_stop=lambda: True)
        save_state(path, max(states.items())[1])
        resume = load_state(path)
        if len(told) == 1 and bool(resume["learning/is_over"]):
            assert same_costs(told, costs)
    assert int(resume["loop/turn"]) == 14
    assert found == bits


def test_with_data_from_outside_the_device_too():
    config, data = BRIEF.with_values(["cost.failure_modes=2"]), crossing(kind=RemoteData)
    bits, _, states, _ = trained(config, data)
    assert bits == trained(config, crossing())[0]
    for turn in (1, 4, 8, 11):
        assert trained(config, data, resume=states[turn])[0] == bits


def test_with_a_process_beside_this_one_too(monkeypatch):
    """With every update of the policies worth one."""
    config, data = BRIEF.with_values(["schedule=alternate", "policy.updates=10"]), crossing()
    bits, _, states, reports = trained(config, data)
    monkeypatch.setattr(cloners, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(cloners, "n_cores", lambda: 2)
    for turn in (1, 4, 9):
        resumed = trained(config, data, resume=states[turn])
        assert (resumed[0], resumed[3]) == (bits, reports[turn:])
        assert all(same_states(resumed[2][later], states[later]) for later in range(turn + 1, 11))


def test_what_has_come_to_its_end_is_not_trained_on():
    data = crossing()
    bits, _, states, _ = trained(BRIEF, data)
    assert trained(BRIEF, data, resume=states[14]) == (bits, [], {}, [])


def test_it_tells_how_long_all_of_it_took():
    data, seconds = crossing(), []
    _, _, states, _ = trained(BRIEF, data)
    spent = [float(state["loop/seconds"]) for state in states.values()]
    assert 0 < spent[0] < spent[-1]
    state = states[5] | {"loop/seconds": torch.tensor(1_000.0, dtype=torch.float64)}
    train(data, BRIEF, resume=state, on_report=lambda report: seconds.append(report.metrics["seconds"]))
    assert seconds == sorted(seconds)
    assert 1_000 < seconds[0] < 1_100


@pytest.mark.parametrize(
    "other",
    [
        "cost.network=mlp", "cost.inputs=all", "cost.members=2", "cost.aggregator=attention",
        "cost.aggregator=deep_sets", "policy.hidden_sizes=[5]", "policy.components=3",
    ],
)  # fmt: skip
def test_a_checkpoint_of_other_settings_is_refused_in_a_sentence(other):
    data = crossing()
    for turn in (3, 12):  # before and after there are policies
        state = trained(BRIEF, data)[2][turn]
        with pytest.raises(NotReady, match="the checkpoint does not belong to these settings") as caught:
            trained(BRIEF.with_values([other]), data, resume=state)
        assert str(caught.value).endswith("; start a new run")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["loop", "cost", "cloners", "trainer", "settling"])
def test_a_checkpoint_without_one_of_its_parts_is_refused_in_a_sentence(part):
    data = crossing()
    state = trained(BRIEF, data)[2][5]
    torn = {name: tensor for name, tensor in state.items() if not name.startswith(f"{part}/")}
    assert len(torn) < len(state)
    with pytest.raises(NotReady, match="the checkpoint does not belong to these settings") as caught:
        trained(BRIEF, data, resume=torn)
    assert "\n" not in str(caught.value)
