"""What returns and costs are measured in, by hand."""

import pytest

from safemil_core.assessment.references import References, Scale

RANDOM, CONSTRAINED = {"return": 10.0, "cost": 4.0}, {"return": 30.0, "cost": 5.0}
DSRL = {"least_return": -10.0, "largest_return": 90.0, "least_cost": 0.0, "largest_cost": 50.0}


def test_a_scale_by_hand():
    assert Scale(zero=10, one=30).of({"mean": 20, "low": 10, "high": 50}) == {"mean": 0.5, "low": 0, "high": 2}
    assert Scale(zero=0, one=-2).of({"mean": -1}) == {"mean": 0.5}


def test_every_scale_of_what_is_known():
    known = References(RANDOM, CONSTRAINED, DSRL, costliest=55)
    assert known.scales() == {
        "return_normalised": Scale(10, 30),
        "cost_normalised": Scale(5, 55),
        "return_dsrl": Scale(-10, 90),
        "cost_dsrl": Scale(0, 50),
    }
    first, second, third = known.sentences()
    assert "a random policy's (10.0, by its file), 1 the constrained-RL policy's (30.0)" in first
    assert "1 the costliest trajectory's in the dataset (55)" in second
    assert "(-10.0, 90.0) and cost (0, 50)" in third
    assert "(10.0, measured here)" in References(RANDOM, CONSTRAINED, random_is_measured=True).sentences()[0]


def test_what_is_not_known_or_would_divide_by_nothing_has_no_scale():
    assert References().scales() == {}
    assert References(RANDOM, costliest=55).scales() == {}
    assert References(RANDOM, {"return": 10.0, "cost": 5.0}, costliest=5).scales() == {}
    assert References().sentences() == []


@pytest.mark.parametrize(
    ("known", "limit", "why"),
    [
        (References(constrained=CONSTRAINED, costliest=50), 5, "the mean cost of the constrained-RL policy"),
        (References(constrained={"return": 1.0, "cost": 0.0}, costliest=50), 5, "10% of the costliest trajectory's"),
        (References(), 0, "no unsafe step at all"),
    ],
)
def test_the_limit_where_the_user_says_none(known, limit, why):
    found, words = known.cost_limit()
    assert found == limit
    assert why in words
