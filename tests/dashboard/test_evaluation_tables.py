"""An evaluation in words."""

from __future__ import annotations

import pytest

from dashboard import evaluation_tables
from safemil_core.running.offline_checks import OfflineCheck


def found(mean, low, high):
    return {"mean": mean, "low": low, "high": high}


@pytest.mark.parametrize(
    ("cost", "earned", "words"),
    [
        (found(-5, -6, -4), found(-1, -2, 1), "safer"),
        (found(5, 4, 6), found(-2, -3, -1), "less safe, earns less"),
        (found(-5, -6, 0), found(2, 1, 3), "earns more"),
        (found(0, 0, 0), found(0, -1, 1), "no difference for sure"),
    ],
)
def test_a_verdict_says_only_what_the_intervals_leave_no_doubt_about(cost, earned, words):
    each = {
        "against": "x1",
        "cost": cost,
        "return": earned,
        "cvar_cost": cost,
        "cost_better": 0.9,
        "return_better": 0.25,
    }
    (row,) = evaluation_tables.comparisons({"comparisons": [each]}, {"x1": "The other"}).to_dict("records")
    assert row["so"] == words
    assert row["safe policy against"] == "The other"
    assert (row["chance that it is safer"], row["chance that it earns more"]) == ("90%", "25%")
    assert row["return"] == f"{earned['mean']:+.1f}  [{earned['low']:+.1f}, {earned['high']:+.1f}]"


def test_the_headline_says_what_share_of_cost_and_return_is_left():
    def policies(cost, earned):
        return {
            "safe": {"cost": found(2, 1, 3), "return": found(9, 8, 10)},
            "bc": {"cost": found(cost, 0, 9), "return": found(earned, 0, 9)},
        }

    words = evaluation_tables.headline({"policies": policies(8, 10)})
    assert words == "The safe policy has **25%** of plain cloning's cost and **90%** of its return."
    assert evaluation_tables.headline({"policies": policies(0, 10)}) == ""


def test_metrics_that_no_policy_has_are_left_out_and_those_that_one_lacks_are_unknown():
    policies = {
        "safe": {"return": found(1, 0, 2), "satisfaction": found(0.5, 0.25, 1)},
        "x1": {"return": found(3, 2, 4)},
    }
    table = evaluation_tables.metrics({"policies": policies}, {"safe": "Safe policy"}).set_index("metric")
    assert list(table.columns) == ["Safe policy", "x1"]
    assert table.loc["Return", "x1"] == "3.0  [2.0, 4.0]"
    assert list(table.loc["Satisfaction"]) == ["50%  [25%, 100%]", "unknown"]
    assert list(table.index) == ["Return", "Satisfaction"]


def test_what_was_found_without_a_simulator_is_a_row_a_policy_and_kind():
    check = OfflineCheck("bc", "held out", 4, 40, found(0.5, 0.25, 0.75), found(-1, -2, 0))
    (row,) = evaluation_tables.offline([check]).to_dict("records")
    assert row == {
        "steps": "held out", "policy": "Plain cloning", "agreement": "0.50  [0.25, 0.75]",
        "density": "-1.0  [-2.0, 0.0]", "trajectories": 4,
    }  # fmt: skip
