"""The parts of a page of HTML that needs nothing else: headings, tables, charts. Says nothing of runs.

Whatever comes in as text leaves as text: names from files and notes of people are escaped here.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; media-src data:"
)
"""The browser itself refuses whatever the page would ask another host for."""
_INK = "#1D2627"


def page(title: str, parts: Iterable[str]) -> str:
    """One document with its styles and Plotly in it."""
    style, script = (Path(__file__).with_suffix(ending).read_text(encoding="utf-8") for ending in (".css", ".js"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style><script>{get_plotlyjs()}</script></head><body><main>"
        + "\n".join(parts)
        + f"</main><script>{script}</script></body></html>\n"
    )


def heading(words: str, below: str) -> str:
    """The title of the page."""
    return f"<header><h1>{html.escape(words)}</h1><p>{html.escape(below)}</p></header>"


def section(title: str, *parts: str, about: str = "") -> str:
    """A part of the page under a heading, with a sentence on what it answers."""
    asked = f'<p class="about">{html.escape(about)}</p>' if about else ""
    return f"<section><h2>{html.escape(title)}</h2>{asked}{''.join(parts)}</section>"


def sentence(words: str) -> str:
    """A paragraph."""
    return f"<p>{html.escape(words)}</p>"


def verbatim(words: str) -> str:
    """A text line by line, as it is."""
    return f"<pre>{html.escape(words)}</pre>"


def tiles(values: Sequence[tuple[str, str]]) -> str:
    """Numbers to see at once, each under what it is."""
    each = (f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in values)
    return f'<dl class="tiles">{"".join(each)}</dl>'


def table(rows: pd.DataFrame) -> str:
    """A table; its index is not shown."""
    return str(rows.to_html(index=False, escape=True, border=0, na_rep="—"))


def charts(each: Sequence[tuple[go.Figure, str]], first: int = 0) -> str:
    """Charts beside each other where there is room, each with what it shows.

    Args:
        each: a figure and its name.
        first: the number of the first; each number is on the page once.
    """
    place = "charts beside" if len(each) > 1 else "charts"  # columns that are there before their charts are drawn
    return f'<div class="{place}">{"".join(_chart(*it, first + n) for n, it in enumerate(each))}</div>'


def film(content: bytes, name: str) -> str:
    """An mp4 video, in the page itself."""
    coded = base64.b64encode(content).decode()
    said = html.escape(name, quote=True)
    source = f"data:video/mp4;base64,{coded}"
    return (
        f'<figure><figcaption>{said}</figcaption><video controls aria-label="{said}" src="{source}"></video></figure>'
    )


def _chart(figure: go.Figure, name: str, number: int) -> str:
    figure = go.Figure(figure)
    figure.update_layout(
        template="plotly_white",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": _INK},
    )
    figure.update_layout(margin={"r": 16})
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        include_mathjax=False,
        div_id=f"chart-{number}",
        config={"responsive": True, "displaylogo": False, "displayModeBar": False},
    )
    said = html.escape(name, quote=True)
    return f'<figure role="img" aria-label="{said}"><figcaption>{said}</figcaption>{drawn}</figure>'
