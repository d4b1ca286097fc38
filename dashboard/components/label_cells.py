"""A column of tables that holds labels: a badge for each in its colour, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from dashboard.charts_theme import LABEL_COLOURS, LABEL_WORDS


def label_cells(labels: Iterable[str], rows: pd.Index) -> pd.Series:
    """What stands in the column of a table with these rows."""
    return pd.Series([[LABEL_WORDS[label]] if label != "none" else [] for label in labels], rows)


def label_column(width: int) -> ColumnConfig:
    """How it is shown, as wide as so many pixels."""
    colours = [LABEL_COLOURS[label] for label in LABEL_WORDS]
    return st.column_config.MultiselectColumn(width=width, options=list(LABEL_WORDS.values()), color=colours)
