"""Coordinates as cells: against NumPy's histograms, kept in files and found again; principal components by hand."""

import numpy as np
import pytest
from factories import trajectory_set
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safemil_core.assessment.principal_components import principal_components
from safemil_core.assessment.state_axes import FINE, OUTSIDE, Axis, StateAxes, are_alike
from safemil_core.data.storage.npy_stream import blocks, mapped

VALUES = hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(-1e3, 1e3, width=32))


def test_a_value_on_an_edge_belongs_to_the_cell_above_and_the_highest_to_the_last():
    axis = Axis.of(np.array([0, 1, 1.99, 2, 199, 200], dtype=np.float32), is_full=True)
    assert (axis.low, axis.high) == (0, 200)
    assert axis.cells.tolist() == [0, 1, 1, 2, 199, 199]
    np.testing.assert_array_equal(axis.edges(4), [0, 50, 100, 150, 200])


def test_an_outlier_does_not_squeeze_an_axis_and_lies_outside():
    axis = Axis.of(np.append(np.linspace(0, 1, 999), 1e6).astype(np.float32))
    assert axis.high <= 1
    assert (axis.cells == OUTSIDE).sum() == 10  # 5 below the 0.5th percentile, 4 and the outlier above the 99.5th


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("x", "y"), True),
        (("x", "y", "z"), True),
        (("velocity_x", "velocity_y"), True),
        (("x", "vy"), False),
        (("sin_yaw", "cos_yaw"), False),
        (("observation 0", "observation 1"), False),
    ],
)
def test_dimensions_are_alike_that_differ_in_their_direction_alone(names, expected):
    assert are_alike(names) is expected


@pytest.mark.parametrize("value", [3.0, 0.0, -1e30])
def test_a_dimension_that_never_changes_still_has_an_axis(value):
    axis = Axis.of(np.full(4, value, dtype=np.float32))
    assert axis.low < value < axis.high
    assert (axis.cells < FINE).all()


@given(VALUES, st.booleans())
def test_cells_are_those_of_numpys_histogram(values, is_full):
    axis = Axis.of(values, is_full=is_full)
    expected, _ = np.histogram(values.astype(np.float64), axis.edges(FINE))
    counts = np.bincount(axis.cells, minlength=256)
    np.testing.assert_array_equal(counts[:FINE], expected)
    assert counts[OUTSIDE] == len(values) - expected.sum()


def test_axes_are_observations_then_actions_then_principal_components_and_are_found_again(tmp_path):
    trajectories = trajectory_set(30, 20, n_observations=3, n_actions=2)
    axes = StateAxes(tmp_path, trajectories)
    made = [axes.axis(number, is_full=True) for number in range(7)]
    projected = axes.components().projected(trajectories.observations)
    columns = [*trajectories.observations.T, *trajectories.actions.T, *projected.T]
    for axis, column in zip(made, columns, strict=True):
        expected = Axis.of(column, is_full=True)
        assert (axis.low, axis.high) == (expected.low, expected.high)
        np.testing.assert_array_equal(axis.cells, expected.cells)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = StateAxes(tmp_path, trajectories).axis(6, is_full=True)
    np.testing.assert_array_equal(again.cells, made[6].cells)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept


def test_all_axes_can_be_made_beforehand(tmp_path):
    StateAxes(tmp_path, trajectory_set(5, 4)).prepare()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"central-000{number}.cells" for number in range(7)), "components.json",
    ]  # fmt: skip


def test_of_a_mapped_file_blocks_are_all_its_rows_once(tmp_path):
    rows = np.arange(21, dtype=np.float32).reshape(7, 3)
    np.save(tmp_path / "rows.npy", rows)
    file = mapped(tmp_path / "rows.npy")
    np.testing.assert_array_equal(np.concatenate(list(blocks(file, 2))), rows)
    np.testing.assert_array_equal(np.concatenate(list(blocks(file[2:5], 2))), rows[2:5])
    assert all(block.base is not file.base for block in blocks(file, 2))


def test_two_principal_components_by_hand():
    """x and y rise together, z is apart and w never changes: of three changing dimensions x and y share two."""
    x = np.array([1, -1, 1, -1], dtype=np.float32)
    z = np.array([1, 1, -1, -1], dtype=np.float32)
    found = principal_components(np.stack([10 + x, -5 * x, z, np.full(4, 7, np.float32)], axis=1))
    np.testing.assert_allclose(found.means, [10, 0, 0, 7], atol=1e-12)
    np.testing.assert_allclose(found.deviations, [1, 5, 1, 1])
    np.testing.assert_allclose(found.shares, [2 / 3, 1 / 3])
    np.testing.assert_allclose(np.abs(found.vectors[0]), [np.sqrt(0.5), np.sqrt(0.5), 0, 0], atol=1e-12)
    assert found.vectors[0, 0] == pytest.approx(-found.vectors[0, 1])
    np.testing.assert_allclose(found.vectors[1], [0, 0, 1, 0], atol=1e-12)  # the farthest entry from 0 is positive
    assert [name for name, _ in found.heaviest(1, ["x", "y", "z", "w"], 1)] == ["z"]


def test_what_lies_in_a_plane_keeps_its_distances_there():
    flat = np.random.default_rng(0).normal(size=(30, 2)) @ np.array([[3.0, 0, 2, 4], [0, 1, -1, 0]])
    flat = (flat - flat.mean(axis=0)) / flat.std(axis=0)
    plane = principal_components(flat).projected(flat)
    apart = np.linalg.norm(flat[:, None] - flat, axis=2)
    np.testing.assert_allclose(np.linalg.norm(plane[:, None] - plane, axis=2), apart, atol=1e-5)
    assert plane[:, 0].var() >= plane[:, 1].var()


@pytest.mark.parametrize("shape", [(1, 3), (2, 2)])
def test_the_components_of_little_are_still_a_plane(shape):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    plane = principal_components(values).projected(values)
    assert plane.shape == (shape[0], 2)
    assert np.isfinite(plane).all()


@given(hnp.arrays(np.float32, st.tuples(st.integers(3, 40), st.integers(2, 6)), elements=st.floats(-10, 10, width=32)))
def test_principal_components_are_those_of_the_singular_value_decomposition(values):
    found = principal_components(values)
    exact = values.astype(np.float64)
    deviations = exact.std(axis=0)
    deviations[(exact == exact[0]).all(axis=0)] = 1
    if (deviations < 1e-3).any():  # so nearly constant that rounding decides
        return
    standardised = (exact - exact.mean(axis=0)) / deviations
    strengths = np.linalg.svd(standardised, compute_uv=False) ** 2
    n_changing = max(1, int((exact != exact[0]).any(axis=0).sum()))
    np.testing.assert_allclose(found.shares, (strengths / len(values) / n_changing)[:2], atol=1e-6)
    projected = found.projected(values)
    np.testing.assert_allclose((projected.astype(np.float64) ** 2).sum(axis=0), strengths[:2], rtol=1e-3, atol=1e-3)
