"""Rows that come one by one: no rebuild each, no memory shared with the caller."""

import time

import numpy as np
import pytest

from keras_metric.retrieval import Indexer

ENGINES = ("flat", "hnsw", "ivf", "ivfpq", "nmslib")


def rows(seed, num, dim=8):
    return np.random.default_rng(seed).normal(size=(num, dim)).astype("float32")


@pytest.mark.parametrize("engine", ENGINES)
def test_one_by_one_finds_what_all_at_once_finds(engine):
    x, q = rows(0, 300), rows(1, 9)
    index = Indexer(8, "euclidean", engine)
    buffer = np.empty((1, 8), "float32")
    for row in x:  # the caller's buffer is written over before the engine ever looks
        buffer[:] = row
        index.batch_add(buffer)
    buffer[:] = np.nan
    exact = np.argsort(np.linalg.norm(q[:, None] - x, axis=2), axis=1)[:, :5]
    found = index.search(q, 5)[0]
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(found, exact, strict=True)])
    assert recall >= (1.0 if engine == "flat" else 0.9)
    np.testing.assert_array_equal(index.search(x, 1)[0][:, 0], np.arange(300))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_ten_times_as_many_adds_take_about_ten_times_as_long(engine):
    def seconds(count):
        index, x = Indexer(4, "euclidean", engine), rows(0, count, 4)
        begin = time.process_time()
        for row in x:
            index.batch_add(row[None])
        return time.process_time() - begin

    seconds(200)
    few, many = min(seconds(1500) for _ in range(3)), seconds(15000)
    assert many < 25 * few, (few, many)  # quadratic: 100 times


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_removed_or_changed_before_the_first_search(engine):
    x = rows(2, 60)
    index = Indexer(8, "euclidean", engine)
    index.batch_add(x)
    index.remove(np.arange(0, 60, 2))
    index.update([1], x[:1])
    assert index.size() == index.engine.size() == 30
    ids, distances, _ = index.search(x[:1], 1)
    assert (ids.item(), distances.item()) == (1, 0.0)
    index.batch_add(x[2:3])
    assert index.search(x[2:3], 1)[0].item() == 60
    assert not np.isin(index.search(x, 31)[0], np.arange(0, 60, 2)).any()


def test_a_graph_built_anew_keeps_rows_that_wait():
    x = rows(3, 40)
    index = Indexer(8, "euclidean", "hnsw")
    index.batch_add(x[:30])
    index.search(x, 1)
    index.batch_add(x[30:])
    index.remove(np.arange(20))  # more than half of the graph
    assert index.size() == index.engine.size() == 20
    np.testing.assert_array_equal(index.search(x[20:], 1)[0][:, 0], np.arange(20, 40))


def test_own_ids_in_any_order_are_found():
    rng = np.random.default_rng(0)
    ids, x = rng.permutation(500), rows(4, 500)
    index = Indexer(8, "euclidean")
    for part in np.split(np.arange(500), 50):
        index.batch_add(x[part], ids[part], ids=ids[part])
        np.testing.assert_array_equal(index.search(x[part], 1)[2][:, 0], ids[part])
    with pytest.raises(ValueError, match="2 of them taken"):
        index.batch_add(x[:3], ids=[600, 0, 499])
    index.remove(ids[:250])
    np.testing.assert_array_equal(index.search(x[250:], 1)[0][:, 0], ids[250:])


def test_nmslibs_query_depth_holds_after_every_build():
    x, q = rows(5, 3000, 32), rows(6, 50, 32)
    exact = np.argsort(np.linalg.norm(q[:, None] - x, axis=2), axis=1)[:, :10]

    def recall(index):
        found = index.search(q, 10)[0]
        return np.mean([np.isin(a, b).mean() for a, b in zip(found, exact, strict=True)])

    for depth in (10, 1000):
        params = {"links": 6, "build_depth": 40, "query_depth": depth}
        index = Indexer(32, "euclidean", "nmslib", search_params=params)
        index.batch_add(x[:1500])
        index.search(q, 10)
        index.batch_add(x[1500:])
        assert (recall(index) > 0.9) == (depth == 1000)
        index.rebuild()
        assert (recall(index) > 0.9) == (depth == 1000)
