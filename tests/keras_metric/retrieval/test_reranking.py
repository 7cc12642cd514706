"""Expansion and re-ranking against plain loops over their papers' definitions."""

import math

import numpy as np
import pytest

from keras_metric.retrieval import measures, reranking, splits


def unit(seed, num, dim=4):
    x = np.random.default_rng(seed).normal(size=(num, dim))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_query_expansion_equals_a_plain_loop():
    q, g = unit(0, 5), unit(1, 12)
    near = np.argsort(-q @ g.T, axis=1)[:, :4]
    near[2, 3] = -1
    for alpha in (0.0, 1.0, 3.0):
        found = reranking.expand_queries(q, g, near, alpha)
        for i in range(5):
            total = q[i].copy()
            for j in near[i]:
                if j >= 0:
                    total += max(q[i] @ g[j], 0) ** alpha * g[j]
            np.testing.assert_allclose(found[i], total / np.linalg.norm(total), atol=1e-6)


def loop_k_reciprocal(q, g, k1, k2, weight):
    every = np.concatenate([q, g])
    n = len(every)
    d = [[float(((every[i] - every[j]) ** 2).sum()) for j in range(n)] for i in range(n)]
    d = [[value / max(line) for value in line] for line in d]
    order = [sorted(range(n), key=lambda j, i=i: d[i][j]) for i in range(n)]

    def mutual(i, k):
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    v = np.zeros((n, n))
    for i in range(n):
        own = mutual(i, k1)
        expanded = set(own)
        for j in own:
            half = mutual(j, round(k1 / 2))
            if len(half & own) > 2 / 3 * len(half):
                expanded |= half
        total = sum(math.exp(-d[i][j]) for j in expanded)
        for j in expanded:
            v[i, j] = math.exp(-d[i][j]) / total
    v = np.array([np.mean([v[j] for j in order[i][:k2]], axis=0) for i in range(n)])
    result = np.empty((len(q), len(g)))
    for i in range(len(q)):
        for j in range(len(g)):
            a, b = v[i], v[len(q) + j]
            jaccard = 1 - np.minimum(a, b).sum() / np.maximum(a, b).sum()
            result[i, j] = (1 - weight) * jaccard + weight * d[i][len(q) + j]
    return result


@pytest.mark.parametrize(("k1", "k2", "weight"), [(5, 3, 0.3), (4, 1, 0.0), (99, 2, 1.0)])
def test_k_reciprocal_equals_a_plain_loop(k1, k2, weight):
    q, g = unit(2, 6), unit(3, 15)
    found = reranking.k_reciprocal(q, g, k1, k2, weight)
    expected = loop_k_reciprocal(q, g, min(k1, 20), k2, weight)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_wrong_lists_are_named():
    q, g = unit(0, 2), unit(1, 3)
    for near in ([[3], [0]], [[-2], [0]], [[0]], [[0.5], [1.0]]):
        with pytest.raises(ValueError, match="`neighbors` must be integers of shape"):
            reranking.expand_queries(q, g, near)
    with pytest.raises(ValueError, match="`alpha` must be at least 0"):
        reranking.expand_queries(q, g, [[0], [1]], alpha=-1)
    with pytest.raises(ValueError, match="`weight` must be from 0 to 1"):
        reranking.k_reciprocal(q, g, weight=2)
    with pytest.raises(ValueError, match="`k1` must be an integer"):
        reranking.k_reciprocal(q, g, k1=0)


def test_zero_shot_takes_the_first_half_of_the_classes():
    labels = np.repeat(np.arange(200), 3)[np.random.default_rng(0).permutation(600)]
    train, test = splits.zero_shot(labels)
    assert set(labels[train]) == set(range(100))
    assert set(labels[test]) == set(range(100, 200))
    assert sorted([*train, *test]) == list(range(600))
    assert splits.zero_shot(["b", "a", "c"])[0].tolist() == [1]  # 1 of 3 classes
    for bad, message in (([1, None], "all integers"), ([1, 1], "must have a class")):
        with pytest.raises(ValueError, match=message):
            splits.zero_shot(bad)
    with pytest.raises(ValueError, match="between 0 and 1"):
        splits.zero_shot([0, 1], 1.0)


def test_clusters_scored_by_hand():
    x, y = unit(4, 4), ["a", "a", "b", "b"]
    # The same partition under other names; one that tells nothing: every pair of codes once.
    same = measures.clustering_scores(x, y, clusters=[7, 7, 3, 3])
    assert same == pytest.approx({"nmi": 1, "ami": 1, "adjusted_rand": 1})
    cross = measures.clustering_scores(x, y, clusters=[0, 1, 0, 1])
    # Pairs together: 0 in both, 2 in each, 2 * 2 / 6 expected of at most 2.
    assert cross["nmi"] == pytest.approx(0, abs=1e-12)
    assert cross["adjusted_rand"] == pytest.approx((0 - 4 / 6) / (2 - 4 / 6))


def test_k_means_finds_blobs_apart():
    centers = 10 * np.eye(3)
    y = np.arange(30) % 3
    x = centers[y] + 0.1 * np.random.default_rng(0).normal(size=(30, 3))
    found = measures.clustering_scores(x, y)
    assert found == pytest.approx({"nmi": 1, "ami": 1, "adjusted_rand": 1})
    with pytest.raises(ValueError, match="with None"):
        measures.clustering_scores(x[:2], [None, 1])
