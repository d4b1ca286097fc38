"""The cost over any two axes of the state, cell by cell; the steps in chosen cells lead on to their trajectories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import map_resources, resources, state
from dashboard.charts_maps import Grid, MapKind, MapPanel, panel
from dashboard.charts_theme import LABEL_WORDS
from dashboard.columns import STEP
from dashboard.components.cell_inside import cell_inside
from dashboard.components.cell_map import cell_map
from dashboard.components.figure import file_stem
from dashboard.components.run_names import distinct_names
from dashboard.components.trajectory_below import follow
from dashboard.drawing import fragment
from dashboard.map_resources import CellValue
from dashboard.telling import callback
from dashboard.words import code_span
from safemil_core.assessment.principal_components import N
from safemil_core.assessment.state_axes import axis_names
from safemil_core.assessment.state_maps import (
    BINS,
    STATISTICS,
    CellSums,
    StateMap,
    Statistic,
    compared,
    state_map,
)
from safemil_core.data.datasets import DatasetInfo
from safemil_core.data.labels.store import LABELS, Label
from safemil_core.running.run_folder import Run

KEY = "costs.map"
ALL = "all"


@dataclass(frozen=True)
class View:
    """What the maps show."""

    x: int
    y: int
    bins: int
    is_full: bool
    statistic: Statistic
    labels: tuple[Label, ...]
    """Of the trajectories whose steps count."""
    minus: Label | Run | None
    """What is subtracted: the steps of another label, or the cost of another run."""

    @property
    def minus_labels(self) -> tuple[Label, ...]:
        return (self.minus,) if isinstance(self.minus, str) else ()


def cost_map(info: DatasetInfo, run: Run) -> None:
    """Heatmaps of the learned cost over two chosen axes, beside the true cost where that is known and shown."""
    labels = map_resources.run_labels(run)
    _section(info, run, tuple(label for label in LABELS if label in labels))


@fragment()
def _section(info: DatasetInfo, run: Run, labels: tuple[Label, ...]) -> None:
    follow()
    x, y, bins, is_full = _choose_axes(info)
    statistic, shown, minus = _choose_steps(info, run, labels)
    view = View(x, y, bins, is_full, statistic, shown, minus)
    components = _components(info, view)
    grid, panels = maps(info, run, view)
    cells = cell_map(KEY, grid, panels, name=file_stem(KEY))
    if components:
        st.caption(components)
    if len(cells):
        table = map_resources.inside_cells(info, run, x, y, bins, cells, is_full=is_full)
        is_shown = np.isin(map_resources.run_labels(run)[table["trajectory"]], (*shown, *view.minus_labels))
        cell_inside(info, table[is_shown], len(cells), key=KEY)


def maps(info: DatasetInfo, run: Run, view: View) -> tuple[Grid, list[MapPanel]]:
    """The cells, and what they show: the learned cost, then the true one where it is known and shown."""
    has_truth = resources.trajectories(info).costs is not None
    values: list[CellValue] = ["learned", "true"] if has_truth and view.statistic != "steps" else ["learned"]
    found = {value: _map_of(info, run, value, view) for value in values}
    names = axis_names(info)
    axes = [map_resources.state_axis(info, number, is_full=view.is_full) for number in (view.x, view.y)]
    grid = Grid(
        "/".join(map(str, (info.id, view.x, view.y, view.bins, view.is_full))),
        names[view.x],
        names[view.y],
        axes[0].edges(view.bins),
        axes[1].edges(view.bins),
        found["learned"].counts,
    )
    return grid, [panel(found[value], *_about(value, view)) for value in values]


def _map_of(info: DatasetInfo, run: Run, value: CellValue, view: View) -> StateMap:
    """What the cells show of one value; the true cost of another run is no other."""

    def sums(whose: Run, labels: tuple[Label, ...]) -> CellSums:
        found = map_resources.map_sums(info, whose, value, view.x, view.y, of=run, is_full=view.is_full)
        return found.of([LABELS.index(label) for label in labels]).coarser(view.bins)

    these = sums(run, view.labels)
    if isinstance(view.minus, str):
        return compared(these, sums(run, view.minus_labels), view.statistic)
    if view.minus is not None and value == "learned":
        return compared(these, sums(view.minus, view.labels), view.statistic, are_same_steps=True)
    return state_map(these, view.statistic)


def _about(value: CellValue, view: View) -> tuple[str, MapKind]:
    """What a map is called, and which colours it has."""
    are_counted = view.statistic == "steps"
    words = "steps" if are_counted else f"{STEP[value]}, {view.statistic}"
    if isinstance(view.minus, str):
        between = f"{' and '.join(LABEL_WORDS[label] for label in view.labels)} minus {LABEL_WORDS[view.minus]}"
        return f"{'share of steps' if are_counted else words}: {between}", "share" if are_counted else "difference"
    if view.minus is not None and value == "learned":
        return f"{words}: this run minus the other", "difference"
    return words, "steps" if are_counted else value


def _choose_axes(info: DatasetInfo) -> tuple[int, int, int, bool]:
    """Both axes, the cells along them, and whether they reach as far as the outliers."""
    names = axis_names(info)
    numbers, second = range(len(names)), min(1, len(info.coordinate_names) - 1)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = []
    for words, choice, default in (
        ("Horizontal", state.map_x, state.x.among(range(len(info.coordinate_names)), 0)),
        ("Vertical", state.map_y, state.y.among(range(len(info.coordinate_names)), second)),
    ):
        about = choice.widget(numbers, default)
        number: int = row.selectbox(words, numbers, format_func=names.__getitem__, width=260, **about)
        choice.settle(number)  # a fragment's own run does not pass by the frame, which else keeps the URL
        chosen.append(number)
    bins = row.select_slider(
        "Cells along an axis", BINS, value=40, key="costs.bins", width=220, persist_state="session"
    )
    is_full = row.toggle("Full range", key="costs.full", help="Else the central 99 % of either dimension.",
                           persist_state="session")  # fmt: skip
    return chosen[0], chosen[1], bins, is_full


def _choose_steps(
    info: DatasetInfo, run: Run, labels: tuple[Label, ...]
) -> tuple[Statistic, tuple[Label, ...], Label | Run | None]:
    """What a cell shows, of which steps, and what is subtracted."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        statistic: Statistic = st.segmented_control(
            "In a cell", STATISTICS, default="mean", required=True, key="costs.statistic", persist_state="session"
        )
        shown = st.segmented_control(
            "Steps of",
            [ALL, *labels],
            format_func=lambda label: LABEL_WORDS.get(label, label),
            default=ALL,
            required=True,
            key="costs.shown",
            persist_state="session",
        )
        of = labels if shown == ALL else tuple(label for label in labels if label == shown)
        others: dict[str, Label | Run] = {f"label {label}": label for label in labels if label not in of}
        words = {f"label {label}": f"{LABEL_WORDS[label]} steps" for label in labels}
        if statistic != "steps":  # every run has the same
            runs = [other for other in resources.runs().list(info.id) if other.has_costs]
            names = distinct_names(runs, resources.run_notes().all())
            others |= {f"run {other.id}": other for other in runs if other.id != run.id}
            words |= {f"run {name}": f"run {words}" for name, words in names.items()}
        minus = st.selectbox(
            "Minus",
            list(others),
            index=None,
            format_func=words.__getitem__,
            placeholder="nothing",
            disabled=not others,
            key=f"costs.minus.{run.id}.{shown}",
            help="Shows a difference: to the steps of another label, or to what another run has learned.",
            width=280,
        )
        if _has_components(info):
            st.button("Principal components", on_click=_over_components, args=(info,), type="tertiary",
                      icon=":material/scatter_plot:",
                      help="A plane for all dimensions at once: the two directions along which the states differ most.",
                      )  # fmt: skip
    return statistic, of, None if minus is None else others.get(minus)


@callback
def _over_components(info: DatasetInfo) -> None:
    first = len(axis_names(info)) - N
    state.map_x.set(first)
    state.map_y.set(first + 1)


def _components(info: DatasetInfo, view: View) -> str:
    """How much of the data the axes that are principal components hold, and what these are made of; "" for others."""
    first = len(axis_names(info)) - N
    shown = sorted({view.x, view.y} & {first, first + 1}) if _has_components(info) else []
    if not shown:
        return ""
    with st.spinner("Finding the principal components…"):  # of millions of steps they take seconds, once
        found = map_resources.principal_components(info)
        map_resources.state_axis(info, first, is_full=view.is_full)
    sentences = [
        f"Component {number - first + 1} holds {found.shares[number - first]:.0%} of the variance of the standardised "
        "dimensions and leans most on "
        + ", ".join(
            f"{code_span(name)} ({weight:+.2f})"
            for name, weight in found.heaviest(number - first, info.coordinate_names)
        )
        for number in shown
    ]
    return ". ".join(sentences) + "."


def _has_components(info: DatasetInfo) -> bool:
    return len(info.coordinate_names) >= N
