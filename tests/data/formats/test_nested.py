import h5py
import numpy as np
import pytest
from curated_strategy import parts
from hypothesis import given
from hypothesis import strategies as st

from safemil_core.data.formats import minari_spaces, nested
from safemil_core.data.formats.minari_spaces import parsed, serialized
from safemil_core.data.recording import About, Part
from safemil_core.errors import InvalidDataset


def test_parts_by_hand():
    of = (Part("gripper", (), "bool"), Part("arm/joints", (2, 2)), Part("mode", (), "int64", 3))
    columns = {
        "mode": np.array([2, 0]),
        "arm/joints": np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]),
        "gripper": np.array([True, False]),
    }
    vectors = nested.flat(of, columns, 2)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 1, 2, 3, 4, 2], [0, 5, 6, 7, 8, 0]]
    back = nested.columns(of, vectors)
    assert back["gripper"].dtype == bool
    assert back["mode"].dtype == np.int64
    for name, values in columns.items():
        np.testing.assert_array_equal(back[name], values)


@given(parts(), st.integers(0, 4))
def test_taking_vectors_apart_and_joining_them_gives_them_back(of, n):
    whole = np.arange(n * sum(part.size for part in of)).reshape(n, -1 if n else sum(part.size for part in of))
    columns = nested.columns(of, (whole % 2).astype(np.float32) if all(p.n_choices != 1 for p in of) else 0.0 * whole)
    vectors = nested.flat(of, columns, n)
    again = nested.columns(of, vectors)
    assert {name: (a.shape, a.dtype, a.tolist()) for name, a in columns.items()} == {
        name: (a.shape, a.dtype, a.tolist()) for name, a in again.items()
    }


def test_a_scalar_may_be_stored_as_a_column_of_one():
    assert nested.flat((Part("x"),), {"x": np.array([[1.0], [2.0]])}, 2).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("of", "column", "message"),
    [
        (Part("x", (2,)), np.zeros((3, 3)), r"'x' has shape \(3, 3\), expected \(3, 2\)"),
        (
            Part("x", (), "int64", 3),
            np.array([0, 3, 1]),
            "'x' has values from 0 to 3, expected one of its choices 0 to 2",
        ),
        (Part("x", (), "int64", 3), np.array([-1, 0, 0]), "from -1 to 0"),
        (Part("x", (), "int64"), np.array([2**24, 2**24 + 1, 0]), "16,777,216 like 16777217 would be rounded"),
        (Part("x", (), "int64", 3), np.array([0, np.nan, 0]), "from nan to nan"),
    ],
)
def test_values_that_do_not_fit_their_part_are_refused(of, column, message):
    with pytest.raises(InvalidDataset, match=message):
        nested.flat((of,), {"x": column}, 3)


def test_pictures_are_uint8_with_sides_of_at_least_32():
    assert nested.is_image(nested.part("camera", (84, 84, 3), np.dtype(np.uint8)))
    assert nested.part("grey", (84, 96), np.dtype(np.uint8)) == Part("grey", (84, 96, 1), "uint8")
    assert nested.is_image(nested.part("grey", (84, 96), np.dtype(np.uint8)))
    for shape, dtype in (((7, 7, 3), np.uint8), ((84, 84, 3), np.float32), ((84, 84, 5), np.uint8), ((84,), np.uint8)):
        assert not nested.is_image(nested.part("other", shape, np.dtype(dtype)))


def test_floating_point_numbers_become_float32_and_others_keep_their_type():
    found = [nested.part("", (), np.dtype(name)).dtype for name in ("f2", "f4", "f8", "u1", "i8", "?")]
    assert found == ["float32", "float32", "float32", "uint8", "int64", "bool"]
    with pytest.raises(InvalidDataset, match="'x' holds object, expected numbers"):
        nested.part("x", (), np.dtype(object))
    with pytest.raises(InvalidDataset, match="'x' has 4294967296 numbers a step"):
        nested.part("x", (2**16, 2**16), np.dtype("f4"))
    with pytest.raises(InvalidDataset, match="'x' has 18446744073709551616 numbers a step"):
        nested.part("x", (2**32, 2**32), np.dtype("f4"))


def test_notes_change_the_order_and_the_types_of_parts_but_not_which_there_are():
    found = About((Part("a", (2,)), Part("b")), (Part("", (3,)),))
    text = '{"observations": %s, "actions": [{"name": "other", "shape": [3], "dtype": "int8", "n_choices": null}]}'
    b = '{"name": "b", "shape": [], "dtype": "int32", "n_choices": 4}'
    a = b.replace(
        '"b", "shape": [], "dtype": "int32", "n_choices": 4', '"a", "shape": [2], "dtype": "float32", "n_choices": null'
    )
    c = a.replace('"a"', '"c"')
    about, _ = nested.completed(found, text % f"[{b}, {a}]")
    assert about.observations == (Part("b", (), "int32", 4), Part("a", (2,)))
    assert about.actions == found.actions
    about, _ = nested.completed(found, text % f"[{b}, {c}]", joined_actions=True)
    assert about.observations == found.observations
    assert about.actions == (Part("other", (3,), "int8"),)


@pytest.mark.parametrize("name", ["a//b", "/a", "a/", ".", "a/./b", "a\0b"])
def test_names_that_are_no_path_are_refused(name):
    with pytest.raises(InvalidDataset, match="cannot be the name of an array"):
        nested.keys(Part(name))


def test_arrays_of_a_group_are_found_with_their_keys(tmp_path):
    with h5py.File(tmp_path / "file.hdf5", "w") as file:
        file["obs/robot/arm"] = np.zeros((2, 3))
        file["obs/time"] = np.zeros(2)
        assert [(keys, array.shape) for keys, array in nested.arrays(file["obs"])] == [
            (("robot", "arm"), (2, 3)),
            (("time",), (2,)),
        ]
        assert nested.find(file, ("obs", "robot", "arm")).shape == (2, 3)
        file["obs/robot/link"] = h5py.SoftLink("/obs/time")
        with pytest.raises(InvalidDataset, match="'link' is a link to somewhere else"):
            list(nested.arrays(file["obs"]))


def test_groups_that_fan_out_without_an_end_are_refused(tmp_path):
    with h5py.File(tmp_path / "file.hdf5", "w") as file:
        for depth in range(12):
            for way in range(10):
                file.require_group(f"level_{depth}")[f"way_{way}"] = file.require_group(f"level_{depth + 1}")
        with pytest.raises(InvalidDataset, match="into more than 4096"):
            list(nested.arrays(file["level_0"]))


@given(parts())
def test_a_space_that_is_written_is_read_again(of):
    leaves = [leaf.part for leaf in parsed(serialized(of)).leaves]
    # Minari's discrete spaces are of int64 and its Dicts group what lies together; our notes know better.
    assert sorted(leaves, key=lambda part: part.name) == sorted(of, key=lambda part: part.name)


def test_spaces_by_hand():
    space = {
        "type": "Dict",
        "subspaces": {
            "many": {"type": "MultiDiscrete", "dtype": "int64", "nvec": [3, 3], "start": [0, 0]},
            "uneven": {"type": "MultiDiscrete", "dtype": "int32", "nvec": [3, 4], "start": [0, 0]},
            "flags": {"type": "MultiBinary", "n": [2, 2]},
            "words": {"type": "Text", "max_length": 3},
        },
    }
    found = parsed(space)
    assert [leaf.part for leaf in found.leaves] == [
        Part("many", (2,), "int64", 3),
        Part("uneven", (2,), "int32"),
        Part("flags", (2, 2), "int8", 2),
    ]
    assert found.left_out == ("words (Text)",)
    assert minari_spaces.serialized((Part("flags", (2, 2), "int8", 2),)) == {
        "type": "Dict",
        "subspaces": {"flags": {"type": "MultiBinary", "n": [2, 2]}},
    }


def test_parts_that_lie_within_others_are_refused():
    for of in ((Part("a"), Part("a/b")), (Part("a/b"), Part("a"))):
        with pytest.raises(InvalidDataset, match="'a/b' lies where 'a' is"):
            serialized(of)
    with pytest.raises(InvalidDataset, match="'a' lies where 'a' is"):
        serialized((Part("a"), Part("a", (2,))))
