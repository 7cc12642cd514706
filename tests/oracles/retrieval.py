"""Retrieval measures as their definitions read, one loop a symbol: the tests' oracle."""

import numpy as np


def pairwise(queries, gallery, distance):
    """Distances in float64, one pair at a time."""
    q, g = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    one = {
        "euclidean": lambda a, b: np.sqrt(((a - b) ** 2).sum()),
        "squared_euclidean": lambda a, b: ((a - b) ** 2).sum(),
        "manhattan": lambda a, b: np.abs(a - b).sum(),
        "dot_product": lambda a, b: -(a * b).sum(),
        "cosine": lambda a, b: 1 - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()),
    }[distance]
    return np.array([[one(a, b) for b in g] for a in q])


def ranked_hits(distances, label, labels, own=None):
    """Relevance down the list; among equal distances the irrelevant come first."""
    rows = [j for j in range(len(labels)) if j != own]
    rows.sort(key=lambda j: (distances[j], labels[j] == label))
    return [labels[j] == label for j in rows]


def recall_at_k(hits, k):
    return float(any(hits[:k]))


def precision_at_k(hits, k):
    return sum(hits[:k]) / min(k, len(hits))


def average_precision(hits, k, divisor):
    total = 0.0
    for i in range(1, min(k, len(hits)) + 1):
        if hits[i - 1]:
            total += sum(hits[:i]) / i
    return total / divisor


def map_at_k(hits, k):
    return average_precision(hits, k, min(sum(hits), k))


def map_at_r(hits):
    return average_precision(hits, sum(hits), sum(hits))


def r_precision(hits):
    return sum(hits[: sum(hits)]) / sum(hits)


def reciprocal_rank(hits):
    return 1 / (hits.index(True) + 1)


def ndcg_at_k(hits, k):
    gain = sum(1 / np.log2(i + 2) for i, hit in enumerate(hits[:k]) if hit)
    return gain / sum(1 / np.log2(i + 2) for i in range(min(sum(hits), k)))


ALL = {
    "recall_at_1": lambda hits: recall_at_k(hits, 1),
    "recall_at_5": lambda hits: recall_at_k(hits, 5),
    "precision_at_7": lambda hits: precision_at_k(hits, 7),
    "map_at_6": lambda hits: map_at_k(hits, 6),
    "ndcg_at_6": lambda hits: ndcg_at_k(hits, 6),
    "map_at_r": map_at_r,
    "r_precision": r_precision,
    "mrr": reciprocal_rank,
}


def evaluate(queries, labels, gallery, gallery_labels, distance, own=None):
    """Per measure, one value a query; NaN where nothing is relevant."""
    matrix = pairwise(queries, gallery, distance)
    values = {name: [] for name in ALL}
    for i, label in enumerate(labels):
        hits = ranked_hits(matrix[i], label, list(gallery_labels), None if own is None else own[i])
        for name, formula in ALL.items():
            values[name].append(formula(hits) if any(hits) else np.nan)
    return {name: np.array(column) for name, column in values.items()}
