"""One trial in this process: what its row holds, with a policy in the real simulator and without."""

import pytest
from factories import CAR, CAR_SIZES, add_dataset, dsrl_arrays

from safemil_core.errors import EnvironmentUnavailable
from safemil_core.running.sweeps.spec import SweepSpec
from safemil_core.running.sweeps.subjects import Subject
from safemil_core.running.sweeps.trial_stage import row_of
from safemil_core.running.sweeps.trials import Trial, wanted_trials

SMALL = {
    "cost.hidden_sizes": [8], "cost.bag_size": 8, "cost.updates": 20, "policy.hidden_sizes": [8],
    "policy.batch_size": 16, "policy.updates": 20,
}  # fmt: skip
OF_THE_COST = {"step_auc", "rank_correlation", "step_auc_unmarked", "rank_correlation_unmarked"}


def spec_of(**changes):
    return SweepSpec(
        **{"name": "one", "datasets": ["cars"], "seeds": 1, "labels": {"n_non_preferred": 2}, "base": SMALL, **changes}
    )


def cars(workspace, **options):
    return add_dataset(workspace, "cars", dsrl_arrays((4,) * 12, *CAR_SIZES), **options)


def test_the_policy_of_a_method_is_rolled_out_and_measured_by_the_references_of_the_dataset(workspace):
    cars(workspace, env_id=CAR, random_return=0.0, random_cost=0.0, constrained_return=50.0, constrained_cost=1.0)
    spec = spec_of(episodes=2, updates=[10, 20], grid={"method": ["safemil", "oracle_bc"]})
    subject = Subject.of(workspace, "cars", has_policies=True)
    safemil, oracle = (row_of(trial, subject) for trial in wanted_trials(workspace, spec))
    assert (safemil.failure, oracle.failure) == ("", "")
    first, last = safemil.measured
    assert first.keys() == {"updates", *OF_THE_COST}
    assert (first["updates"], last["updates"]) == (10, 20)
    assert last.keys() > {"updates", *OF_THE_COST, "cost", "cvar_cost", "satisfaction"}
    (told,) = oracle.measured  # an oracle learns no cost to be looked at on the way
    assert told["updates"] == 20
    assert not told.keys() & OF_THE_COST
    for look in (last, told):
        assert look["length"] == 300
        assert look["return_normalised"] == pytest.approx(look["return"] / 50)


def test_without_policies_the_cost_is_looked_at_once_when_it_is_learned(workspace):
    cars(workspace)
    (trial,) = wanted_trials(workspace, spec_of(episodes=0))
    row = row_of(trial, Subject.of(workspace, "cars", has_policies=False))
    (look,) = row.measured
    assert look.keys() == OF_THE_COST
    assert row_of(trial, Subject.of(workspace, "cars", has_policies=False)).measured == row.measured


def test_what_is_said_of_unseen_behaviour_is_measured_where_the_sweep_asks_for_it(workspace):
    cars(workspace)
    wanted = {"metrics": ["step_auc", "unseen_agreement", "unseen_label_auc"], "updates": [10, 20], "episodes": 0}
    spec = spec_of(**wanted, labels={"n_non_preferred": 6, "share": 0.5})
    (trial,) = wanted_trials(workspace, spec)
    first, last = row_of(trial, Subject.of(workspace, "cars", has_policies=False)).measured
    assert first.keys() == {"updates", *OF_THE_COST}
    assert last.keys() == {"updates", *OF_THE_COST, "unseen_agreement", "unseen_label_auc"}
    assert -1 <= last["unseen_agreement"] <= 1
    assert 0 <= last["unseen_label_auc"] <= 1
    (plain,) = wanted_trials(workspace, spec_of(**{**wanted, "metrics": ["step_auc"]}, labels=spec.labels.model_dump()))
    assert trial.document()["unseen"] is True
    assert plain.id != trial.id
    assert Trial.of(trial.document()) == trial


def test_policies_need_somewhere_to_be_rolled_out(workspace):
    cars(workspace)
    with pytest.raises(EnvironmentUnavailable, match="'cars' names no environment"):
        Subject.of(workspace, "cars", has_policies=True)
