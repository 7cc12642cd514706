"""All rows within a distance, against a plain comparison."""

import tracemalloc

import numpy as np
import pytest

from keras_metric.retrieval import Indexer
from tests.oracles import retrieval as oracle

DISTANCES = ["cosine", "euclidean", "squared_euclidean", "dot_product", "manhattan"]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_equals_a_plain_comparison(distance, share, monkeypatch):
    from keras_metric.retrieval import _ranges

    monkeypatch.setattr(_ranges, "_QUERIES", 7)  # several blocks each way
    monkeypatch.setattr(_ranges, "_ROWS", 40)
    rng = np.random.default_rng(0)
    x, q = rng.integers(-4, 5, (150, 3)) + 0.5, rng.integers(-4, 5, (20, 3)) + 0.5
    matrix = oracle.pairwise(q, x, distance)
    values = np.unique(matrix.round(9))
    values = np.append(values, values[-1] + 1)
    place = min(int(share * len(values)), len(values) - 2)
    radius = float(values[place : place + 2].mean())
    index = Indexer(3, distance)
    index.batch_add(x, np.arange(150))
    ids, distances, labels, splits = index.range_search(q, radius)
    for number, line in enumerate(matrix):
        part = slice(*splits[number : number + 2])
        near = np.flatnonzero(line <= radius + 1e-6)
        assert sorted(ids[part].tolist()) == near.tolist()
        np.testing.assert_allclose(distances[part], line[ids[part]], atol=1e-5)
        assert (np.diff(distances[part]) >= 0).all()
    np.testing.assert_array_equal(ids, labels)
    assert splits[-1] == len(ids)


def test_a_radius_of_zero_finds_equal_rows_far_from_the_origin():
    x = np.random.default_rng(0).normal(size=(50, 16)).astype("float32") + 1e4
    for distance in ("cosine", "euclidean", "squared_euclidean", "manhattan"):
        index = Indexer(16, distance)
        index.batch_add(x)
        ids, distances, _, splits = index.range_search(x, 0.0)
        # Cosine may take near-parallel rows for equal ones; each finds itself anyway.
        assert all(i in ids[slice(*splits[i : i + 2])] for i in range(50))
        assert not distances.any()


def test_huge_values_and_endless_radii():
    index = Indexer(2, "squared_euclidean")
    index.batch_add(np.array([[3e38, 0], [-3e38, 0], [0, 0]], "float32"))
    assert index.range_search([[0.0, 0.0]], np.inf)[0].tolist() == [2, 0, 1]
    assert index.range_search([[3e38, 0.0]], 0.0)[0].tolist() == [0]
    assert index.range_search([[0.0, 0.0]], -1.0)[0].tolist() == []


def test_no_queries_find_nothing():
    index = Indexer(2)
    index.batch_add(np.eye(2))
    ids, _, _, splits = index.range_search(np.empty((0, 2)), 1.0)
    assert (ids.tolist(), splits.tolist()) == ([], [0])


def test_memory_does_not_grow_with_the_queries():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20000, 16)).astype("float32")
    index = Indexer(16, "euclidean")
    index.batch_add(x)

    def peak(num):
        queries = x[:num]
        tracemalloc.start()
        index.range_search(queries, 0.1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(256), peak(2560)
    assert many < 1.2 * few + 2**20
    assert many < 200 * 2**20


def test_progress_is_shown_on_demand(capsys):
    index = Indexer(2)
    index.batch_add(np.eye(2))
    index.range_search(np.eye(2), 0.5)
    assert capsys.readouterr().err == ""
    index.range_search(np.eye(2), 0.5, verbose=1)
    assert "Searching" in capsys.readouterr().err
