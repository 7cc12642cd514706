"""All rows within a distance, in memory that does not grow with queries or gallery.

A matrix product finds the pairs that may be within the radius; the distances of these alone
are then computed from differences, and decide.
"""

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._distances import normalize, paired_distances
from keras_metric.retrieval._lookups import check_filled

_QUERIES, _ROWS, _PAIR_FLOATS = 256, 2**14, 2**22


def range_search(
    index: Any, queries: FloatArray, radius: float, verbose: int
) -> tuple[IdArray, FloatArray, IdArray]:
    """Ids and distances within the radius, one query after another, and their splits."""
    check_filled(index)
    if not isinstance(radius, (int, float, np.number)) or np.isnan(radius):
        raise ValueError(f"`radius` must be a number. Received: radius={radius!r}")
    ids, distances = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    counts = np.zeros(len(queries) + 1, np.int64)
    with tqdm(total=len(queries), desc="Searching", disable=not verbose) as bar:
        for start in range(0, len(queries), _QUERIES):
            part = queries[start : start + _QUERIES]
            found = [_within(index, part, first, float(radius))
                     for first in range(0, index.size(), _ROWS)]  # fmt: skip
            query, row, values = (np.concatenate(column) for column in zip(*found, strict=True))
            near = index.kv_store.ids[row]
            order = np.lexsort((near, values, query))
            ids.append(near[order])
            distances.append(values[order])
            counts[start + 1 : start + 1 + len(part)] = np.bincount(query, minlength=len(part))
            bar.update(len(part))
    return np.concatenate(ids), np.concatenate(distances), np.cumsum(counts)


def _within(
    index: Any, queries: FloatArray, first: int, radius: float
) -> tuple[IdArray, IdArray, FloatArray]:
    """Query, row and distance of each pair of a block that is within the radius."""
    gallery = index.kv_store.embeddings[first : first + _ROWS]
    with np.errstate(over="ignore", invalid="ignore"):
        query, row = np.nonzero(_may_be_within(queries, gallery, index.metric, radius))
        values = np.concatenate(
            [np.empty(0, np.float32)]
            + [
                paired_distances(queries[query[part]], gallery[row[part]], index.metric)
                for part in _pieces(len(query), queries.shape[1])
            ]
        ).astype(np.float32)
    keep = values <= radius
    return query[keep], first + row[keep], values[keep]


def _may_be_within(queries: FloatArray, gallery: FloatArray, distance: str, radius: float) -> Any:
    """No pair within the radius is missing: rounding is allowed for."""
    slack = 4 * (queries.shape[1] + 4) * np.finfo(np.float32).eps
    if distance == "manhattan":
        rough = faiss.pairwise_distances(queries, gallery, faiss.METRIC_L1)
        return ~(rough * (1 - slack) > radius)
    if distance == "cosine":
        return ~(1 - normalize(queries) @ normalize(gallery).T > radius + slack)
    lengths = [np.einsum("ij,ij->i", x, x) for x in (queries, gallery)]
    if distance == "dot_product":
        size = np.sqrt(lengths[0])[:, None] * np.sqrt(lengths[1])
        return ~(-(queries @ gallery.T) - slack * size > radius)
    limit = radius if distance == "squared_euclidean" or radius < 0 else radius**2
    size = lengths[0][:, None] + lengths[1]
    # NaN, from values whose squares overflow, may be within as well.
    return ~(size - 2 * (queries @ gallery.T) - slack * size > limit * (1 + slack))


def _pieces(count: int, dim: int) -> Iterator[slice]:
    step = max(1, _PAIR_FLOATS // dim)
    return (slice(start, start + step) for start in range(0, count, step))
