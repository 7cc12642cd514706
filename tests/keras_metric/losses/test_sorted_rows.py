"""Sorted rows and the places in them, against numpy."""

import numpy as np
import pytest
from keras import ops

from keras_metric.losses._sorted_rows import SortedRows
from tests.backends import to_numpy


def rows_of(seed, shape):
    """Numbers of either sign, many of them equal, some zero of either sign."""
    rng = np.random.default_rng(seed)
    matrix = (rng.integers(-3, 4, shape) * rng.choice([0.5, 1e-30, 1e30], shape)).astype("float32")
    return matrix, rng.random(shape) < 0.6


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 8), (9, 33)])
def test_values_counts_and_places_are_those_of_numpy(shape):
    matrix, mask = rows_of(0, shape)
    queries, _ = rows_of(1, shape)
    after_equal = np.arange(shape[1]) % 2 == np.zeros((shape[0], 1))
    rows = SortedRows(ops.convert_to_tensor(matrix), ops.convert_to_tensor(mask))
    places = rows.places(ops.convert_to_tensor(queries), ops.convert_to_tensor(after_equal))
    less = to_numpy(rows.places(ops.convert_to_tensor(queries)))
    for row in range(shape[0]):
        expected = np.sort(matrix[row][mask[row]])
        count = len(expected)
        assert to_numpy(rows.counts)[row, 0] == count
        np.testing.assert_array_equal(to_numpy(rows.values)[row, :count], expected)
        assert np.isposinf(to_numpy(rows.values)[row, count:]).all()
        np.testing.assert_array_equal(less[row], np.searchsorted(expected, queries[row]))
        both = [np.searchsorted(expected, queries[row], side) for side in ("left", "right")]
        expected = np.where(after_equal[row], both[1], both[0])
        np.testing.assert_array_equal(to_numpy(places)[row], expected)


def test_infinite_entries_count_too():
    matrix = np.array([[np.inf, 1.0, np.inf, 2.0]], "float32")
    mask = np.array([[True, True, False, True]])
    rows = SortedRows(ops.convert_to_tensor(matrix), ops.convert_to_tensor(mask))
    queries = ops.convert_to_tensor(np.array([[np.inf, 0.0, 1.5, 9.0]], "float32"))
    np.testing.assert_array_equal(to_numpy(rows.places(queries)), [[2, 0, 1, 2]])
    all_of_it = rows.places(queries, ops.ones((1, 4), dtype="bool"))
    np.testing.assert_array_equal(to_numpy(all_of_it), [[3, 0, 1, 2]])


def test_what_is_at_each_place():
    matrix = np.array([[5.0, 1.0, 5.0, 2.0], [3.0, 3.0, 3.0, 0.0]], "float32")
    mask = np.array([[True, True, True, False], [True, False, True, True]])
    rows = SortedRows(ops.convert_to_tensor(matrix), ops.convert_to_tensor(mask))
    places = rows.places(ops.convert_to_tensor(matrix))
    np.testing.assert_array_equal(to_numpy(places), [[1, 0, 1, 1], [1, 1, 1, 0]])
    sums = to_numpy(rows.sums_at(places, ops.convert_to_tensor(matrix * mask)))
    np.testing.assert_array_equal(sums, [[1, 10, 0, 0, 0], [0, 6, 0, 0, 0]])
    columns = to_numpy(rows.columns_at(places, ops.convert_to_tensor(mask)))
    np.testing.assert_array_equal(columns[:, :2], [[1, 2], [3, 2]])
