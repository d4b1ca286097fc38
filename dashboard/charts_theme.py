"""The fixed meaning of colours, and the look that every chart shares. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from safemil_core.data.labels.records import Label


@dataclass(frozen=True)
class Look:
    """What something is called in legends, and its colour."""

    words: str
    colour: str


NON_PREFERRED = "#D55E00"
PREFERRED = "#45B592"
UNSURE = "#C2B616"
UNLABELLED = "#777A7D"
TRUE_COST = "#2063AE"
LEARNED_COST = "#CC6ED0"
"""One meaning each, everywhere. Okabe and Ito's palette, moved until any two are told apart with any colour vision, on
light and on dark: with red-green blindness, their own green and purple are hard to tell from grey."""

LEARNED_COST_SCALE = ("#2A0A55", "#65156E", "#9F2A63", "#D44842", "#F57D15", "#FAC228")
"""Inferno without its ends: its black and its pale yellow would vanish in the dark and in the light page, and
Streamlit's chart theme takes #000004, its first colour, for a placeholder and paints it pink."""
TRUE_COST_SCALE = ("#192C46", "#124477", "#00609E", "#037FBD", "#099FDC", "#57BDEA", "#97D9F2")
STEPS_SCALE = ("#252B26", "#3E443F", "#59605A", "#767C77", "#939A94", "#B2BAB3", "#D2DAD3")
DIFFERENCE_SCALES = {
    "light": ("#036262", "#248787", "#6BA8A7", "#A7C9C8", "#E8E8E8", "#D2BDA9", "#B79472", "#9B6C3C", "#7B4700"),
    "dark": ("#45E8E8", "#44B9B9", "#418D8C", "#3C6262", "#383838", "#6B5541", "#9E754E", "#D2985D", "#FFBF81"),
}
"""Teal where it is less, ochre where it is more; no difference is near the colour of the page. All scales go in even
steps of lightness (OKLab), so that they are read alike in grey and with any colour vision."""

FAINT = "rgba(128, 128, 128, 0.9)"
"""Lines that things are compared with."""
MAX_SVG_POINTS = 2_000
"""Above this many, points are drawn by WebGL."""

LABEL_COLOURS = {"non_preferred": NON_PREFERRED, "preferred": PREFERRED, "unsure": UNSURE, "none": UNLABELLED}
LABEL_BADGES: Mapping[str, Literal["orange", "green", "yellow", "gray"]] = {
    "non_preferred": "orange",
    "preferred": "green",
    "unsure": "yellow",
    "none": "gray",
}
"""The nearest to these among the colours that badges can have."""
POLICY_COLOURS = {"safe": "#56B4E9", "bc": "#E69F00"}
POLICY_WORDS = {"safe": "safe policy", "bc": "plain cloning"}
POLICY_LOOKS: Mapping[str, Look] = {key: Look(words, POLICY_COLOURS[key]) for key, words in POLICY_WORDS.items()}
"""Of a run's own policies, as evaluations call them; those of other runs have the colour of their run."""
LABEL_WORDS = {
    "non_preferred": "non-preferred",
    "preferred": "preferred",
    "unsure": "unsure",
    "none": "unlabelled",
}
LABEL_KEYS: Mapping[str, Label] = {"n": "non_preferred", "p": "preferred", "u": "unsure"}
"""The keys that give them."""

PATH_COLOURS = {**LABEL_COLOURS, "none": "#E69F00"}
"""An unlabelled path in grey would drown in the others behind it: Okabe and Ito's orange."""

RUN_COLOURS = ("#985BBD", "#7FA1B0", "#096500", "#BEB1FF", "#598851", "#5CD486", "#6C4F6D")
"""None of which means anything else."""
RUN_DASHES: tuple[tuple[tuple[int, ...], str], ...] = (((), "━━━"), ((7, 4), "━ ━"), ((2, 4), "╍╍╍"))


@dataclass(frozen=True)
class RunStyle:
    """How the curves of one run are drawn among those of others."""

    colour: str
    dash: tuple[int, ...]
    """Strokes and gaps in pixels; empty: one stroke."""
    stroke: str
    """The dash as text, for tables."""


def run_style(number: int) -> RunStyle:
    """The style of a run by its place among the runs of its dataset, oldest first: later ones do not change it.

    Seven colours, then the same with other dashes: 21 runs can be told apart, with any colour vision.
    """
    dash, stroke = RUN_DASHES[number // len(RUN_COLOURS) % len(RUN_DASHES)]
    return RunStyle(RUN_COLOURS[number % len(RUN_COLOURS)], dash, stroke)


_MARGINS = {"l": 62, "r": 12, "t": 28, "b": 50}
"""In which the numbers of an axis and its title have room."""


def themed(figure: go.Figure, height: int = 340, *, has_numbers_alone: bool = False) -> go.Figure:
    """The same figure with the margins, legend and hover that all charts have; text and grid follow the page.

    Args:
        figure: with one pair of axes or more.
        height: in pixels.
        has_numbers_alone: whether no axis has words along it. Then margins are known, and Plotly need not find them by
            drawing everything twice, which takes two thirds of its time: for figures that follow what somebody does.
    """
    figure.update_layout(
        height=height,
        margin=_MARGINS if has_numbers_alone else {"l": 0, "r": 0, "t": 28, "b": 0},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0, "title": None},
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(automargin=not has_numbers_alone, title_standoff=14)
    figure.update_yaxes(automargin=not has_numbers_alone, title_standoff=14)
    return figure


def plain(name: str) -> str:
    """A name from somebody's file as text: Plotly would take < as markup and % as a template."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")


def whiskers(low: Iterable[float], middle: Iterable[float], high: Iterable[float], **look: Any) -> dict[str, Any]:
    """Plotly's error bars from the least to the largest of each interval."""
    reach = [(at - lower, upper - at) for lower, at, upper in zip(low, middle, high, strict=True)]
    below, above = [below for below, _ in reach], [above for _, above in reach]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}


def dashed(lengths: Sequence[float]) -> str:
    """Plotly's word for a line of such dashes and gaps, in pixels; none are a whole line."""
    return ",".join(f"{length}px" for length in lengths) or "solid"
