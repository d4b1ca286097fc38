"""An additive cost, drawn: one curve an input, and what pairs of inputs add beyond that. To be read and checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts_curves, cost_resources
from dashboard.components.figure import figure
from dashboard.components.trajectory_below import chosen_step, chosen_trajectory, follow
from dashboard.drawing import fragment
from dashboard.words import code_span, plural
from safemil_core.assessment.cost_curves import LEAST, Curve, ReadableCost, Surface
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

KEY = "costs.curves"
N_CURVES = 12
N_SURFACES = 6
"""The most that are drawn."""


def has_curves(info: DatasetInfo, run: Run) -> bool:
    """Whether the cost of a run can be drawn like this, by its settings."""
    config = run.known_config
    return (
        config is not None
        and not info.images
        and config.cost.network != "mlp"
        and config.cost.aggregator != "deep_sets"
    )


def cost_curves(info: DatasetInfo, run: Run) -> None:
    """All curves and surfaces that move the cost, those first that move it most."""
    # What a run has lost is said by the frame, which does not see into a fragment.
    if not cost_resources.cost_function(info, run).is_sum:
        st.info("This cost is no sum of curves, whatever its settings say: *The function* shows it step by step.")
        return
    _section(info, run)


@fragment()
def _section(info: DatasetInfo, run: Run) -> None:
    follow()
    cost, names = cost_resources.readable_cost(info, run), input_names(info, run)
    trajectory = chosen_trajectory(info, run)
    step = chosen_step(cost_resources.costs_of(info, run, trajectory))
    inputs = cost_resources.sampled_inputs(info, run)
    here = cost_resources.cost_function(info, run).inputs(cost_resources.steps_of(info, trajectory)[[step]])[0]
    moving = [curve for curve in cost.curves if curve.deviation >= LEAST]
    _say(cost, [curve for curve in cost.curves if curve.deviation < LEAST], names)
    if moving:
        figure(
            charts_curves.curves(moving[:N_CURVES], names, inputs, here),
            key=f"{KEY}.each",
            table=_table(moving, names),
            alt=f"What each of {plural(len(moving), 'input')} adds to the logit of the cost",
        )
    _caption(moving, f"step {step} of trajectory {trajectory}", cost)
    _together(cost.surfaces, names, here)


def input_names(info: DatasetInfo, run: Run) -> list[str]:
    """Of the D inputs of a run's cost: of a discrete action, each choice is one."""
    names, numbers = info.number_names, cost_resources.cost_function(info, run).number_of_input
    found = []
    for place, number in enumerate(numbers.tolist()):
        choice = place - int(np.searchsorted(numbers, number))
        is_one = number >= info.n_observations and info.choices[number - info.n_observations] is not None
        found.append(f"{names[number]} is {choice}" if is_one else names[number])
    return found


def _say(cost: ReadableCost, without: Sequence[Curve], names: Sequence[str]) -> None:
    usual = 1 / (1 + np.exp(-cost.start))
    words = f"Where every curve is at 0, the cost is **c = {usual:.3f}**; each curve moves its logit up or down."
    if without:
        which = ", ".join(code_span(names[curve.input]) for curve in without[:N_CURVES])
        more = f" and {len(without) - N_CURVES} more" if len(without) > N_CURVES else ""
        words += f" Without any effect: {which}{more}."
    st.markdown(words)


def _caption(moving: Sequence[Curve], step: str, cost: ReadableCost) -> None:
    hidden = len(moving) - N_CURVES
    st.caption(
        "Each curve is all that the cost makes of one input: up is more dangerous. The cost of a step is the sigmoid "
        f"of their sum. Bars: how many steps have that value; the central 99 % are shown. Cross: {step}. "
        + ("Thin lines: the single networks. " if len(cost.curves[0].heights) > 1 else "")
        + (f"{plural(hidden, 'curve')} that move it less: in the CSV." if hidden > 0 else "")
    )


def _together(found: Sequence[Surface], names: Sequence[str], here: np.ndarray) -> None:
    moving = [surface for surface in found if surface.deviation >= LEAST]
    if not moving:
        return
    st.markdown("**What two inputs add together**, beyond what each adds alone")
    figure(
        charts_curves.surfaces(moving[:N_SURFACES], names, here),
        key=f"{KEY}.pairs",
        alt=f"What pairs of inputs add to the logit of the cost, the first {min(N_SURFACES, len(moving))}",
    )
    st.caption(f"Of {plural(len(moving), 'pair')} with an effect, those that move the cost most.")


def _table(found: Sequence[Curve], names: Sequence[str]) -> pd.DataFrame:
    """A row a point of each curve."""
    return pd.concat(
        [
            pd.DataFrame(
                {"input": names[curve.input], "value": curve.x, "adds": curve.at(curve.x)}
                | {f"network {m}": of for m, of in enumerate(curve.heights) if len(curve.heights) > 1}
            )
            for curve in found
        ]
    )
