"""Better neighbours from neighbours: expansion of queries and gallery, and re-ranking.

All of it works on arrays: embeddings, and the neighbour lists `(rows, k)` that
`Indexer.search` gives, as row numbers of the gallery.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import (
    FloatArray,
    IdArray,
    as_array,
    as_embeddings,
    check_positive,
)
from keras_metric.retrieval._distances import normalize


def expand_queries(queries: Any, gallery: Any, neighbors: Any, alpha: float = 3.0) -> FloatArray:
    """Alpha query expansion: a query becomes a weighted mean of itself and its neighbours.

    `q' = q + sum over its neighbours g of max(cos(q, g), 0)^alpha g`, scaled to length 1;
    `alpha = 0` weighs all alike, which is average query expansion (Chum et al., 2007).

    Reference: [Radenovic et al., 2019](https://arxiv.org/abs/1711.02512), section 3.4.

    Args:
        queries: `(queries, dim)`.
        gallery: `(rows, dim)`.
        neighbors: Gallery rows near each query, `(queries, k)`; -1 stands for none.
        alpha: How strongly near neighbours outweigh far ones, at least 0.

    Returns:
        Rows of length 1, `(queries, dim)`, to search with by cosine.

    Raises:
        ValueError: Shapes do not fit together, or `alpha` is negative.

    Example:
        >>> expand_queries([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[0, 1]], alpha=1.0)
        array([[1., 0.]], dtype=float32)
    """
    rows = normalize(as_embeddings(queries, "queries"))
    others = normalize(as_embeddings(gallery, "gallery", rows.shape[1]))
    near = _neighbors(neighbors, len(rows), len(others))
    if not alpha >= 0:
        raise ValueError(f"`alpha` must be at least 0. Received: alpha={alpha!r}")
    expanded = rows.copy()
    for column in near.T:  # one neighbour of all queries at a time keeps memory at one array
        found = others[np.maximum(column, 0)]
        cosine = np.einsum("ij,ij->i", rows, found)
        weight = np.where(column >= 0, np.maximum(cosine, 0) ** np.float32(alpha), 0)
        expanded += weight[:, None].astype(expanded.dtype) * found
    return normalize(expanded)


def augment_gallery(gallery: Any, neighbors: Any, alpha: float = 3.0) -> FloatArray:
    """Database-side augmentation: every gallery row becomes a mean with its own neighbours.

    Reference: Turcot and Lowe, 2009, https://doi.org/10.1109/ICCVW.2009.5457541; with the
    weights of `expand_queries`.

    Args:
        gallery: `(rows, dim)`.
        neighbors: For each row others near it, itself left out, `(rows, k)`.
        alpha: As in `expand_queries`.

    Example:
        >>> augment_gallery([[1.0, 0.0], [0.0, 1.0]], [[1], [0]], alpha=0.0).round(3)
        array([[0.707, 0.707],
               [0.707, 0.707]], dtype=float32)
    """
    return expand_queries(gallery, gallery, neighbors, alpha)


def k_reciprocal(
    queries: Any, gallery: Any, k1: int = 20, k2: int = 6, weight: float = 0.3
) -> NDArray[np.float32]:
    """Distances re-ranked by the neighbours that queries and gallery share.

    `d = (1 - weight) * Jaccard + weight * original`: the Jaccard distance is that of the
    expanded k-reciprocal neighbour sets, softened by `exp(-original)` and averaged over `k2`
    neighbours. The original distance is the squared euclidean one of rows of length 1,
    divided by the largest of each row's.

    It is quadratic in queries plus gallery, in memory too: meant for thousands of rows, such
    as the top of an index's list.

    Reference: [Zhong et al., 2017](https://arxiv.org/abs/1701.08398), equations 2 to 12.

    Args:
        queries: `(queries, dim)`.
        gallery: `(rows, dim)`.
        k1: Neighbours of the reciprocal sets.
        k2: Neighbours a row's set is averaged over.
        weight: Of the original distance, from 0 to 1.

    Returns:
        Distances `(queries, rows)`.

    Raises:
        ValueError: Shapes do not fit together, or a number is out of range.
    """
    rows = as_embeddings(queries, "queries")
    others = as_embeddings(gallery, "gallery", rows.shape[1])
    check_positive(k1, "k1")
    check_positive(k2, "k2")
    if not 0 <= weight <= 1:
        raise ValueError(f"`weight` must be from 0 to 1. Received: weight={weight!r}")
    every = normalize(np.concatenate([rows, others]))
    original = np.maximum(2 - 2 * every @ every.T, 0)
    original /= np.maximum(original.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order = np.argsort(original, axis=1, kind="stable")
    sets = _soft_sets(original, order, min(k1, len(every) - 1))
    if k2 > 1:
        sets = np.stack([sets[order[row, :k2]].mean(axis=0) for row in range(len(every))])
    jaccard = _jaccard(sets, len(rows))
    mixed = (1 - weight) * jaccard + weight * original[: len(rows), len(rows) :]
    return mixed.astype(np.float32)


def _soft_sets(original: FloatArray, order: IdArray, k1: int) -> FloatArray:
    """Row i: `exp(-d(i, j))`, made to sum to 1, over the expanded reciprocal set of i."""
    half = round(k1 / 2)
    sets = np.zeros_like(original)
    reciprocal = [_reciprocal(order, row, k1) for row in range(len(order))]
    narrow = [_reciprocal(order, row, half) for row in range(len(order))]
    for row, members in enumerate(reciprocal):
        parts = [members]
        for member in members:
            shared = np.intersect1d(narrow[member], members, assume_unique=True)
            if 3 * len(shared) > 2 * len(narrow[member]):
                parts.append(narrow[member])
        expanded = np.unique(np.concatenate(parts))
        values = np.exp(-original[row, expanded])
        sets[row, expanded] = values / values.sum()
    return sets


def _reciprocal(order: IdArray, row: int, k: int) -> IdArray:
    """Those of a row's k nearest, itself included, that have it among theirs."""
    near = order[row, : k + 1]
    return near[(order[near, : k + 1] == row).any(axis=1)]


def _jaccard(sets: FloatArray, count: int) -> FloatArray:
    """`1 - sum min / sum max` between the first rows and the rest; every row sums to 1."""
    shared = np.empty((count, len(sets) - count), sets.dtype)
    for row in range(count):
        columns = np.flatnonzero(sets[row])
        shared[row] = np.minimum(sets[count:, columns], sets[row, columns]).sum(axis=1)
    return 1 - shared / (2 - shared)


def _neighbors(neighbors: Any, count: int, num_rows: int) -> IdArray:
    near = as_array(neighbors)
    is_whole = near.ndim == 2 and near.dtype.kind in "iu" and len(near) == count
    if not is_whole or (near.size and (near.min() < -1 or near.max() >= num_rows)):
        raise ValueError(
            f"`neighbors` must be integers of shape ({count}, k), rows of the gallery or -1. "
            f"Received: neighbors of dtype {near.dtype} and shape {near.shape}"
        )
    return near.astype(np.int64)
