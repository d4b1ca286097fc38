"""Each finding from metrics made by hand, as while a run trains; none from those of a healthy run."""

import numpy as np
import pandas as pd
import pytest

from safemil_core.assessment.doctor.signs import LOG_2, RECENT_ROWS
from safemil_core.assessment.doctor.while_training import diagnose
from safemil_core.config import CostConfig, RunConfig, WeightConfig

N = 20


def metrics(n=N, **changes):
    """Rows of a healthy run, with columns changed."""
    wave = 0.01 * np.cos(np.arange(n))
    columns = {
        "update": np.arange(1, n + 1) * 25,
        "seconds": np.arange(n) * 0.1,
        "cost_loss": np.linspace(0.69, 0.3, n),
        "score_non_preferred": 0.7 + wave,
        "score_unlabelled": 0.2 - wave,
        "policy_loss": np.linspace(1, 0.1, n),
        "bc_loss": np.linspace(1, 0.2, n),
        "cost_mean": np.full(n, 0.3),
        "cost_spread": np.full(n, 0.25),
        "saturated": np.full(n, 0.1),
        "effective_trajectories": np.full(n, 80.0),
    }
    return pd.DataFrame({**columns, **changes})


def causes(table, config=None):
    return [finding.cause for finding in diagnose(table, config or RunConfig())]


ALIKE = {
    "cost_loss": LOG_2 + 0.001 * np.cos(np.arange(N)),
    "score_non_preferred": 0.5 + 0.01 * np.cos(np.arange(N)),
    "score_unlabelled": 0.5 + 0.01 * np.sin(np.arange(N)),
}


def test_a_healthy_run_has_no_findings():
    assert causes(metrics()) == []


def test_nothing_is_said_before_anything_is_known():
    assert diagnose(pd.DataFrame(), RunConfig()) == []
    assert causes(metrics(**ALIKE).head(RECENT_ROWS - 1)) == []
    assert causes(metrics(**ALIKE).head(RECENT_ROWS)) == ["indistinguishable"]


def test_only_the_recent_past_counts():
    recovered = metrics(cost_spread=np.r_[np.zeros(N - RECENT_ROWS), np.full(RECENT_ROWS, 0.3)])
    assert causes(recovered) == []


OF_POLICIES = ["policy_loss", "bc_loss", "effective_trajectories"]


def cost_first(table, n_after=2 * N):
    """The rows of a run whose policies begin when the cost is learned: neither has values while the other learns."""
    after = metrics(n_after)[["update", "seconds", *OF_POLICIES]]
    return pd.concat([table.drop(columns=OF_POLICIES), after], ignore_index=True)


def test_what_was_wrong_with_the_cost_stays_so_while_the_policies_learn():
    assert causes(cost_first(metrics())) == []
    assert causes(cost_first(metrics(**ALIKE))) == ["indistinguishable"]
    assert causes(cost_first(metrics(saturated=np.full(N, 0.99)))) == ["saturation"]


def test_weights_are_judged_once_policies_learn_by_them():
    config = RunConfig(weights=WeightConfig(scheme="trajectory"))
    table = cost_first(metrics())
    table.loc[N:, "effective_trajectories"] = 2.0
    assert causes(table, config) == ["few_effective"]
    assert causes(table.head(N), config) == []


def test_a_run_of_policies_alone_says_nothing_of_a_cost():
    assert causes(metrics().drop(columns=["cost_loss", "cost_mean", "cost_spread", "saturated"])) == []


def test_bags_that_score_alike_are_a_collapse():
    (finding,) = diagnose(metrics(**ALIKE), RunConfig())
    assert finding.symptom == "collapse"
    assert "log 2 = 0.693" in finding.evidence
    assert "cannot be told from the unlabelled" in finding.why


def test_a_flat_cost_is_a_collapse():
    assert causes(metrics(cost_spread=np.full(N, 0.005))) == ["indistinguishable"]


def test_a_loss_at_chance_with_a_clear_gap_is_none():
    """Windows of one step: the gap is small, yet steady."""
    wave = 0.002 * np.cos(np.arange(N))
    small = metrics(
        cost_loss=np.full(N, LOG_2 - 0.005), score_non_preferred=0.51 + wave, score_unlabelled=np.full(N, 0.5)
    )
    assert causes(small) == []


@pytest.mark.parametrize(
    ("table", "config", "settings", "word"),
    [
        (metrics(**ALIKE), CostConfig(bag_size=4), ("cost.bag_size=64",), "bags are so small"),
        (metrics(**ALIKE), CostConfig(learning_rate=0.5), ("cost.learning_rate=0.001",), "learning rate is too high"),
        (metrics(**ALIKE, saturated=np.full(N, 0.9)), CostConfig(), ("cost.learning_rate=0.0008",), "saturated"),
        (metrics(cost_spread=np.zeros(N)), CostConfig(sparsity=0.1), ("cost.sparsity=0.0007",), "having no effect"),
    ],
)
def test_a_collapse_names_its_likely_cause_and_settings_that_cure_it(table, config, settings, word):
    config = RunConfig(cost=config)
    (finding,) = diagnose(table, config)
    assert finding.symptom == "collapse"
    assert word in finding.why
    assert finding.settings == settings
    assert settings[0] in finding.cure
    assert config.with_values(finding.settings) != config


def test_a_sigmoid_at_its_ends_is_saturation():
    config = RunConfig()
    (finding,) = diagnose(metrics(saturated=np.full(N, 0.99)), config)
    assert finding.cause == "saturation"
    assert finding.evidence == "99% of the steps have c below 0.01 or above 0.99"
    assert config.with_values(finding.settings).cost.learning_rate == pytest.approx(config.cost.learning_rate / 10)


@pytest.mark.parametrize("scheme", ["trajectory", "threshold"])
def test_weights_on_a_handful_of_trajectories(scheme):
    config = RunConfig(weights=WeightConfig(scheme=scheme, beta=0.6, threshold=2))
    (finding,) = diagnose(metrics(effective_trajectories=np.full(N, 2.345)), config)
    assert finding.cause == "few_effective"
    assert "worth 2.3 equally weighted trajectories" in finding.evidence
    changed = config.with_values(finding.settings).weights
    assert (changed.beta, changed.threshold) == ((2.4, 2) if scheme == "trajectory" else (0.6, 4))


def test_findings_come_together_the_most_harmful_first():
    config = RunConfig(weights=WeightConfig(scheme="trajectory"))
    assert causes(metrics(**ALIKE, effective_trajectories=np.ones(N)), config) == ["indistinguishable", "few_effective"]
