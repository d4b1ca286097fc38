"""The file that LeRobot's visualizer plots."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safemil_core.data.curated import Curated
from safemil_core.data.formats import progress_sidecar
from safemil_core.data.recording import About, Part
from safemil_core.data.trajectories import TrajectorySet
from safemil_core.errors import NotReady


def curated(learned_costs: np.ndarray | None) -> Curated:
    return Curated(
        trajectories=TrajectorySet(
            observations=np.zeros((6, 1), np.float32),
            actions=np.zeros((6, 1), np.float32),
            offsets=np.array([0, 3, 4, 6]),
        ),
        chosen=np.array([2, 0]),
        about=About((Part("", (1,)),), (Part("", (1,)),)),
        labels=np.array(["none"] * 3),
        learned_costs=learned_costs,
    )


def test_one_row_a_step_with_its_learned_cost(tmp_path):
    costs = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], dtype=np.float32)
    progress_sidecar.write(curated(costs), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.types == [pa.int64(), pa.int64(), pa.int64(), pa.float32()]
    assert table["index"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["episode_index"].to_pylist() == [0, 0, 1, 1, 1]
    assert table["frame_index"].to_pylist() == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(table["progress_cost"].to_numpy(), costs[[4, 5, 0, 1, 2]])


def test_without_learned_costs_there_is_nothing_to_plot(tmp_path):
    with pytest.raises(NotReady, match="no learned costs"):
        progress_sidecar.write(curated(None), tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()
