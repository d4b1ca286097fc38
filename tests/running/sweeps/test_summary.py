"""Rows as a table, by hand."""

import numpy as np
import pytest

from safemil_core.running.sweeps.spec import SweepSpec
from safemil_core.running.sweeps.summary import ALL_DATASETS, markdown, observations, summary
from safemil_core.running.sweeps.trials import Row, trials_of


def spec_of(**changes):
    return SweepSpec(**{"name": "one", "datasets": ["walks"], "seeds": 3, "episodes": 0, **changes})


def row(seed, measured, dataset="walks", failure="", **settings):
    return Row(f"{seed}", dataset, seed, settings, tuple(measured), failure=failure)


def test_the_median_over_seeds_with_its_interval():
    spec = spec_of(grid={"cost.bag_size": [1, 8]}, metrics=["step_auc"])
    rows = [row(s, [{"step_auc": a}], **{"cost.bag_size": 1}) for s, a in enumerate((0.5, 0.6, 0.9))]
    rows += [row(0, [{"step_auc": None}], **{"cost.bag_size": 8}), row(1, [], failure="broke", **{"cost.bag_size": 8})]
    table = summary(observations(rows, spec), spec)
    first, second = table.to_dict("records")
    assert first == {
        "dataset": "walks", "cost.bag_size": 1, "n": 3,
        "step_auc": 0.6, "step_auc low": pytest.approx(0.5), "step_auc high": pytest.approx(0.9),
    }  # fmt: skip
    assert (second["n"], second["cost.bag_size"]) == (1, 8)
    assert np.isnan([second["step_auc"], second["step_auc low"], second["step_auc high"]]).all()


def test_each_look_at_a_training_is_a_line_of_its_own():
    spec = spec_of(updates=[10, 20], metrics=["step_auc"])
    looks = [{"updates": 10, "step_auc": 0.9}, {"updates": 20, "step_auc": 0.8}]
    table = summary(observations([row(0, looks)], spec), spec)
    assert table[["updates", "step_auc"]].to_numpy().tolist() == [[10, 0.9], [20, 0.8]]
    only_last = spec_of(updates=[20], metrics=["step_auc"])
    assert summary(observations([row(0, looks)], only_last), only_last)["step_auc"].tolist() == [0.8]


def test_of_several_datasets_the_median_of_medians():
    spec = spec_of(datasets=["walks", "cars", "balls"], metrics=["step_auc"])
    values = {"walks": (0.1, 0.2, 0.3), "cars": (0.5, 0.5, 0.5), "balls": (0.9, 0.9, 0.9)}
    rows = [row(s, [{"step_auc": v}], name) for name, of in values.items() for s, v in enumerate(of)]
    table = summary(observations(rows, spec), spec).set_index("dataset")
    assert table["step_auc"].to_dict() == {"walks": 0.2, "cars": 0.5, "balls": 0.9, ALL_DATASETS: 0.5}
    assert table.loc[ALL_DATASETS, "n"] == 9
    assert (table.loc[ALL_DATASETS, "step_auc low"], table.loc[ALL_DATASETS, "step_auc high"]) == (0.5, 0.5)


def test_a_dataset_that_failed_does_not_make_the_median_of_the_others_that_of_all():
    spec = spec_of(datasets=["walks", "cars"], grid={"cost.bag_size": [1, 8]}, metrics=["step_auc"], seeds=1)
    rows = [row(0, [{"step_auc": 0.95}], **{"cost.bag_size": k}) for k in (1, 8)]
    rows += [row(0, [{"step_auc": 0.6}], "cars", **{"cost.bag_size": 1})]
    rows += [row(0, [], "cars", failure="diverged", **{"cost.bag_size": 8})]
    table = summary(observations(rows, spec), spec)
    medians = table[table["dataset"] == ALL_DATASETS].set_index("cost.bag_size")["step_auc"]
    assert medians[1] == pytest.approx(0.775)
    assert np.isnan(medians[8])


def test_settings_that_come_to_the_same_each_have_a_line_of_the_trials_that_they_share():
    variants = {"ours": {}, "H = 1": {"cost.window": 1}, "H = 9": {"cost.window": 9}}
    spec = spec_of(variants=variants, metrics=["step_auc"])
    trials = trials_of(spec, {"walks": "a"})
    assert len(trials) == 2 * 3
    rows = [Row.about(trial, measured=({"step_auc": trial.config.cost.window / 10},)) for trial in trials]
    table = summary(observations(rows, spec), spec).set_index("variant")
    assert table["step_auc"].to_dict() == {"ours": 0.1, "H = 1": 0.1, "H = 9": 0.9}
    assert (table["n"] == 3).all()


def test_without_rows_there_is_an_empty_table_with_its_columns():
    spec = spec_of(grid={"cost.bag_size": [1, 8]})
    table = summary(observations([], spec), spec)
    assert table.empty
    assert {"dataset", "cost.bag_size", "n", "step_auc", "rank_correlation high"} <= set(table.columns)


def test_people_read_a_table_in_markdown():
    spec = spec_of(datasets=["walks", "cars"], variants={"plain": {}}, metrics=["step_auc"], seeds=2)
    rows = [row(s, [{"step_auc": a}], variant="plain") for s, a in enumerate((0.4, 0.6))]
    rows += [row(s, [{"step_auc": a}], "cars", variant="plain") for s, a in enumerate((0.3, None))]
    lines = markdown(summary(observations(rows, spec), spec), spec).splitlines()
    assert lines == [
        "| dataset      | variant | n | step AUC             |",
        "|--------------|---------|---|----------------------|",
        "| walks        | plain   | 2 | 0.500 [0.400, 0.600] |",
        "| cars         | plain   | 2 | 0.300                |",
        "| all datasets | plain   | 4 | 0.400                |",
    ]
