"""The notes of an export say what its arrays do not, and are believed no further than they can be."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from factories import trajectory_set

from safemil_core.data import formats
from safemil_core.data.curated import Curated
from safemil_core.data.formats import notes
from safemil_core.data.recording import About, Options, Part
from safemil_core.errors import InvalidDataset

ABOUT = About((Part("", (3,)),), (Part("", (2,)),))


def completed(**said):
    about, _ = notes.from_json(json.dumps(said), ABOUT)
    return about


def test_only_known_and_finite_references_are_taken():
    said = {"random_return": float("nan"), "random_cost": 2, "constrained_cost": float("inf"), "mine": 1.0}
    assert completed(references=said).references == {"random_cost": 2.0}
    assert completed(references={}).references == {}
    with pytest.raises(InvalidDataset, match="its 'safemil' notes are damaged; export the file again"):
        completed(references={"random_return": "many"})


def test_the_name_of_a_part_has_an_end():
    long = {"name": "x" * 1_000, "shape": [3], "dtype": "float32", "n_choices": None}
    assert completed(observations=[long]).observations == (Part("x" * 200, (3,)),)


def test_parts_of_more_numbers_than_64_bits_count_are_not_taken_for_none():
    assert Part(shape=(2**32, 2**32)).size == 2**64
    huge = {"name": "a", "shape": [2**32, 2**32], "dtype": "float32", "n_choices": None}
    small = {"name": "b", "shape": [3], "dtype": "float32", "n_choices": None}
    assert completed(observations=[huge, small]).observations == ABOUT.observations


@pytest.fixture
def seen():
    """Trajectories with a picture of each step."""
    pictures = {"eye": np.zeros((9, 4, 4, 3), np.uint8)}
    about = replace(ABOUT, images=(Part("eye", (4, 4, 3), "uint8"),))
    return Curated(replace(trajectory_set(5, 4), images=pictures), np.arange(2), about, np.array(["none"] * 2))


def with_another_shape(text):
    said = json.loads(text)
    said["images"][0]["shape"] = [2**32, 2**32, 1]
    return json.dumps(said)


def test_pictures_of_a_table_have_the_size_that_its_columns_have(tmp_path, seen):
    formats.write("Parquet", seen, tmp_path / "seen.parquet")
    table = pq.read_table(tmp_path / "seen.parquet")
    said = with_another_shape(table.schema.metadata[b"safemil"])
    pq.write_table(table.replace_schema_metadata({b"safemil": said}), tmp_path / "seen.parquet")
    with pytest.raises(InvalidDataset, match=r"expected images of shape \(4294967296, 4294967296, 1\)"):
        formats.read(tmp_path / "seen.parquet", Options(), "Parquet")


def test_pictures_of_an_hdf5_file_are_as_its_arrays_have_them(tmp_path, seen, monkeypatch):
    to_json = notes.to_json
    monkeypatch.setattr(notes, "to_json", lambda curated: with_another_shape(to_json(curated)))
    formats.write("DSRL HDF5", seen, tmp_path / "seen.hdf5")
    recording = formats.read(tmp_path / "seen.hdf5", Options(), "DSRL HDF5")
    assert recording.about.images == seen.about.images
    assert sum(map(len, recording.steps)) == 9
