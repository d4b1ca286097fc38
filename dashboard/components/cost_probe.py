"""The learned cost as a function: around one step, over two of its numbers and over the action, data or not."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard import charts_probe, cost_resources, state
from dashboard.components.choice import choice
from dashboard.components.figure import figure
from dashboard.components.trajectory_below import chosen_step, chosen_trajectory, follow, lead_on
from dashboard.drawing import fragment
from dashboard.telling import callback
from dashboard.words import code_span, fine_steps, plural
from safemil_core.assessment import probe
from safemil_core.data.datasets import DatasetInfo
from safemil_core.running.run_folder import Run

KEY = "costs.probe"
RANGES = {"central": "Central 99 %", "full": "All data", "wide": "Beyond"}
N_SLIDERS = 4
STEP_KEY, DIFFERS_KEY = f"{KEY}.step", f"{KEY}.differs"


def cost_probe(info: DatasetInfo, run: Run) -> None:
    """Maps of what the cost network says around the chosen step of the chosen trajectory."""
    if info.images:
        st.info("This cost sees images, and a probe needs numbers: no picture lies between two others.")
        return
    _section(info, run)


@fragment()
def _section(info: DatasetInfo, run: Run) -> None:
    follow()
    trajectory = chosen_trajectory(info, run)
    step_place, axes_place, range_place = st.columns([4, 5, 4], gap="medium", vertical_alignment="top")
    with step_place:
        step = _choose_step(info, run, trajectory)
    free = numbers_of(info)
    with axes_place:
        x, y = _choose_two(info, free, f"{KEY}.{run.id}", default=cost_resources.far_reaching(info, run, tuple(free)))
    reach = choice("Range", f"{KEY}.range", RANGES, range_place)
    recorded = cost_resources.steps_of(info, trajectory)[step]
    numbers = _fix_others(info, run, recorded, [n for n in free if n not in (x, y)], f"{run.id}.{trajectory}.{step}")
    _say_costs(info, run, recorded, numbers, f"step {step} of trajectory {trajectory}")
    if cost_resources.cost_function(info, run).n_members > 1:
        st.toggle(
            "Show how far its networks differ", key=DIFFERS_KEY, persist_state="session",
            help="The deviation of the cost over the ensemble: high where the data say little.",
        )  # fmt: skip
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Over two numbers, all others as in this step**")
        _show(info, run, numbers, x, y, reach, key=f"{KEY}.map")
    with right:
        _over_the_action(info, run, numbers, reach)
    st.caption(
        "Lines outline where 50 % and 90 % of the recorded steps lie, whatever their other numbers; dots are the "
        f"{probe.N_ALIKE} steps most like this one in all numbers but the two that are moved. Far from both, the "
        "network has seen nothing: what it says there is a guess."
    )


def numbers_of(info: DatasetInfo) -> list[int]:
    """Which of the O + A numbers of a step can be moved: all but the choices of discrete actions."""
    return [*range(info.n_observations), *(info.n_observations + i for i, n in enumerate(info.choices) if n is None)]


def _choose_step(info: DatasetInfo, run: Run, trajectory: int) -> int:
    costs = cost_resources.costs_of(info, run, trajectory)
    step = chosen_step(costs)
    state.set_widget_value(STEP_KEY, step)
    number_place, button_place = st.columns([1, 1], vertical_alignment="bottom")
    number_place.number_input(
        "Step", 0, len(costs) - 1, step=1, key=STEP_KEY,
        on_change=_to_step, args=(trajectory,),
        help=f"Of trajectory {trajectory}. The view below chooses another, and the other sections lead to a step.",
    )  # fmt: skip
    costliest = int(costs.argmax())
    button_place.button(
        "Its costliest step", on_click=lead_on, args=(trajectory, costliest), disabled=step == costliest,
        key=f"{KEY}.costliest",
    )  # fmt: skip
    return step


@callback
def _to_step(trajectory: int) -> None:
    lead_on(trajectory, int(state.widget_value(STEP_KEY)))


def _choose_two(info: DatasetInfo, free: list[int], key: str, default: list[int]) -> tuple[int, int]:
    """Two of these numbers, at first the first of the default; the same one twice where there is one only."""
    names = info.number_names
    chosen = [
        place.selectbox(
            words, free, index=free.index(wanted), format_func=names.__getitem__, key=f"{key}.{words}",
            persist_state="session",
        )
        for place, words, wanted in zip(st.columns(2), ("Across", "Up"), [*default, *default][:2], strict=True)
    ]  # fmt: skip
    return int(chosen[0]), int(chosen[1])


def _fix_others(info: DatasetInfo, run: Run, recorded: np.ndarray, others: list[int], of: str) -> np.ndarray:
    """The step with the numbers that move its cost most as sliders have them: [O + A]."""
    function, known = cost_resources.cost_function(info, run), cost_resources.ranges(info)
    most = probe.by_reach(function, recorded[None], known.central, others)[:N_SLIDERS]
    numbers, names = recorded.copy(), info.number_names
    if not most:
        return numbers
    for place, number in zip(st.columns(N_SLIDERS, gap="medium"), most, strict=False):
        low, high = probe.widened(known.full[number], float(recorded[number]))
        key = f"{KEY}.fixed.{of}.{number}"
        if state.widget_value(key) is None:
            state.set_widget_value(key, float(recorded[number]))
        numbers[number] = place.slider(
            code_span(names[number]), low, high, **fine_steps(low, high), key=key,
            help="Kept fixed in the maps. Of the numbers that are not moved in the map at the left, these move the "
            "cost of this step most.",
        )  # fmt: skip
    return numbers


def _say_costs(info: DatasetInfo, run: Run, recorded: np.ndarray, numbers: np.ndarray, step: str) -> None:
    function = cost_resources.cost_function(info, run)
    was, now = function.costs(function.inputs(np.stack([recorded, numbers]))).tolist()
    words = f"The cost of {step} is **c = {was:.3f}**"
    changed = int((recorded != numbers).sum())
    if changed:
        words += f"; with {plural(changed, 'number')} as the sliders have it, **{now:.3f}**"
    st.markdown(f"{words}.")


def _show(info: DatasetInfo, run: Run, numbers: np.ndarray, x: int, y: int, reach: str, *, key: str) -> None:
    """A map over two numbers, or a curve where they are the same."""
    function, names = cost_resources.cost_function(info, run), info.number_names
    steps = cost_resources.sampled_steps(info)
    across, up = (_bounds(info, numbers, number, reach) for number in (x, y))
    if x == y:
        curve = probe.line(function, numbers, x, np.linspace(*across, probe.N_POINTS))
        chart = charts_probe.line(curve, names[x], float(numbers[x]), steps[:, x])
        figure(chart, key=key, alt=f"Learned cost over {names[x]}, all else as in this step")
        return
    found = probe.plane(function, numbers, x, y, across, up)
    chart = charts_probe.plane(
        found,
        (names[x], names[y]),
        (float(numbers[x]), float(numbers[y])),
        probe.density(found, steps[:, [x, y]]),
        steps[probe.alike(steps, cost_resources.ranges(info).deviation, numbers, (x, y))][:, [x, y]],
        found.spread if state.widget_value(DIFFERS_KEY) else None,
    )
    figure(chart, key=key, alt=f"Learned cost over {names[x]} and {names[y]}, all else as in this step")


def _bounds(info: DatasetInfo, numbers: np.ndarray, number: int, reach: str) -> tuple[float, float]:
    known = cost_resources.ranges(info)
    bounds = known.central if reach == "central" else known.full
    return probe.widened(bounds[number], float(numbers[number]), by=0.5 if reach == "wide" else 0.0)


def _over_the_action(info: DatasetInfo, run: Run, numbers: np.ndarray, reach: str) -> None:
    st.markdown("**Over the action, in this state**")
    if not cost_resources.cost_function(info, run).sees_actions:
        st.markdown("This cost looks at observations alone (`cost.inputs`): it is the same whatever is done here.")
        return
    moved = [number for number in numbers_of(info) if number >= info.n_observations]
    if len(moved) > 2:
        x, y = _choose_two(info, moved, f"{KEY}.action.{run.id}", default=moved)
    elif moved:
        x, y = moved[0], moved[-1]
    else:
        _over_choices(info, run, numbers)
        return
    _show(info, run, numbers, x, y, reach, key=f"{KEY}.action")


def _over_choices(info: DatasetInfo, run: Run, numbers: np.ndarray) -> None:
    function = cost_resources.cost_function(info, run)
    lines = [
        probe.line(function, numbers, info.n_observations + place, np.arange(n or 1, dtype=np.float32))
        for place, n in enumerate(info.choices)
    ]
    taken = numbers[info.n_observations :].astype(int).tolist()
    chart = charts_probe.choices(lines, info.action_names, taken)
    figure(chart, key=f"{KEY}.choices", alt="Learned cost of every choice in this state")
