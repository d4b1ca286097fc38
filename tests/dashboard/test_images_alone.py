"""Data whose observations are images alone: every page opens, and shows what there is to show."""

import numpy as np
import pytest
import run_fixtures as runs

from safemil_core.assessment.interfaces import newest_frames
from safemil_core.assessment.replays import read_replay
from safemil_core.running.replay_stage import render_replays

N, T = 8, 12


@pytest.fixture
def info(workspace):
    """Trajectories in pictures, two actions and true costs."""
    rng = np.random.default_rng(0)
    arrays = {
        "image.eye": rng.integers(256, size=(N * T, 8, 10, 6), dtype=np.uint8),
        "actions": rng.uniform(-1, 1, size=(N * T, 2)).astype(np.float32),
        "costs": (rng.random(N * T) < 0.2).astype(np.float32),
        "timeouts": np.arange(1, N * T + 1) % T == 0,
    }
    np.savez(workspace.uploads / "eyes.npz", **arrays)
    info = runs.store(workspace).add(workspace.uploads / "eyes.npz", name="eyes")
    runs.mark_costliest(workspace, info)
    return info


@pytest.fixture
def run(workspace, info):
    return runs.finish(runs.new_run(workspace, info), workspace)


def test_every_page_opens_and_draws_over_the_actions(info, run):
    for page in ("datasets", "review", "label", "audit", "train", "compare", "costs", "weights", "doctor", "rollouts"):
        app = runs.open_page(page, dataset=info.name, run=run.id)
        assert (len(app.exception), len(app.error)) == (0, 0), page
        if page == "costs":
            assert app.segmented_control(key="widget.section").options[0] == "Over the actions"
        if page in ("label", "costs"):
            axes = [box.options for box in app.selectbox if box.label in ("Horizontal", "Vertical")]
            names = list(info.action_names)
            of_the_map = [[*names, "principal component 1", "principal component 2"]] * 2 if page == "costs" else []
            assert axes == [*of_the_map, names, names]


def test_a_replay_shows_the_images_that_were_recorded(workspace, info, monkeypatch):
    assert info.can_replay
    monkeypatch.setattr("safemil_core.running.replay_stage.PATIENCE_S", 0.3)
    path = workspace.replay(info.replays, 3)
    (path.parent / "wanted.json").write_text("[3]")
    render_replays(workspace, info.name)
    replay = read_replay(path)
    assert (replay.stride, replay.exact, replay.note) == (1, True, "The images that were recorded with the data.")
    assert replay.video[4:8] == b"ftyp"


def test_the_newest_frame_of_an_image_is_shown_in_its_colours_or_in_grey():
    images = np.arange(2 * 1 * 1 * 6, dtype=np.uint8).reshape(2, 1, 1, 6)
    assert newest_frames(images).tolist() == [[[[3, 4, 5]]], [[[9, 10, 11]]]]
    assert newest_frames(images[..., :4])[0].tolist() == [[[0, 1, 2]]]
    assert newest_frames(images[..., :1])[1].tolist() == [[[6, 6, 6]]]
