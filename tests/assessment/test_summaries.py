import numpy as np
import pandas as pd

from safemil_core.assessment.replays import is_rendered, read_replay
from safemil_core.assessment.summaries import (
    LabelCounts,
    example_marks,
    label_counts,
    neighbours,
    sample_paths,
)
from safemil_core.data.trajectories import TrajectorySet


def small_set(**truth):
    observations = np.array([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]], dtype=np.float32)
    return TrajectorySet(
        observations=observations,
        actions=np.zeros((5, 1), dtype=np.float32),
        offsets=np.array([0, 2, 5]),
        **{key: np.array(values, dtype=np.float32) for key, values in truth.items()},
    )


def test_examples_are_the_costliest_first_and_of_equal_ones_the_earlier():
    table = pd.DataFrame({"true_cost": [1, 5, 0, 5, 2, 0, 0, 0, 0, 0, 0, 9]})
    assert example_marks(table) == [11, 1, 3]  # a quarter of twelve
    assert example_marks(table, n=2) == [11, 1]


def test_a_trajectory_without_cost_is_no_example():
    assert example_marks(pd.DataFrame({"true_cost": [0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]})) == [2]


def test_labels_are_counted():
    labels = np.array(["none", "preferred", "non_preferred", "none", "non_preferred"])
    assert label_counts(labels) == LabelCounts(non_preferred=2, preferred=1, unlabelled=2)


def test_neighbours_skip_what_is_not_shown():
    order = np.array([3, 1, 0, 2])
    shown = np.array([True, False, True, True])
    assert neighbours(order, shown, 0) == (3, 2)
    assert neighbours(order, shown, 1) == (3, 0)  # not shown itself
    assert neighbours(order, shown, 3) == (None, 0)
    assert neighbours(order, shown, 2) == (0, None)


def test_paths_are_parted_by_nan():
    paths = sample_paths(small_set(), x=1, y=0, n=5, n_points=2)
    np.testing.assert_array_equal(paths.x, np.array([1, 3, np.nan, 5, 7, 9, np.nan], dtype=np.float32))
    np.testing.assert_array_equal(paths.y, np.array([0, 2, np.nan, 4, 6, 8, np.nan], dtype=np.float32))


def test_a_replay_is_read_with_the_facts_beside_it(tmp_path):
    path = tmp_path / "000003.mp4"
    assert read_replay(path) is None
    path.with_suffix(".json").write_text('{"fps": 20, "stride": 5, "exact": false, "note": "placed"}')
    assert read_replay(path) is None  # the video is still on its way
    assert not is_rendered(path)
    path.write_bytes(b"mp4")
    assert is_rendered(path)
    replay = read_replay(path)
    assert replay is not None
    assert (replay.video, replay.fps, replay.stride, replay.exact, replay.note) == (b"mp4", 20.0, 5, False, "placed")
