"""Films of episodes: what is drawn below, how several stand side by side, and files that browsers play."""

import imageio.v2 as imageio
import numpy as np
import pytest

from safemil_core.assessment.rollouts import Episode
from safemil_core.assessment.videos import FPS, STRIP_HEIGHT, TRUE_COST, film, join, write_mp4
from safemil_core.errors import EnvironmentUnavailable

UNSEEN = np.zeros((0, 0), np.float32)
"""For what a test does not look at."""


def made_up(n_steps):
    """An episode that costs something halfway."""
    costs = np.zeros(n_steps, np.float32)
    costs[n_steps // 2] = 1
    learned = np.linspace(0, 1, n_steps, dtype=np.float32)
    return Episode(0, np.ones(n_steps, np.float32), costs, learned, UNSEEN, UNSEEN)


def filmed(path, n_steps, stride, shade):
    """Its film in one shade."""
    frames = [np.full((64, 128, 3), shade, np.uint8)] * len(range(0, n_steps, stride))
    film(path, made_up(n_steps), frames, stride)
    return path


def shown(path):
    """The frames of a video, and what is known of it."""
    with imageio.get_reader(path) as reader:
        return [frame for frame in reader], reader.get_meta_data()  # noqa: C416  # list() would ask for its length


def test_an_episode_is_filmed_with_its_costs_below_and_where_it_is(tmp_path):
    frames, _ = shown(filmed(tmp_path / "film.mp4", 40, 10, 60))
    assert len(frames) == 4
    for frame in frames:
        assert frame.shape == (64 + STRIP_HEIGHT, 128, 3)
        assert abs(frame[10:54, 10:-10].mean() - 60) < 4
    edges = [frame[:4, :, 2].mean() - frame[:4, :, 0].mean() for frame in frames]
    assert [edge > 60 for edge in edges] == [False, False, True, False]  # steps 20 to 29
    # Video halves the resolution of colours, so not to the pixel: bluest where step 20 of 40 is, of 128 pixels.
    strip = frames[0][64 + 30 : -30].astype(int)
    blue = (strip[..., 2] - strip[..., 0]).sum(axis=0)
    assert blue.argmax() in range(62, 68)
    assert TRUE_COST[2] > TRUE_COST[0]
    markers = [int(frame[64 + 25 : -25].astype(int).sum(axis=(0, 2)).argmax()) for frame in frames]
    assert markers == pytest.approx([0, 32, 64, 96], abs=2)


def test_films_stand_side_by_side_and_one_that_has_ended_stays_on_its_last_frame(tmp_path):
    films = [filmed(tmp_path / "safe.mp4", 30, 10, 50), filmed(tmp_path / "bc.mp4", 50, 10, 200)]
    join(films, tmp_path / "both.mp4")
    frames, about = shown(tmp_path / "both.mp4")
    assert (len(frames), about["fps"]) == (5, FPS)
    for frame in frames:
        assert frame.shape == (64 + STRIP_HEIGHT, 256, 3)
        assert abs(frame[10:54, 10:118].mean() - 50) < 4
        assert abs(frame[10:54, 138:-10].mean() - 200) < 4
    left, right = ([frame[64:, part].astype(int) for frame in frames] for part in (slice(128), slice(128, None)))
    assert np.abs(left[2] - left[4]).max() < 40  # its marker stands still too
    assert np.abs(right[2] - right[4]).max() > 100


def test_a_video_plays_back_with_its_frames_size_and_rate(tmp_path):
    shades = [20, 60, 100, 140, 180, 220]
    write_mp4(tmp_path / "video.mp4", (np.full((160, 256, 3), shade, np.uint8) for shade in shades))
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]
    frames, about = shown(tmp_path / "video.mp4")
    assert (about["codec"], about["fps"], tuple(about["size"])) == ("h264", FPS, (256, 160))
    assert about["pix_fmt"].startswith("yuv420p")  # what browsers decode
    assert [int(frame.mean().round()) for frame in frames] == pytest.approx(shades, abs=4)


def test_a_video_that_cannot_be_made_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((160, 256, 3), np.uint8)
        raise EnvironmentUnavailable("gone")

    with pytest.raises(EnvironmentUnavailable):
        write_mp4(tmp_path / "video.mp4", frames())
    assert list(tmp_path.iterdir()) == []
