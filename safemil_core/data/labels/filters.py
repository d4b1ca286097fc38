"""Filters: which trajectories of a dataset are looked at, by what is said of them and by their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from safemil_core.data.labels.records import LabelState


@dataclass(frozen=True)
class Filters:
    """What a trajectory must have to be listed: all of it."""

    show: str = "all"
    """A label, or `all`."""
    tags: tuple[str, ...] = ()
    """One of these, or any where there is none; so for reasons and authors."""
    reasons: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    """Column, least and largest value."""

    @property
    def n_more(self) -> int:
        """How many filters there are beside the label's."""
        return sum(map(bool, (self.tags, self.reasons, self.authors))) + len(self.ranges)

    def passes(self, table: pd.DataFrame, said: LabelState) -> np.ndarray:
        """[N] bool, whether each trajectory is listed. A range of a column that is not there lets all through."""
        shown = np.full(len(table), True)
        if self.show != "all":
            shown &= said.labels == self.show
        if self.tags:
            shown &= np.isin(np.arange(len(table)), [t for tag in self.tags for t in said.tags.get(tag, ())])
        if self.reasons:
            shown &= np.isin(said.reasons, self.reasons)
        if self.authors:
            shown &= np.isin(said.authors, self.authors)
        for column, low, high in self.ranges:
            if column in table:
                shown &= table[column].between(low, high).to_numpy()
        return shown
