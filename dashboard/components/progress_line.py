"""How far any task in a process of its own is, on one line."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from safemil_core.clock import duration
from safemil_core.running.job_store import Job, JobState
from safemil_core.running.progress import Progress, State

COLOURS: dict[State | JobState, Literal["blue", "green", "orange", "red", "gray"]] = {
    "starting": "gray",
    "queued": "gray",
    "running": "blue",
    "stopping": "orange",
    "done": "green",
    "stopped": "orange",
    "failed": "red",
    "lost": "red",
}


def progress_line(progress: Progress | Job, unit: str, *, place: int = 0) -> None:
    """State, bar, rate and time left; `place` is that of a queued job, from 1."""
    badge, bar = st.columns([1, 8], vertical_alignment="center")
    badge.badge(progress.state, color=COLOURS[progress.state])
    bar.progress(share(progress), text=progress_words(progress, unit, place=place))


def share(progress: Progress | Job) -> float:
    """How much is done, from 0 to 1."""
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def progress_words(progress: Progress | Job, unit: str, *, place: int = 0) -> str:
    """`500 of 1,500 updates · 100 a second · 10 s left · on cpu`."""
    if progress.state == "queued":
        before = {0: "", 1: ", next in turn"}.get(place, f", number {place} in the queue")
        return f"waits until {progress.device} is free{before}"
    if progress.state == "starting" or not (progress.total or progress.is_finished):
        return "starting its process…"
    if not progress.total:
        return "had not begun"
    words = f"{progress.done:,} of {progress.total:,} {unit}"
    if progress.is_finished:
        words += f" in {duration(progress.seconds)}"
    elif progress.rate:
        words += f" · {progress.rate:,.3g} a second · {duration(progress.seconds_left)} left"
    return f"{words} · on {progress.device}" if progress.device else words
