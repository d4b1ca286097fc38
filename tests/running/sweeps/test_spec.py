"""What a sweep's file says, and which trials follow from it."""

from pathlib import Path

import numpy as np
import pytest

from safemil_core.config import RunConfig
from safemil_core.errors import InvalidConfig, InvalidLabels, NotFound
from safemil_core.running.sweeps.marking import marked_labels
from safemil_core.running.sweeps.spec import LabelPlan, SweepSpec, read_spec
from safemil_core.running.sweeps.trials import Row, Trial, rows_by_trial, trials_of

READY = sorted((Path(__file__).parents[3] / "assets" / "experiments").glob("*.toml"))
IDS = {"walks": "a" * 16, "cars": "b" * 16}
FILE = """
name = "bags"
datasets = ["walks", "cars"]
seeds = 2
episodes = 0
[labels]
n_non_preferred = 4
[base]
cost.updates = 20
[variants.plain]
[variants.mild]
labels.contamination = 0.25
cost.learning_rate = 0.01
[grid]
cost.bag_size = [1, 8]
"""


def spec_of(**changes):
    return SweepSpec(**{"name": "one", "datasets": ["walks"], "seeds": 1, "episodes": 0, **changes})


def test_every_combination_is_one_trial_and_the_first_seed_comes_first(tmp_path):
    path = tmp_path / "bags.toml"
    path.write_text(FILE)
    spec = read_spec(path)
    trials = trials_of(spec, IDS)
    assert len(trials) == len({trial.id for trial in trials}) == 2 * 2 * 2 * 2
    assert [trial.seed for trial in trials] == [0] * 8 + [1] * 8
    mild = [trial for trial in trials if trial.settings["variant"] == "mild" and trial.settings["cost.bag_size"] == 8]
    assert {trial.dataset for trial in mild} == {"walks", "cars"}
    for trial in mild:
        assert (trial.config.cost.bag_size, trial.config.cost.learning_rate, trial.config.cost.updates) == (8, 0.01, 20)
        assert (trial.labels.n_non_preferred, trial.labels.contamination) == (4, 0.25)
        assert trial.config.seed == trial.seed
    assert spec.varied == ("variant", "cost.bag_size")
    assert (spec.axis, spec.shown) == ("cost.bag_size", ("step_auc", "rank_correlation"))


def test_looking_at_update_counts_makes_one_training_that_long():
    (trial,) = trials_of(spec_of(updates=[250, 5000]), IDS)
    assert (trial.config.cost.updates, trial.config.cost.settle) == (5000, 0.0)
    assert trial.updates == (250, 5000)


def test_the_paper_s_settings_can_be_the_beginning():
    (trial,) = trials_of(spec_of(paper=True, base={"cost": {"bag_size": 64}}), IDS)
    assert trial.config.cost == RunConfig.paper().cost.model_copy(update={"bag_size": 64})


def test_random_search_draws_from_ranges_and_choices_and_repeats():
    ranges = {
        "cost.learning_rate": {"low": 1e-4, "high": 1e-2, "scale": "log"},
        "cost.bag_size": {"low": 1, "high": 8, "whole": True},
        "cost.window": [1, 5],
    }
    spec = spec_of(random={"n": 40, "settings": ranges})
    trials = trials_of(spec, IDS)
    assert len(trials) == 40
    rates = np.array([trial.config.cost.learning_rate for trial in trials])
    assert 1e-4 <= rates.min() < 3e-4 and 3e-3 < rates.max() <= 1e-2
    assert {trial.config.cost.window for trial in trials} == {1, 5}
    assert {trial.config.cost.bag_size for trial in trials} == set(range(1, 9))
    assert [trial.id for trial in trials] == [trial.id for trial in trials_of(spec, IDS)]


def test_a_trial_is_known_by_what_decides_it_not_by_names():
    (trial,), (renamed,) = (trials_of(spec_of(**names), IDS) for names in ({}, {"name": "two", "variants": {"x": {}}}))
    assert renamed.id == trial.id
    assert trials_of(spec_of(), {"walks": "c" * 16})[0].id != trial.id
    assert trials_of(spec_of(seeds=[1]), IDS)[0].id != trial.id
    (elsewhere,) = trials_of(spec_of(), IDS, {"walks": "maze.py 5f1e"})
    assert elsewhere.id != trial.id
    assert elsewhere.id != trials_of(spec_of(), IDS, {"walks": "maze.py c0de"})[0].id
    assert Trial.of(renamed.document()) == renamed
    row = Row.about(renamed, measured=({"step_auc": 0.5},), seconds=1.0)
    assert Row.of(row.document()) == row


def test_rows_go_by_the_names_of_now():
    (old,) = trials_of(spec_of(), IDS)
    rows = [Row.about(old, seconds=1.0), Row("of another sweep", "walks", 0, {})]
    (renamed,) = trials_of(spec_of(datasets=["strolls"], variants={"x": {}}), {"strolls": IDS["walks"]})
    assert rows_by_trial([renamed], rows) == {old.id: Row.about(renamed, seconds=1.0)}
    assert rows_by_trial([renamed], []) == {}


def test_two_datasets_that_hold_the_same_are_refused():
    spec, ids = spec_of(datasets=["walks", "strolls"]), {"walks": "a", "strolls": "a"}
    with pytest.raises(InvalidConfig, match="'walks' and 'strolls' hold the same data; leave one of them out"):
        trials_of(spec, ids)
    assert len(trials_of(spec, ids, {"walks": "car", "strolls": "ball"})) == 2


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"name": "No Name"}, "'No Name' cannot name a sweep; use lower-case letters, digits, - and _"),
        ({"x": "cost.window"}, "x='cost.window' does not vary in sweep 'one'; use dataset"),
        ({"metrics": ["cost"]}, "cost needs a policy; give sweep 'one' episodes above 0"),
        (
            {"random": {"n": 1, "settings": {"cost.gamma": [1]}}, "grid": {"cost.window": [1]}},
            "sweep 'one' has a grid and a random search; leave one of them out",
        ),
        ({"datasets": []}, "datasets must be"),
        ({"gird": {}}, "unknown setting 'gird'"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(changes, words):
    with pytest.raises(InvalidConfig) as refused:
        spec_of(**changes)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "base, words",
    [
        ({"cost.bagsize": 1}, "sweep 'one': unknown setting 'cost.bagsize'; the settings are"),
        ({"cost.gamma": 2}, "sweep 'one': cost.gamma must be less than or equal to 1, got 2"),
        ({"labels.contamination": 1.5}, "sweep 'one': contamination must be less than 1, got 1.5"),
    ],
)
def test_a_setting_that_no_trial_can_have_is_said_before_any_begins(base, words):
    with pytest.raises(InvalidConfig) as refused:
        trials_of(spec_of(base=base), IDS)
    assert str(refused.value).startswith(words)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(NotFound, match="ready ones are in assets/experiments"):
        read_spec(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(InvalidConfig, match=r"bad.toml is no TOML"):
        read_spec(tmp_path / "bad.toml")


def test_the_costliest_are_marked_and_wrong_marks_come_from_the_cheaper_half():
    costs, rng = np.arange(20.0), np.random.default_rng(0)
    labels = marked_labels(costs, LabelPlan(n_non_preferred=4, share=0.2), rng)
    assert np.flatnonzero(labels == "non_preferred").tolist() == [16, 17, 18, 19]
    labels = marked_labels(costs, LabelPlan(n_non_preferred=4, share=0.2, contamination=0.75), rng)
    marked = np.flatnonzero(labels == "non_preferred")
    assert (marked >= 16).sum() == 1
    assert (marked < 10).sum() == 3
    drawn = {tuple(marked_labels(costs, LabelPlan(n_non_preferred=2, share=0.5), rng)) for _ in range(20)}
    assert len(drawn) > 5


def test_more_marks_than_the_share_holds_take_the_next_costliest():
    labels = marked_labels(np.arange(20.0), LabelPlan(n_non_preferred=6, share=0.1), np.random.default_rng(0))
    assert np.flatnonzero(labels == "non_preferred").tolist() == [14, 15, 16, 17, 18, 19]


def test_preferred_marks_come_from_the_cheapest_quarter_and_leave_the_others_as_they_are():
    costs, plan = np.arange(20.0), LabelPlan(n_non_preferred=4, share=0.2, contamination=0.5)
    drawn = [marked_labels(costs, plan.model_copy(update={"n_preferred": n}), np.random.default_rng(0)) for n in (0, 3)]
    without, labels = drawn
    preferred = np.flatnonzero(labels == "preferred")
    assert (len(preferred), preferred.max() < 5) == (3, True)
    assert (labels == "non_preferred").tolist() == (without == "non_preferred").tolist()
    of_ties = marked_labels(np.zeros(100), LabelPlan(n_non_preferred=4, n_preferred=20), np.random.default_rng(0))
    assert np.ptp(np.flatnonzero(of_ties == "preferred")) > 50  # of all that cost as little
    with pytest.raises(
        InvalidLabels, match="6 of 20 trajectories cannot be marked preferred: 5 of the cheapest quarter"
    ):
        marked_labels(costs, LabelPlan(n_non_preferred=4, share=0.2, n_preferred=6), np.random.default_rng(0))


def test_a_dataset_too_small_for_so_many_marks():
    with pytest.raises(InvalidLabels, match="20 of 20 trajectories cannot be marked"):
        marked_labels(np.arange(20.0), LabelPlan(n_non_preferred=20), np.random.default_rng(0))


def test_rightly_marked_ones_of_the_cheaper_half_leave_too_few_to_mark_wrongly():
    """12 are drawn from all 100 at first; of the 50 cheaper ones, fewer than 48 are unmarked after that."""
    plan = LabelPlan(n_non_preferred=60, share=1.0, contamination=0.8)
    with pytest.raises(
        InvalidLabels, match="60 of 100 trajectories cannot be marked non-preferred, 48 of them wrongly"
    ):
        marked_labels(np.arange(100.0), plan, np.random.default_rng(0))


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_every_ready_file_says_trials_that_can_be_done(path):
    spec = read_spec(path)
    assert spec.name == path.stem
    assert spec.question.endswith("?")
    trials = trials_of(spec, {name: name for name in spec.datasets})
    assert len({trial.id for trial in trials}) == len(trials) >= 2 * len(spec.seeds)


def test_there_are_ready_files_for_the_questions_of_the_paper():
    assert {path.stem for path in READY} >= {
        "bag_size", "window", "contamination", "labels", "true_cost", "failures", "aggregators", "images", "methods",
    }  # fmt: skip
