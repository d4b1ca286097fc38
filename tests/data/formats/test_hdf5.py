"""Guarded, streaming access to HDF5: blocks give the very values that the library gives."""

import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safemil_core.data.formats import hdf5
from safemil_core.errors import InvalidDataset

TYPES = ("<f4", ">f4", "<f8", "<f2", "i1", "<u2", ">i8", "?")


@st.composite
def layouts(draw):
    """Shape of a row, chunks, filters and type of an array of 53 rows."""
    row = tuple(draw(st.lists(st.integers(1, 5), max_size=3)))
    chunks = tuple(draw(st.integers(1, size)) for size in (53, *row))
    packed = draw(
        st.sampled_from(
            [
                {},
                {"compression": "gzip"},
                {"compression": "gzip", "shuffle": True},
                {"compression": "lzf"},
                {"shuffle": True},
            ]
        )
    )
    return row, draw(st.sampled_from([{}, {"chunks": chunks, **packed}])), draw(st.sampled_from(TYPES))


@settings(max_examples=30)
@given(st.lists(layouts(), min_size=1, max_size=4), st.integers(1, 2000), st.booleans())
def test_blocks_are_what_the_library_reads(tmp_path_factory, several, block_bytes, is_sparse):
    path = tmp_path_factory.mktemp("file") / "arrays.hdf5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for place, (row, options, dtype) in enumerate(several):
            values = rng.integers(0, 100, size=(53, *row)).astype(dtype)
            array = file.create_dataset(str(place), values.shape, dtype, fillvalue=1, **options)
            array[:] = values
            if is_sparse and "chunks" in options:  # some chunks are never written
                del file[str(place)]
                array = file.create_dataset(str(place), values.shape, dtype, fillvalue=1, **options)
                array[20:30] = values[20:30]
    with hdf5.opened(path) as file:
        arrays = {key: hdf5.array(file, key) for key in file}
        blocks = list(hdf5.blocks(arrays, block_bytes))
        assert all(len({len(rows) for rows in block.values()}) == 1 for block in blocks)
        for key, array in arrays.items():
            found = np.concatenate([block[key] for block in blocks])
            np.testing.assert_array_equal(found, array[()])
            assert {block[key].dtype for block in blocks} == {array.dtype}


def test_rows_are_decoded_in_parts_where_chunks_are_tall(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "SLAB_BYTES", 1000)
    values = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("a", data=values, chunks=(400, 2), compression="gzip")
    with hdf5.opened(tmp_path / "a.hdf5") as file:
        blocks = list(hdf5.blocks({"a": hdf5.array(file, "a")}))
    assert max(len(block["a"]) for block in blocks) < 60
    np.testing.assert_array_equal(np.concatenate([block["a"] for block in blocks]), values)


def test_chunks_that_no_memory_holds_are_refused_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "LARGEST_BAND", 1000)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_dataset("a", data=np.zeros((500, 6), np.float32), chunks=(400, 2), compression="gzip")
    with (
        hdf5.opened(tmp_path / "a.hdf5") as file,
        pytest.raises(InvalidDataset, match=r"chunks that span 400 steps.*h5repack"),
    ):
        hdf5.array(file, "a")


def test_a_chunk_that_unpacks_to_another_size_is_damaged(tmp_path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        array = file.create_dataset("a", (500,), "f4", chunks=(500,), compression="gzip")
        array.id.write_direct_chunk((0,), zlib.compress(bytes(10**6)))
    with hdf5.opened(path) as file, pytest.raises(InvalidDataset, match="a chunk is damaged"):
        list(hdf5.blocks({"a": hdf5.array(file, "a")}))


def test_attributes_are_numbers_or_text_or_nothing(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.attrs.update({"number": 3.5, "text": "x", "bytes": np.bytes_("y"), "empty": h5py.Empty("f4"), "none": ""})
        file.attrs["reference"] = file.ref
    with hdf5.opened(tmp_path / "a.hdf5") as file:
        assert hdf5.attribute(file, "number") == 3.5
        assert [hdf5.text(file, key) for key in ("text", "bytes", "none", "number", "absent")] == [
            "x",
            "y",
            *[None] * 3,
        ]
        assert (
            hdf5.attribute(file, "empty") is hdf5.attribute(file, "reference") is hdf5.attribute(file, "absent") is None
        )


def test_groups_and_their_members(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_group("Größe/b")
        file["array"] = [1, 2]
        file["away"] = h5py.SoftLink("/array")
    with hdf5.opened(tmp_path / "a.hdf5") as file:
        assert sorted(hdf5.members(file)) == ["Größe", "array", "away"]
        assert hdf5.members(hdf5.group(file, "Größe")) == ["b"]
        assert (hdf5.is_group(file, "Größe"), hdf5.is_group(file, "array")) == (True, False)
        with pytest.raises(InvalidDataset, match="'array' is an array, expected a group"):
            hdf5.group(file, "array")
        with pytest.raises(InvalidDataset, match="'away' is a link to somewhere else"):
            hdf5.group(file, "away")


@pytest.mark.parametrize("name", ["a\x1b[2J", b"\xff\xfe"])
def test_names_that_are_no_plain_text_are_refused(tmp_path, name):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file[name] = [1]
    with hdf5.opened(tmp_path / "a.hdf5") as file, pytest.raises(InvalidDataset, match="is not plain text"):
        hdf5.members(file)
