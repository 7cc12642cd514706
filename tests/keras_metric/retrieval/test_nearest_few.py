"""Shallow measures look at the nearest few of a row, and give what all of it gives."""

import numpy as np
import pytest

from keras_metric.retrieval.measures import _nearest_few, _per_query, evaluate

MEASURES = ["recall_at_1", "recall_at_5", "precision_at_3", "map_at_5", "ndcg_at_4"]


def data(seed, gallery=907, queries=61, ties=False):
    rng = np.random.default_rng(seed)
    labels, query_labels = rng.integers(0, 7, gallery), rng.integers(0, 9, queries)
    x, q = rng.normal(size=(gallery, 5)), rng.normal(size=(queries, 5))
    if ties:  # few different scores
        x, q = np.round(x / 2), np.round(q / 2)
    return x.astype("float32"), labels, q.astype("float32"), query_labels


def both_ways(monkeypatch, *args, **options):
    called = []
    with monkeypatch.context() as patch:
        original = _per_query.nearest_ranks
        patch.setattr(
            _per_query, "nearest_ranks", lambda *more: called.append(1) or original(*more)
        )
        found = evaluate(*args, measures=MEASURES, **options)
    assert called
    with monkeypatch.context() as patch:
        patch.setattr(_per_query, "is_worth_it", lambda *args: False)
        patch.setattr(_per_query, "depth_of", lambda *args: None)
        return found, evaluate(*args, measures=MEASURES, **options)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("distance", ["cosine", "euclidean", "dot_product", "manhattan"])
def test_with_a_gallery(monkeypatch, distance, ties):
    for seed in range(3):
        x, labels, q, query_labels = data(seed, ties=ties)
        found, expected = both_ways(monkeypatch, q, query_labels, x, labels, distance=distance)
        assert found.num_without_relevant == expected.num_without_relevant > 0
        for name in MEASURES:
            np.testing.assert_array_equal(found.per_query[name], expected.per_query[name])


@pytest.mark.parametrize("ties", [False, True])
def test_leave_one_out(monkeypatch, ties):
    x, labels, _, _ = data(3, ties=ties)
    labels[5] = 99  # nothing else is relevant to it
    found, expected = both_ways(monkeypatch, x, labels, distance="euclidean")
    assert found.num_without_relevant == expected.num_without_relevant == 1
    for name in MEASURES:
        np.testing.assert_array_equal(found.per_query[name], expected.per_query[name])


def test_labels_that_equal_nothing(monkeypatch):
    x, labels, q, query_labels = data(4)
    labels, query_labels = labels.astype(object), query_labels.astype(object)
    labels[::3], query_labels[::4] = None, None
    found, expected = both_ways(monkeypatch, q, query_labels, x, labels)
    assert found.num_without_relevant == expected.num_without_relevant >= 16
    for name in MEASURES:
        np.testing.assert_array_equal(found.per_query[name], expected.per_query[name])


@pytest.mark.parametrize("size", [400, 401, 419, 440])
@pytest.mark.parametrize("levels", [3, 1000])
def test_ranks_by_sorting(size, levels):
    rng = np.random.default_rng(size)
    scores = rng.integers(0, levels, (20, size)).astype("float32")
    scores[:, 7] = np.inf
    starts, ends = rng.integers(0, 200, 20), rng.integers(200, size, 20)
    found = _nearest_few.nearest_ranks(scores, starts, ends, 5)
    for row, ranks in enumerate(found):
        columns = np.arange(size)
        is_relevant = (starts[row] <= columns) & (columns < ends[row])
        # By score, and of equal ones the irrelevant first.
        order = sorted(columns, key=lambda c: (scores[row, c], is_relevant[c]))
        expected = [place for place, c in enumerate(order, 1) if is_relevant[c]]
        assert ranks.tolist() == [rank for rank in expected if rank <= 5]


def test_few_runs_are_not_worth_it():
    assert _nearest_few.is_worth_it(10, 60_000)
    assert not _nearest_few.is_worth_it(10, 1000)
    assert not _nearest_few.is_worth_it(0, 60_000)
    assert not _nearest_few.is_worth_it(5, 0)
