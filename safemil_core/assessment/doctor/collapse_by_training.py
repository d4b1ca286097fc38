"""Causes of a collapsed cost that lie in how it is trained: numbers, normalisation, dead units, sparsity, rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.dataset_trouble import NEVER_VARIES, by_input
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.doctor.signs import MOST_SATURATED, Signs, cost_histogram, loss_curve
from safemil_core.config import CostConfig, OptimiserConfig, RunConfig, usual_learning_rate

HUGE = 1e18
"""The square of a larger number is none in float32."""
WILD_RATIO = 10.0
"""Between the deviations of two inputs: the larger drowns the smaller where nothing scales them."""
HIGH_RATE = 1e-2
"""Learning rate from which on single updates may throw a network into a corner."""
DEAD = 0.99
"""Share of a layer's units."""
SHORT_PATH = 0.015
"""How far a weight can have come, the sum of all step sizes: the optimiser moves it by at most about one a step. First
weights are of the order of 0.1."""
FEW_UPDATES = 100
TOO_SPARSE = "the pull of every input towards having no effect is stronger than what the labels tell of it"
_DEFAULT = CostConfig()


def not_a_number(case: Case) -> Finding:
    """Of a run whose training diverged: which inputs are to blame, else the learning rate."""
    largest = np.maximum(np.abs(case.inputs.low), np.abs(case.inputs.high))
    cost = case.config.cost
    names = [case.input_names[i] for i in np.flatnonzero(largest > HUGE)[:3]]
    if names:
        settings: tuple[str, ...] = ()
        why = f"values of {', '.join(names)} are too large for 32 bits: often they stand for a missing one"
        cure = f"Give {', '.join(names)} other values in the file where it says so, and import it again."
    else:
        rate = min(cost.learning_rate / 10, usual_learning_rate(cost.network, cost.window))
        settings = (f"cost.learning_rate={rate:g}",)
        why, cure = "updates are so large that weights overflow", f"Train again with {settings[0]}."
    return Finding(
        cause="not_a_number",
        symptom="collapse",
        title="Training ended since a number was none any more",
        evidence=f"the largest input is {largest.max():.3g}; the learning rate of the cost is {cost.learning_rate:g}",
        why=why,
        cure=cure,
        harm=1.0,
        settings=settings,
        figure=by_input(case, "largest value (log10)", np.log10(np.maximum(largest, 1e-30))),
    )


def missing_normalisation(case: Case, signs: Signs) -> Finding | None:
    """Inputs of very different scales that nothing scales, of a perceptron: knots of curves lie where the data do."""
    deviations = np.array(case.inputs.std)
    varying = deviations[deviations > 0]
    is_scaled = case.config.normalise or case.config.cost.network != "mlp"
    if is_scaled or len(varying) < 2 or varying.max() / varying.min() < WILD_RATIO:
        return None
    largest, smallest = (
        case.input_names[int(deviations.argmax())],
        case.input_names[int(np.argmin(np.where(deviations > 0, deviations, np.inf)))],
    )
    return Finding(
        cause="missing_normalisation",
        symptom="collapse",
        title=signs.title("its inputs are not normalised"),
        evidence=f"{largest} varies {varying.max() / varying.min():,.0f} times as much as {smallest}; {signs}",
        why=f"normalise is off, so that the network sees little beside {largest}",
        cure="Train again with normalise=true.",
        harm=signs.harm(0.8),
        settings=("normalise=true",),
        figure=by_input(case, "deviation (log10)", np.log10(np.maximum(deviations, 1e-12))),
    )


def dead_network(case: Case, signs: Signs) -> Finding | None:
    """A perceptron that says the same of every step, not since it is sure, and no learning rate that would explain it;
    or any network without an input that varies."""
    shares = case.network.dead_units if case.network else ()
    is_blind = bool((np.array(case.inputs.std) <= NEVER_VARIES).all())
    is_silent = signs.is_flat and signs.saturated < 0.5 and case.config.cost.network == "mlp"
    is_dead = max(shares, default=0.0) >= DEAD or is_silent
    if case.config.cost.learning_rate > HIGH_RATE or not (is_blind or is_dead):
        return None
    settings, why, cure = _revival(case, is_blind)
    layers = tuple(f"layer {i + 1}" for i in range(len(shares)))
    return Finding(
        cause="dead_network",
        symptom="collapse",
        title=signs.title("the network is dead"),
        evidence=f"{max(shares, default=0.0):.0%} of the units of a layer say the same of every step; {signs}",
        why=why,
        cure=cure,
        harm=signs.harm(0.9),
        settings=settings,
        figure=Evidence("bars", "", "share of dead units", (Series("dead units", layers, shares),), threshold=DEAD)
        if max(shares, default=0.0) >= DEAD
        else cost_histogram(case),
    )


def _revival(case: Case, is_blind: bool) -> tuple[tuple[str, ...], str, str]:
    """Settings, reason and cure of a dead network."""
    decay, usual = case.config.optimiser.weight_decay, OptimiserConfig().weight_decay
    if is_blind:
        return (), "no input varies: there is nothing to tell steps apart by", "Look for what the dataset leaves out."
    if decay > usual:
        settings = (f"optimiser.weight_decay={usual:g}",)
        return settings, f"a weight decay of {decay:g} pulls all weights to 0", f"Train again with {settings[0]}."
    if case.config.cost.sparsity > _DEFAULT.sparsity:
        settings = (milder_sparsity(case.config.cost),)
        return settings, TOO_SPARSE, f"Train again with {settings[0]}."
    settings = (f"seed={case.config.seed + 1}",)
    return settings, "its units are stuck where they do not change with the input", "Begin anew with another seed."


def sparsity(case: Case, signs: Signs) -> Finding | None:
    """Curves that are all flat: they begin so, and nothing but their sparsity holds them there."""
    cost = case.config.cost
    if cost.network == "mlp" or not cost.sparsity or not signs.is_flat:
        return None
    setting = milder_sparsity(cost)
    return Finding(
        cause="sparsity",
        symptom="collapse",
        title=signs.title("its sparsity lets no input count"),
        evidence=f"a sparsity of {cost.sparsity:g}; {signs}",
        why=TOO_SPARSE,
        cure=f"Train again with {setting}.",
        harm=signs.harm(0.9),
        settings=(setting,),
        figure=cost_histogram(case),
    )


def milder_sparsity(cost: CostConfig) -> str:
    """The default as a setting, or where it is no less, a tenth."""
    return f"cost.sparsity={_DEFAULT.sparsity if cost.sparsity > _DEFAULT.sparsity else cost.sparsity / 10:g}"


def learning_rate(case: Case, signs: Signs) -> Finding | None:
    """Steps so large that the cost was thrown into a corner, or so small and few that it has not begun to learn."""
    cost = case.config.cost
    updates = _updates(case.metrics)
    path = cost.learning_rate * updates * (0.5 if cost.decay else 1.0)
    is_high = signs.is_collapsed and cost.learning_rate > HIGH_RATE
    is_low = path < SHORT_PATH and case.config.cost.learning_rate <= HIGH_RATE and signs.spread < 0.1
    if not is_high and not is_low:
        return None
    usual = usual_learning_rate(cost.network, cost.window)
    is_short = is_low and updates < FEW_UPDATES and cost.learning_rate >= usual / 10
    setting = f"cost.updates={_usual_updates(cost)}" if is_short else f"cost.learning_rate={usual:g}"
    what = "it has had too few updates" if is_short else f"its learning rate is too {'high' if is_high else 'low'}"
    return Finding(
        cause="learning_rate",
        symptom="collapse",
        title=signs.title(what),
        evidence=f"{updates:,} updates at a learning rate of {cost.learning_rate:g}; {signs}",
        why="single updates throw the network to where the sigmoid is flat, and no gradient leads back"
        if is_high
        else f"all updates together move a weight by {path:.2g} at most, less than where it began",
        cure=f"Train again with {setting}.",
        harm=signs.harm(0.9),
        settings=(setting,),
        figure=loss_curve(case.metrics),
    )


def saturation(case: Case, signs: Signs) -> Finding | None:
    """Nearly all costs at 0 or 1, where the sigmoid has no gradient."""
    if signs.saturated < MOST_SATURATED:
        return None
    found = saturated(signs.saturated, case.config.cost, cost_histogram(case))
    return replace(found, evidence=f"{found.evidence}; {signs}", harm=signs.harm(found.harm))


def saturated(share: float, cost: CostConfig, figure: Evidence) -> Finding:
    """What is wrong where this share of the steps costs 0 or 1."""
    setting = f"cost.learning_rate={cost.learning_rate / 10:g}"
    return Finding(
        cause="saturation",
        symptom="collapse",
        title="Nearly every step costs 0 or 1",
        evidence=f"{share:.0%} of the steps have c below 0.01 or above 0.99",
        why="the sigmoid is saturated, so that gradients vanish and costs are all or nothing: updates are too large or "
        "too many",
        cure=f"Train again with {setting}, or with fewer updates.",
        harm=0.6,
        settings=(setting,),
        figure=figure,
    )


def _usual_updates(cost: CostConfig) -> int:
    return RunConfig.plain().cost.updates if cost.network == "mlp" else _DEFAULT.updates


def _updates(metrics: pd.DataFrame) -> int:
    """That the cost network had, as far as was logged."""
    learned = metrics.dropna(subset=["cost_loss"]) if "cost_loss" in metrics else metrics
    return 0 if learned.empty else int(learned["update"].iloc[-1])
