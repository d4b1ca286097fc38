"""What is wrong with a dataset whatever is said of it: dead inputs, wild scales, copies, recordings that broke off."""

from __future__ import annotations

import numpy as np

from safemil_core.assessment.descriptors import nearest
from safemil_core.assessment.doctor.case import Case
from safemil_core.assessment.doctor.findings import Evidence, Finding, Series
from safemil_core.assessment.histograms import middles
from safemil_core.data.recording import CUT_OFF, TERMINATED
from safemil_core.data.trajectories import TrajectorySet

NEVER_VARIES = 1e-6
"""Deviation below which normalisation leaves an input out."""
SQUEEZED = 10.0
"""How many times as much an input may vary as it does without its tails."""
TAIL = 0.01
"""Share of the values at either end."""
MOST_STEPS = 20_000
SOME_COPIES, SOME_CUT = 0.05, 0.05
"""Shares of the trajectories."""
N_NAMED = 4
"""Inputs that a finding names at most."""
_COPY = 1e-6


def constant_dimensions(case: Case) -> list[Finding]:
    """Inputs that say nothing."""
    deviations = np.array(case.inputs.std)
    constant = np.flatnonzero(deviations <= NEVER_VARIES * np.maximum(1.0, np.abs(case.inputs.mean)))
    if not len(constant):
        return []
    names = [case.input_names[i] for i in constant]
    return [
        Finding(
            cause="constant_dimensions",
            symptom="dataset",
            title="Some inputs never vary",
            evidence=f"{len(constant)} of {len(deviations)} inputs are constant: {_some(names)}",
            why="a sensor that was off, padding, or a constant that was written along",
            cure="They do no harm in training; look whether they should vary, and import the file without them.",
            harm=0.2 + 0.4 * len(constant) / len(deviations),
            figure=by_input(case, "deviation (log10)", np.log10(np.maximum(deviations, 1e-12))),
        )
    ]


def scales(case: Case) -> list[Finding]:
    """A few values so far out that normalisation squeezes all others together."""
    usual = _usual_deviations(case.trajectories)
    ratios = np.array(case.inputs.std) / np.where(usual > 0, usual, np.inf)
    wild = np.flatnonzero(ratios > SQUEEZED)
    if not len(wild):
        return []
    names = [case.input_names[i] for i in wild]
    return [
        Finding(
            cause="scales",
            symptom="dataset",
            title="A few values set the scale of whole inputs",
            evidence=f"without the outermost {2 * TAIL:.0%} of its values, {_some(names)} varies up to "
            f"{ratios[wild].max():,.0f} times less",
            why="values that are far out, often those that stand for a missing one, squeeze all others together",
            cure="Clip or replace them in the file and import it again.",
            harm=0.45,
            figure=by_input(case, "deviation by that without the tails (log10)", np.log10(np.maximum(ratios, 0.1))),
        )
    ]


def _usual_deviations(trajectories: TrajectorySet) -> np.ndarray:
    """[O + A] deviation of each input over some steps, without its tails; 0 where these alone vary (rare events)."""
    steps = np.arange(0, trajectories.n_steps, max(1, trajectories.n_steps // MOST_STEPS))
    values = np.column_stack([trajectories.observations[steps], trajectories.actions[steps]]).astype(np.float64)
    low, high = np.quantile(values, (TAIL, 1 - TAIL), axis=0)
    kept = np.ma.masked_array(values, (values < low) | (values > high))
    deviations: np.ndarray = kept.std(axis=0).filled(0.0)
    return deviations


def duplicate_trajectories(case: Case) -> list[Finding]:
    """The same trajectory several times."""
    found = nearest(case.descriptors, np.arange(len(case.descriptors)))
    copies = np.flatnonzero(found.distances <= _COPY)
    if len(copies) <= max(2, SOME_COPIES * len(found.which)):
        return []
    n = len(found.which)
    bars = Series("trajectories", ("single", "more than once"), (float(n - len(copies)), float(len(copies))), "none")
    return [
        Finding(
            cause="duplicate_trajectories",
            symptom="dataset",
            title="Trajectories are in the dataset more than once",
            evidence=f"{len(copies)} of {n} trajectories have an exact copy",
            why="files were imported twice, or merged with their own parts",
            cure="Make a version without the copies: they count twice in bags and in cloning.",
            harm=0.35,
            trajectories=tuple(copies.tolist()),
            figure=Evidence("bars", "", "trajectories", (bars,)),
        )
    ]


def truncated_episodes(case: Case) -> list[Finding]:
    """Recordings that broke off: cut off without an end, long before the time limit that others reached."""
    ends = case.trajectories.ends
    if ends is None:
        return []
    is_cut = ((ends & CUT_OFF) > 0) & ((ends & TERMINATED) == 0)
    if not is_cut.any():
        return []
    limit = int(case.lengths[is_cut].max())
    early = np.flatnonzero(is_cut & (case.lengths < 0.95 * limit))
    if len(early) <= SOME_CUT * len(ends):
        return []
    counts, edges = np.histogram(case.lengths[is_cut], 20)
    steps = tuple(middles(edges).tolist())
    return [
        Finding(
            cause="truncated_episodes",
            symptom="dataset",
            title="Episodes were cut off early",
            evidence=f"{len(early)} of {len(ends)} trajectories were cut off before the limit of {limit} steps",
            why="recordings broke off: what came after is not known, and may have been unsafe",
            cure="Leave them out in a version, or weigh with weights.per_length=true so that ending early is no merit.",
            harm=0.4,
            settings=() if case.config.weights.per_length else ("weights.per_length=true",),
            trajectories=tuple(early.tolist()),
            figure=Evidence(
                "bars",
                "steps",
                "trajectories cut off",
                (Series("cut off", steps, tuple(counts.astype(float).tolist()), "none"),),
            ),
        )
    ]


def by_input(case: Case, title: str, values: np.ndarray) -> Evidence:
    """A bar for each input."""
    return Evidence("bars", "input", title, (Series(title, case.input_names, tuple(values.tolist())),))


def _some(names: list[str]) -> str:
    return ", ".join(names[:N_NAMED]) + (f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else "")
