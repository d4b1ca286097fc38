"""Frames -> mp4 that browsers play, with the true and the learned cost drawn below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from safemil_core.assessment.rollouts import Episode
from safemil_core.workspace import whole_file

FPS = 20
STRIP_HEIGHT, EDGE = 96, 6
"""Pixels."""
LARGEST_ENLARGED = 384
"""Pixels along an edge."""
TRUE_COST, LEARNED_COST, INK, PAPER = (32, 99, 174), (204, 110, 208), (226, 230, 240), (16, 19, 26)
"""Okabe and Ito's blue and purple, the colours of true and learned cost everywhere in this project."""
TRUE_COST_WORDS = (87, 189, 234)
"""Words in that blue could not be read on PAPER: a lighter one."""


def film(path: Path, episode: Episode, frames: Sequence[np.ndarray], frame_stride: int) -> None:
    """Write an episode's film: what was seen every `frame_stride` steps, [height, width, 3] uint8 each, edged in blue
    where a step costs, with all costs of the episode and the step below. The file appears whole."""
    strip = _strip(episode, frames[0].shape[1])

    def drawn() -> Iterator[np.ndarray]:
        for number, frame in enumerate(frames):
            step = number * frame_stride
            is_costly = (episode.costs[step : step + frame_stride] > 0).any()
            yield np.vstack([_edged(frame) if is_costly else frame, _at_step(strip, episode, step)])

    write_mp4(path, drawn())


def join(films: Sequence[Path], path: Path) -> None:
    """Write several films of the same size side by side as one; one that has ended stays on its last frame."""
    readers = [imageio.get_reader(each) for each in films]
    try:
        write_mp4(path, map(np.hstack, _in_lock_step(readers)))
    finally:
        for reader in readers:
            reader.close()


def enlarged(frame: np.ndarray) -> np.ndarray:
    """The same picture [height, width, 3] in larger pixels, where it is a small one."""
    times = max(1, LARGEST_ENLARGED // max(frame.shape[:2]))
    return frame.repeat(times, axis=0).repeat(times, axis=1)


def write_mp4(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write H.264 that plays and seeks to the frame in every browser (a key frame twice a second)."""
    with whole_file(path) as whole:
        temporary = whole.with_name(f"{whole.name}.mp4")  # the ending tells ffmpeg the container
        try:
            writer = imageio.get_writer(
                temporary,
                fps=FPS,
                codec="libx264",
                macro_block_size=16,
                ffmpeg_params=["-movflags", "+faststart", "-g", "10", "-loglevel", "error"],
            )
            with closing(writer):  # by itself it stays open after an error, and ffmpeg writes on
                for frame in frames:
                    writer.append_data(frame)
            temporary.replace(whole)
        finally:
            temporary.unlink(missing_ok=True)


def _in_lock_step(films: Sequence[Any]) -> Iterator[list[np.ndarray]]:
    """The frames of all films at once, until the last has ended."""
    shown: list[np.ndarray] = []
    for frames in zip_longest(*films):
        shown = [last if now is None else now for now, last in zip_longest(frames, shown)]
        yield shown


def _edged(frame: np.ndarray) -> np.ndarray:
    edged = np.empty_like(frame)
    edged[:] = TRUE_COST
    edged[EDGE:-EDGE, EDGE:-EDGE] = frame[EDGE:-EDGE, EDGE:-EDGE]
    return edged


def _strip(episode: Episode, width: int) -> Image.Image:
    """The whole episode's costs: true cost as blue bars, learned cost as a line, with the sums as text."""
    image = Image.new("RGB", (width, STRIP_HEIGHT), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=13)
    summary = f"return {episode.rewards.sum():.0f}   cost {episode.costs.sum():.0f}"
    draw.text((8, 5), summary, fill=INK, font=font)
    draw.text((8, STRIP_HEIGHT - 17), "true cost", fill=TRUE_COST_WORDS, font=font)
    draw.text((76, STRIP_HEIGHT - 17), "learned cost", fill=LEARNED_COST, font=font)
    for step in np.flatnonzero(episode.costs > 0).tolist():
        left = _column(step, episode, width)
        draw.rectangle((left, _row(min(float(episode.costs[step]), 1.0)), left + 1, _row(0.0)), fill=TRUE_COST)
    points = [(_column(step, episode, width), _row(float(cost))) for step, cost in enumerate(episode.learned_costs)]
    draw.line(points, fill=LEARNED_COST, width=2)
    return image


def _at_step(strip: Image.Image, episode: Episode, step: int) -> np.ndarray:
    image = strip.copy()
    at = _column(step, episode, strip.width)
    ImageDraw.Draw(image).line([(at, _row(1.0) - 2), (at, _row(0.0) + 2)], fill=INK, width=2)
    return np.asarray(image)


def _column(step: int, episode: Episode, width: int) -> int:
    return int(step / len(episode) * width)


def _row(cost: float) -> int:
    """The y pixel of a cost in [0, 1], between the title and the legend."""
    return round(STRIP_HEIGHT - 22 - cost * (STRIP_HEIGHT - 48))
