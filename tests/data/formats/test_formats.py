"""What a user may have to say because a file does not is refused where the file does."""

from __future__ import annotations

import pytest

from safemil_core.data import formats
from safemil_core.data.recording import Options
from safemil_core.errors import InvalidDataset


@pytest.mark.parametrize("name", ["Minari", "LeRobot", "robomimic HDF5"])
def test_a_format_that_keeps_each_trajectory_by_itself_takes_no_episode_length(tmp_path, name):
    said = f"^a: it is {name}, which says where episodes end; leave the episode length out$"
    with pytest.raises(InvalidDataset, match=said):
        formats.read(tmp_path / "a", Options(episode_length=5), name)
