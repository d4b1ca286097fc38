"""Settings: frozen, checked where they are made, and said in one sentence when they are wrong."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safemil_core.config import (
    ENOUGH_PREFERRED,
    CostConfig,
    OptimiserConfig,
    PolicyConfig,
    RunConfig,
    WeightConfig,
    setting_names,
)
from safemil_core.errors import InvalidConfig, SafeMILError

configs = st.builds(
    RunConfig,
    cost=st.builds(
        CostConfig,
        hidden_sizes=st.lists(st.integers(1, 512), max_size=4).map(tuple),
        bag_size=st.integers(1, 4096),
        window=st.integers(0, 1000),
        gamma=st.floats(0.01, 1),
        learning_rate=st.floats(1e-6, 1),
        decay=st.booleans(),
        settle=st.floats(0, 0.99),
        aggregator=st.sampled_from(["sum", "log_sum_exp", "attention", "deep_sets"]),
        sharpness=st.floats(0.001, 1000),
        members=st.integers(1, 32),
        image_features=st.integers(1, 4096),
        preferred_weight=st.floats(0, 100),
        failure_modes=st.integers(1, 64),
        costly_rate=st.floats(1e-6, 1),
        relative_sparsity=st.booleans(),
    ),
    weights=st.builds(
        WeightConfig, scheme=st.sampled_from(["split", "trajectory", "step", "threshold"]), beta=st.floats(0.01, 1e6)
    ),
    policy=st.builds(PolicyConfig, components=st.integers(1, 32), decay=st.booleans()),
    schedule=st.sampled_from(["cost_first", "alternate"]),
    precision=st.sampled_from(["float32", "bfloat16"]),
    seed=st.integers(0, 2**31 - 1),
    normalise=st.booleans(),
)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        RunConfig().seed = 3
    with pytest.raises(ValidationError):
        RunConfig().cost.bag_size = 3


@given(configs)
def test_settings_come_back_from_json_as_they_were(config):
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert RunConfig(**config.model_dump()) == config


@given(configs)
def test_every_setting_can_be_assigned_by_the_name_it_has(config):
    """Other settings written as the command line spells them, over the defaults, give the same settings."""
    values = config.model_dump(mode="json")
    assignments = []
    for name in setting_names():
        value = values
        for key in name.split("."):
            value = value[key]
        assignments.append(f"{name}={value}")
    assert RunConfig().with_values(assignments) == config


def test_the_papers_settings_are_the_papers():
    paper = RunConfig.paper()
    assert (paper.cost.bag_size, paper.cost.gamma, paper.cost.hidden_sizes) == (128, 0.99, (256, 256))
    assert paper.cost.window in (1, 5, 10)
    assert paper.cost.updates == paper.policy.updates == 1_000_000
    assert (paper.weights.scheme, paper.weights.beta) == ("trajectory", 0.6)
    assert (paper.policy.components, paper.policy.hidden_sizes, paper.policy.loss) == (2, (256, 256), "squared_error")
    assert (paper.optimiser.kind, paper.optimiser.weight_decay, paper.optimiser.gradient_clip) == ("adamw", 0.01, 10)
    assert (paper.schedule, paper.cost.learning_rate, paper.policy.learning_rate) == ("alternate", 3e-4, 3e-4)
    # And none of our departures: one network of summed costs, no early end, no kinds of failure, all of it float32.
    assert not (paper.cost.decay or paper.policy.decay or paper.cost.settle)
    assert (paper.cost.costly_rate, paper.cost.sparsity, paper.cost.relative_sparsity) == (1, 0, False)
    assert (paper.cost.aggregator, paper.cost.members, paper.cost.failure_modes) == ("sum", 1, 1)
    assert paper.precision == "float32"


def test_a_run_without_settings_is_short_and_comes_to_an_end_by_itself():
    config = RunConfig()
    assert (config.cost.updates, config.cost.window, config.schedule) == (1_000, 1, "cost_first")
    assert config.cost.settle > 0
    assert config.cost.decay
    assert config.policy.decay


def test_settings_of_before_there_were_these_are_still_read():
    """A run keeps its settings; those that it does not name are as they are by default."""
    old = {"cost": {"bag_size": 32, "window": 10}, "policy": {"updates": 100}, "seed": 7}
    config = RunConfig.model_validate(old)
    assert (config.cost.bag_size, config.cost.members, config.seed) == (32, 1, 7)


def test_values_are_json_or_bare_words():
    config = RunConfig().with_values(
        ["cost.bag_size=64", "cost.hidden_sizes=[32, 16]", "weights.scheme=step", "normalise=False", " seed = 7 "]
    )
    assert config.cost.bag_size == 64
    assert config.cost.hidden_sizes == (32, 16)
    assert config.weights.scheme == "step"
    assert config.normalise is False
    assert config.seed == 7
    assert RunConfig().cost.bag_size == 128  # a copy was changed


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("cost.bag_size", "expected key=value, got 'cost.bag_size'; for example cost.bag_size=64"),
        ("cost.bags=3", "unknown setting 'cost.bags'; the settings are cost.network, "),
        ("cost=3", "unknown setting 'cost'"),
        ("seed.x=3", "unknown setting 'seed.x'"),
        ("=3", "unknown setting ''"),
        ("cost.bag_size=0", "cost.bag_size must be greater than or equal to 1, got 0"),
        ("cost.bag_size=many", "cost.bag_size must be a valid integer"),
        ("cost.bag_size=", "cost.bag_size must be a valid integer"),
        ("cost.bag_size=" + "9" * 5000, "cost.bag_size must be"),
        ("cost.gamma=1.5", "cost.gamma must be less than or equal to 1, got 1.5"),
        ("cost.learning_rate=NaN", "cost.learning_rate must be a finite number, got nan"),
        ("cost.settle=1", "cost.settle must be less than 1, got 1"),
        ("cost.aggregator=max", "cost.aggregator must be 'sum', 'log_sum_exp', 'attention' or 'deep_sets', got 'max'"),
        ("cost.sharpness=0", "cost.sharpness must be greater than or equal to 0.001, got 0"),
        ("cost.members=33", "cost.members must be less than or equal to 32, got 33"),
        ("cost.failure_modes=0", "cost.failure_modes must be greater than or equal to 1, got 0"),
        ("cost.costly_rate=0", "cost.costly_rate must be greater than 0, got 0"),
        ("cost.costly_rate=1.5", "cost.costly_rate must be less than or equal to 1, got 1.5"),
        ("cost.preferred_weight=-1", "cost.preferred_weight must be greater than or equal to 0, got -1"),
        ("schedule=both", "schedule must be 'cost_first' or 'alternate', got 'both'"),
        ("precision=float16", "precision must be 'float32' or 'bfloat16', got 'float16'"),
        ("weights.beta=0", "weights.beta must be greater than 0, got 0"),
        ("weights.scheme=soft", "weights.scheme must be 'split', 'trajectory', 'step' or 'threshold', got 'soft'"),
        ("policy.hidden_sizes=[0]", "policy.hidden_sizes.0 must be greater than or equal to 1, got 0"),
        ("seed=-1", "seed must be greater than or equal to 0, got -1"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(assignment, message):
    with pytest.raises(InvalidConfig, match=re.escape(message)) as caught:
        RunConfig().with_values([assignment])
    assert "\n" not in str(caught.value)


def test_few_preferred_marks_weigh_less_than_many():
    cost = CostConfig(preferred_weight=2.0)
    assert [cost.weight_of_preferred(n) for n in (0, 1, ENOUGH_PREFERRED // 2, ENOUGH_PREFERRED, 1_000)] == [
        0, 2 / ENOUGH_PREFERRED, 1, 2, 2,
    ]  # fmt: skip


def test_what_a_file_of_an_earlier_version_does_not_know_is_as_it_was_then():
    values = RunConfig(seed=3).model_dump()
    for name in ("network", "inputs", "sparsity", "gradient_penalty", "input_masking"):
        del values["cost"][name]
    then = RunConfig.of_file(values)
    assert (then.seed, then.cost.network, then.cost.inputs, then.cost.sparsity) == (3, "mlp", "all", 0)
    now = RunConfig().with_values(["cost.network=additive", "cost.sparsity=0.5"])
    assert RunConfig.of_file(now.model_dump()) == now


def test_curves_of_before_their_sparsity_was_relative_keep_theirs():
    values = RunConfig().with_values(["cost.sparsity=0.005"]).model_dump()
    for name in ("relative_sparsity", "costly_rate"):
        del values["cost"][name]
    then = RunConfig.of_file(values).cost
    assert (then.network, then.sparsity, then.relative_sparsity, then.costly_rate) == ("additive", 0.005, False, 1)


def test_a_gradient_penalty_needs_a_logit():
    with pytest.raises(InvalidConfig, match="deep_sets has none; use another"):
        RunConfig().with_values(["cost.gradient_penalty=1", "cost.aggregator=deep_sets"])


def test_an_unknown_setting_is_refused_where_it_is_made():
    with pytest.raises(InvalidConfig, match="unknown setting 'bags'"):
        CostConfig(bags=3)


@given(st.text(max_size=30), st.text(max_size=10))
def test_any_assignment_is_taken_or_refused_in_words(key, value):
    try:
        RunConfig().with_values([f"{key}={value}"])
    except SafeMILError as problem:
        assert str(problem)


@given(st.sampled_from(setting_names()), st.text(max_size=12))
def test_any_value_of_any_setting_is_taken_or_refused_in_words(name, value):
    try:
        RunConfig().with_values([f"{name}={value}"])
    except SafeMILError as problem:
        assert str(problem)


@pytest.mark.parametrize("section", [CostConfig, WeightConfig, PolicyConfig, OptimiserConfig])
def test_every_setting_says_what_turning_it_up_does(section):
    for name, field in section.model_fields.items():
        assert len(field.description or "") > 20, name
