"""The parts of a diagnosis on small cases whose numbers are known."""

from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pandas as pd
import pytest
import torch
from factories import trajectory_set

from safemil_core.assessment.agreement import Conflict
from safemil_core.assessment.doctor.bag_noise import WindowScores, window_scores
from safemil_core.assessment.doctor.case import Case, seen_of
from safemil_core.assessment.doctor.collapse_by_labels import CERTAIN, noisy_bags
from safemil_core.assessment.doctor.collapse_by_training import (
    dead_network,
    learning_rate,
    missing_normalisation,
    sparsity,
)
from safemil_core.assessment.doctor.dataset_trouble import truncated_episodes
from safemil_core.assessment.doctor.label_trouble import contradictions
from safemil_core.assessment.doctor.separability import separability, some
from safemil_core.assessment.doctor.shortcuts import explained, paces, shortcuts, sources_of
from safemil_core.assessment.doctor.signs import RECENT_ROWS, Signs
from safemil_core.assessment.doctor.twins import twins
from safemil_core.assessment.doctor.weight_trouble import short_episodes
from safemil_core.assessment.evaluation import roc_aucs
from safemil_core.config import CostConfig, RunConfig, WeightConfig
from safemil_core.data.recording import CUT_OFF, TERMINATED
from safemil_core.data.storage.statistics import Dimensions
from safemil_core.learning.bags import BagSampler
from safemil_core.learning.unseen_costs import UnseenCosts


def case(lengths=(4, 4, 4, 4), labels=("non_preferred", "none", "none", "none"), **changes):
    """A run on random trajectories."""
    trajectories = replace(trajectory_set(*lengths), rewards=None, costs=None)
    ones = (1.0,) * 5
    known = {
        "trajectories": trajectories,
        "labels": np.array(labels),
        "config": RunConfig(),
        "descriptors": np.random.default_rng(0).normal(size=(len(lengths), 3)),
        "inputs": Dimensions((0.0,) * 5, ones, (-3.0,) * 5, (3.0,) * 5),
        "input_names": tuple("abcde"),
    }
    return Case(**{**known, **changes})


def metrics(n=RECENT_ROWS, loss=0.5, gap=0.4):
    return pd.DataFrame(
        {
            "update": np.arange(1, n + 1) * 10.0,
            "cost_loss": np.full(n, loss),
            "score_non_preferred": 0.5 + gap + 0.01 * np.cos(np.arange(n)),
            "score_unlabelled": np.full(n, 0.5),
        }
    )


def test_a_case_takes_no_rewards_and_no_true_costs():
    for hidden in ("rewards", "costs"):
        known = replace(trajectory_set(4, 4, 4, 4), **{hidden: None})
        with pytest.raises(ValueError, match="must not see"):
            case(trajectories=known)
    played = {"policies": {"safe": {"episodes": [{"seed": 0, "reach": 0.5, "return": 2.0, "cost": 3.0}], "cost": 3.0}}}
    with pytest.raises(ValueError, match="must not see what episodes truly cost"):
        case(evaluation=played)
    seen = {"policies": {"safe": {"episodes": [{"reach": 0.5, "return": 2.0}]}}}
    assert (seen_of(played), seen_of({})) == (seen, {})
    assert case(evaluation=seen).evaluation == seen


def test_a_case_says_what_does_not_fit():
    with pytest.raises(ValueError, match="costs has 3 rows, expected 16"):
        case(costs=np.zeros(3))


def test_aucs_count_ties_half():
    scores = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    assert roc_aucs(scores, np.array([[False, True], [True, False], [True, False]])).tolist() == [1.0, 0.5]


def test_labels_that_follow_the_descriptors_are_told_apart_and_shuffled_ones_are_not():
    descriptors = np.random.default_rng(0).normal(size=(100, 4))
    marked = descriptors[:, 0] > 0.8
    told = separability(descriptors, marked)
    assert told.auc > 0.95
    assert told.p_value == 1 / 200
    assert told.shuffled.shape == (199,)
    by_chance = separability(descriptors, np.random.default_rng(1).permutation(marked))
    assert by_chance.p_value > 0.05


def test_of_many_trajectories_half_are_marked_ones_where_there_are_so_many():
    chosen = some([np.arange(30), np.arange(30, 100)], np.random.default_rng(0), most=40)
    assert len(chosen) == 40
    assert (chosen < 30).sum() == 20
    few = some([np.arange(5), np.arange(5, 100)], np.random.default_rng(0), most=40)
    assert (few < 5).sum() == 5


def test_a_bag_is_surer_the_more_windows_it_holds():
    scores = WindowScores(gap=0.5, noise=1.0)
    assert scores.certainty(4) == pytest.approx((1 + erf(1 / sqrt(2))) / 2)
    assert scores.certainty(100) > 0.999
    assert WindowScores(0.0, 0.0).certainty(4) == 0.5
    assert WindowScores(1.0, 0.0).certainty(1) == 1.0


def test_windows_are_scored_as_bags_are_within_segments_alone():
    costs = np.zeros(16)
    costs[1:3] = 1.0
    config = RunConfig(cost=CostConfig(gamma=0.5))
    whole = window_scores(case(costs=costs, config=config), 0)
    assert (whole.gap, whole.noise) == (0.75, 0.0)
    inside = window_scores(case(costs=costs, config=config, segments={0: ((1, 2),)}), 1)
    assert (inside.gap, inside.noise) == (1.0, 0.0)


@pytest.mark.parametrize("window", [0, 1, 5, 8])
def test_of_the_segments_of_a_trajectory_windows_are_drawn_as_often_as_training_draws_them(window):
    segments = {0: ((0, 4), (10, 15))}
    costs = np.zeros(20 + 4, dtype=np.float32)
    costs[:5] = 1.0  # of the first segment, into which a window of 5 fits once, and into the other twice
    lengths, config = (20, 4), RunConfig(cost=CostConfig(gamma=1.0))
    ill = case(lengths, ("non_preferred", "none"), costs=costs, config=config, segments=segments)
    sampler = BagSampler(ill.offsets, np.array([0]), bag_size=4_000, window=window, gamma=1.0, segments=segments)
    (bag,) = sampler.draw(torch.Generator().manual_seed(0))
    trained_on = float(torch.from_numpy(costs)[bag.steps] @ bag.weights)
    assert window_scores(ill, window).gap == pytest.approx(trained_on, rel=0.07)


def test_windows_of_the_unlabelled_are_drawn_as_bags_draw_them():
    marks = ("non_preferred", "none", "none", "none", "preferred")
    costs = np.repeat([1.0, 0.9, 0.1, 0.1, 0.0], 4).astype(np.float32)
    drawn = {"lengths": (4,) * 5, "labels": marks, "costs": costs}
    cost = CostConfig(costly_rate=0.1)
    assert window_scores(case(**drawn, config=RunConfig(cost=cost)), 1).gap == pytest.approx(
        1 - (0.1 * 0.9 + 2 * 0.1) / 2.1, abs=0.02
    )
    of_all = RunConfig(cost=cost.model_copy(update={"costly_rate": 1.0, "preferred_weight": 0.0}))
    assert window_scores(case(**drawn, config=of_all), 1).gap == pytest.approx(1 - 1.1 / 4, abs=0.03)


def test_of_longer_windows_the_one_that_is_long_enough_is_advised():
    lengths, rng = (300,) * 20, np.random.default_rng(0)
    labels = ("non_preferred",) * 5 + ("none",) * 15
    costs = (rng.random(6_000) < np.repeat([0.22] * 5 + [0.1] * 15, 300)).astype(np.float32)
    cost = CostConfig(bag_size=2, costly_rate=1.0)
    ill = case(lengths, labels, costs=costs, config=RunConfig(cost=cost))
    assert window_scores(ill, 10).certainty(2) < CERTAIN < window_scores(ill, 50).certainty(2)
    finding = noisy_bags(ill, Signs.of(ill))
    assert finding.cause == "short_window"
    assert finding.settings[:2] == ("cost.window=50", "cost.learning_rate=0.002")


def test_variance_lies_between_groups_or_within():
    groups = np.array([0, 0, 1, 1])
    assert explained(np.array([0.0, 0.0, 1.0, 1.0]), groups) == 1.0
    assert explained(np.array([0.0, 1.0, 0.0, 1.0]), groups) == 0.0
    assert explained(np.array([0.0, 1.0, 1.0, 2.0]), groups) == 0.5
    assert explained(np.ones(4), groups) == 0.0


def test_tags_that_share_out_all_trajectories_are_the_sources():
    tags = {"robot a": (0, 2), "robot b": (1, 3)}
    assert sources_of(case(tags=tags)).tolist() == [0, 1, 0, 1]
    incomplete = sources_of(case(tags={"robot a": (0,), "dusk": (1,)}))
    assert len(incomplete) == 4
    assert incomplete.min() == 0


def test_a_twin_is_a_copy_and_not_a_neighbour():
    descriptors = np.array([[0.0], [0.0], [1.0], [2.0], [3.0]])
    found = twins(descriptors, np.array([0, 3]), np.array([1, 2, 4]))
    assert found.which.tolist() == [1, 2]
    assert found.distances.tolist() == [0.0, 1.0]
    assert found.is_twin.tolist() == [True, False]
    assert twins(descriptors, np.array([0]), np.array([], dtype=int)).is_twin.tolist() == [False]


def test_signs_of_a_cost_that_tells_the_marked_from_the_others():
    costs = np.repeat([0.9, 0.1, 0.1, 0.1], 4).astype(np.float32)
    signs = Signs.of(case(costs=costs, metrics=metrics()))
    assert signs.auc == 1.0
    assert signs.auc_noise == pytest.approx(sqrt(5 / 36))
    assert signs.spread == pytest.approx(0.8 * sqrt(3) / 4)
    assert signs.saturated == 0.0
    assert not signs.is_flat
    assert not signs.is_gap_noise
    assert Signs.of(case()) is None


def test_a_flat_cost_and_a_gap_within_noise_are_a_collapse():
    flat = Signs.of(case(costs=np.full(16, 0.5, np.float32), metrics=metrics()))
    assert flat.is_flat
    assert flat.is_collapsed
    costs = np.repeat([0.9, 0.1, 0.1, 0.1], 4).astype(np.float32)
    noise = Signs.of(case(costs=costs, metrics=metrics(loss=0.7, gap=-0.01)))
    assert noise.is_gap_noise
    assert noise.is_collapsed


def test_one_mark_alone_is_no_collapse_where_it_costs_more_than_all_others():
    costs = np.linspace(0.9, 0.1, 4).repeat(4).astype(np.float32)
    signs = Signs.of(case(costs=costs, metrics=metrics()))
    assert 2 * signs.auc_noise > 0.5
    assert not signs.is_collapsed
    assert replace(signs, auc=0.9).is_collapsed


@pytest.mark.parametrize(
    ("network", "held", "cause", "setting"),
    [
        ("additive", 0.1, "sparsity", "cost.sparsity=0.0007"),
        ("additive", 0.0007, "sparsity", "cost.sparsity=7e-05"),
        ("additive", 0.0, None, None),
        ("mlp", 0.1, "dead_network", "cost.sparsity=0.0007"),
        ("mlp", 0.0, "dead_network", "seed=1"),
    ],
)
def test_what_says_the_same_of_all_steps_is_cured_where_it_is_held(network, held, cause, setting):
    config = RunConfig(cost=CostConfig(network=network, sparsity=held))
    ill = case(config=config, costs=np.full(16, 0.5, np.float32))
    found = [finding for find in (dead_network, sparsity) if (finding := find(ill, Signs.of(ill)))]
    assert [(finding.cause, finding.settings) for finding in found[:1]] == ([(cause, (setting,))] if cause else [])


@pytest.mark.parametrize(("network", "n_findings"), [("mlp", 1), ("additive", 0)])
def test_scales_matter_to_a_perceptron_and_not_to_curves(network, n_findings):
    inputs = Dimensions((0.0,) * 5, (1.0, 1.0, 1.0, 1.0, 1e4), (-3.0,) * 5, (3.0,) * 5)
    config = RunConfig(cost=CostConfig(network=network), normalise=False)
    ill = case(config=config, inputs=inputs, costs=np.linspace(0.9, 0.1, 16, dtype=np.float32))
    assert len([finding for finding in [missing_normalisation(ill, Signs.of(ill))] if finding]) == n_findings


@pytest.mark.parametrize(
    ("rate", "words", "setting"),
    [
        (1e-6, "learning rate is too low", "cost.learning_rate=0.008"),
        (1e-3, "too few updates", "cost.updates=1000"),
        (0.5, "learning rate is too high", "cost.learning_rate=0.008"),
    ],
)
def test_a_rate_is_too_low_or_too_high_or_the_updates_too_few(rate, words, setting):
    config = RunConfig(cost=CostConfig(learning_rate=rate, updates=10, decay=False))
    ill = case(config=config, metrics=metrics(1), costs=np.full(16, 0.5, np.float32))
    finding = learning_rate(ill, Signs.of(ill))
    assert words in finding.title
    assert finding.settings == (setting,)


def test_people_who_differ_contradict_one_another():
    (finding,) = contradictions(case(conflicts=(Conflict(2, ()), Conflict(3, ()))))
    assert finding.cause == "contradictions"
    assert finding.evidence == "people differ on 2 trajectories"
    assert finding.trajectories == (2, 3)
    assert contradictions(case()) == []


def test_weights_that_fall_with_the_length_reward_short_episodes():
    lengths, config = (5, 2, 4, 6, 8), RunConfig(weights=WeightConfig(scheme="trajectory", per_length=False))
    labels = ("non_preferred", *["none"] * 4)
    ill = case(lengths, labels, config=config, weights=np.array([0.0, 4.0, 3.0, 2.0, 1.0]))
    (finding,) = short_episodes(ill)
    assert "correlation of weight and length -1.00" in finding.evidence
    assert finding.settings == ("weights.per_length=true",)
    assert short_episodes(replace(ill, weights=np.array([0.0, 1.0, 2.0, 3.0, 4.0]))) == []
    cured = config.with_values(finding.settings)
    assert short_episodes(replace(ill, config=cured)) == []


def test_what_was_cut_off_before_others_was_cut_off_early_and_what_ended_was_not():
    ends = np.array([CUT_OFF, CUT_OFF, TERMINATED, CUT_OFF], np.uint8)
    ill = case((8, 3, 2, 8))
    (finding,) = truncated_episodes(replace(ill, trajectories=replace(ill.trajectories, ends=ends)))
    assert finding.trajectories == (1,)
    assert truncated_episodes(ill) == []


def test_returns_are_shown_beside_a_shortcut_and_never_make_one():
    labels = ("non_preferred", "non_preferred", *["none"] * 6)
    costs = np.tile([0.9, 0.1, 0.5, 0.5], 8).astype(np.float32)
    returns = np.array([1.0, 1.0, *[0.0] * 6])
    assert shortcuts(case((4,) * 8, labels, costs=costs, returns=returns)) == []
    short = case((2, 2, *[4] * 6), labels, costs=np.tile([0.9, 0.1], 14).astype(np.float32), returns=returns)
    (finding,) = shortcuts(short)
    assert finding.cause == "length_shortcut"
    alone = finding.figure.series[1]
    assert dict(zip(alone.x, alone.y, strict=True))["return"] == 1.0


def test_the_slowest_being_marked_is_a_shortcut_and_the_fastest_is_none():
    speeds, labels = np.array([0.1, 0.2, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5]), ("non_preferred",) * 2 + ("none",) * 6
    walks = case((4,) * 8, labels, costs=np.tile([0.9, 0.1, 0.5, 0.5], 8).astype(np.float32))
    driven = np.outer(speeds, np.arange(4)).reshape(-1, 1).astype(np.float32)
    slow = replace(walks, trajectories=replace(walks.trajectories, observations=driven))
    assert paces(slow.trajectories) == pytest.approx(speeds / driven.reshape(8, 4)[:, :3].std(), rel=1e-5)
    (finding,) = shortcuts(slow)
    assert finding.cause == "slow_shortcut"
    assert finding.evidence.startswith("AUC 1.00 by slowness alone, ")
    assert shortcuts(replace(slow, labels=slow.labels[::-1].copy())) == []
    assert paces(case((1,) * 8, labels).trajectories).tolist() == [0] * 8  # nobody moves within one step


def test_that_a_cost_follows_the_trajectory_is_shown_by_behaviour_that_was_not_seen():
    labels = ("non_preferred", "non_preferred", *["none"] * 6)
    costs = np.repeat(np.array([0.9, 0.7, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3], dtype=np.float32), 4)
    known = case((4,) * 8, labels, costs=costs)
    (finding,) = shortcuts(known)
    assert finding.cause == "follows_trajectory"
    assert finding.evidence == "100% of the variance of c lies between trajectories, 0% within them"
    told = np.repeat(np.arange(8, dtype=np.float32) / 10, 4)  # the marked are the least costly
    (shown,) = shortcuts(replace(known, unseen=UnseenCosts(told, told, known.labels, known.offsets)))
    assert shown.evidence.endswith("costs correlate by 1.00 and tell its label with AUC 0.00 (with it: 1.00)")
    marked, others = shown.figure.series
    assert marked.x == pytest.approx((0.9, 0.7))
    assert marked.y == pytest.approx((0.0, 0.1))
    assert others.y == pytest.approx((0.2, 0.3, 0.4, 0.5, 0.6, 0.7))
