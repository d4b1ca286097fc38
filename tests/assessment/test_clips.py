from __future__ import annotations

from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest

from safemil_core.assessment.clips import cut_clip
from safemil_core.errors import InvalidDataset


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 10 frames a second, each frame as bright as its number says."""
    path = tmp_path_factory.mktemp("clips") / "file-000.mp4"
    frames = [np.full((64, 96, 3), 8 * number, np.uint8) for number in range(30)]
    imageio.mimwrite(path, frames, fps=10, macro_block_size=16)  # type: ignore[arg-type]
    return path


def brightness(path: Path) -> list[int]:
    return [round(float(np.asarray(frame).mean()) / 8) for frame in imageio.mimread(path)]


def test_a_clip_has_one_frame_for_each_step_of_its_trajectory(video: Path, tmp_path: Path) -> None:
    fps = cut_clip(video, 1.0, 2.2, 12, tmp_path / "clip.mp4")
    assert fps == pytest.approx(10)
    assert brightness(tmp_path / "clip.mp4") == list(range(10, 22))


@pytest.mark.parametrize(("start", "end"), [(2.0, 2.0), (-1.0, 2.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_a_piece_that_is_none_is_refused(video: Path, tmp_path: Path, start: float, end: float) -> None:
    with pytest.raises(InvalidDataset, match="no piece from"):
        cut_clip(video, start, end, 12, tmp_path / "clip.mp4")


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(InvalidDataset, match=r"a\.mp4 is no video that can be cut"):
        cut_clip(tmp_path / "a.mp4", 0.0, 1.0, 10, tmp_path / "clip.mp4")


def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path, video: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for text in (f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n{video}\n", f"ffconcat version 1.0\nfile {video}\n"):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(InvalidDataset, match="no video"):
            cut_clip(tmp_path / "list.mp4", 0.0, 1.0, 10, tmp_path / "clip.mp4")
