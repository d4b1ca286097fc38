"""A trajectory's own video, cut out of the file that came with its dataset: recorded frames, nothing simulated."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import imageio_ffmpeg

from safemil_core.errors import InvalidDataset

LONGEST_S = 120
"""Of work on one clip."""
LARGEST_BYTES = 2 * 2**30
"""Of memory for it, and of what it writes."""
WIDEST = 480
"""Pixels; a clip is looked at beside curves."""


def cut_clip(source: Path, start_s: float, end_s: float, n_steps: int, out: Path) -> float:
    """Write one trajectory's piece of a video as H.264 that every browser plays and seeks.

    Args:
        source: a video that came with a dataset, of any codec that ffmpeg reads; it is not trusted.
        start_s: where the trajectory begins in it.
        end_s: where it ends.
        n_steps: frames that the piece should have, one a step.
        out: the mp4 file to write.

    Returns:
        Frames a second of what was written.

    Raises:
        InvalidDataset: the file is no such video, or takes too long.
    """
    if not 0 <= start_s < end_s or end_s - start_s > 24 * 3600:
        raise InvalidDataset(f"the recorded video has no piece from {start_s} s to {end_s} s; import the data again")
    fps = min(max(n_steps / (end_s - start_s), 0.5), 120.0)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y",
        "-protocol_whitelist", "file", "-threads", "1",  # a playlist in disguise opens nothing else
        "-ss", f"{start_s:.6f}", "-t", f"{end_s - start_s:.6f}", "-i", f"file:{source}",
        "-map", "0:v:0", "-an", "-sn", "-dn", "-frames:v", str(n_steps),
        "-vf", f"fps={fps:.6f},scale='trunc(min({WIDEST},iw)/2)*2':-2",
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "10", "-movflags", "+faststart",
        "-f", "mp4", f"file:{out}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, preexec_fn=_limited)
    except subprocess.TimeoutExpired:
        raise InvalidDataset(f"{source.name} takes longer than {LONGEST_S} s to cut; leave the video out") from None
    if done.returncode or not out.exists() or not out.stat().st_size:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        raise InvalidDataset(f"{source.name} is no video that can be cut ({said}); record it again or leave it out")
    return fps


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (LARGEST_BYTES, LARGEST_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_BYTES, LARGEST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
