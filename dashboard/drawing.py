"""Pages and parts of them: one that cannot be drawn says why; one whose dataset is gone is drawn of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from dashboard import resources
from dashboard.components import pickers
from dashboard.telling import show_problem, show_told
from safemil_core.errors import SafeMILError

P = ParamSpec("P")


@contextmanager
def drawing() -> Iterator[None]:
    """Draw a page or a part of it. What it has not said itself is said in its place; where its dataset or its run was
    removed meanwhile, the whole page is drawn anew, and the frame chooses another one.
    """
    try:
        yield
    except SafeMILError as problem:
        if _is_gone():
            st.rerun()
        show_problem(problem)


def _is_gone() -> bool:
    info, run = pickers.chosen_dataset(), pickers.chosen_run()
    there = {(each.name, each.id) for each in resources.datasets().list()}
    return (info is not None and (info.name, info.id) not in there) or (
        run is not None and run.id not in {each.id for each in resources.runs().list()}
    )


def fragment(*, run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """`st.fragment` for a part of a page, whose problems are not those of the rest (see `drawing`)."""

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @st.fragment(run_every=run_every)
        @wraps(draw)
        def part(*args: P.args, **kwargs: P.kwargs) -> None:
            with drawing():
                show_told()
                draw(*args, **kwargs)

        return part

    return decorate
