"""Neighbours of queries in an index: arrays first, objects when asked."""

from collections import defaultdict, deque
from time import perf_counter
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._distances import paired_distances
from keras_metric.retrieval._labels import LabelArray
from keras_metric.retrieval._similarity import import_similarity

_CHUNK_FLOATS = 2**22


def search(index: Any, queries: FloatArray, k: int, verbose: int) -> tuple[IdArray, FloatArray]:
    """Ids and distances `(queries, min(k, size))`, nearest first, equal ones by id."""
    check_filled(index)
    if index.engine.outgrown():
        index.rebuild()
    k = min(k, index.size())
    wanted = min(k * index.engine.oversample, index.size())
    ids = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k), np.float32)
    step = max(1, _CHUNK_FLOATS // (wanted * (1 + index.engine.refined * index.embedding_size)))
    start_time = perf_counter()
    with tqdm(total=len(queries), desc="Searching", disable=not verbose) as bar:
        for start in range(0, len(queries), step):
            part = queries[start : start + step]
            near, values = index.engine.nearest(part, wanted)
            end = start + len(part)
            ids[start:end], distances[start:end] = _best(index, part, near, values, k)
            bar.update(len(part))
    _count_lookups(index, len(queries), perf_counter() - start_time)
    return ids, distances


def labels_of(index: Any, ids: IdArray) -> LabelArray:
    """Labels in the shape of the ids; None where an id is -1."""
    known = ids >= 0
    labels = index.kv_store.labels
    if known.all():
        found: LabelArray = labels[index.kv_store.rows_of(ids.ravel())].reshape(ids.shape)
        return found
    found = np.full(ids.shape, None, object)
    found[known] = labels[index.kv_store.rows_of(ids[known])]
    return found


def as_objects(
    index: Any, ids: IdArray, distances: FloatArray, labels: LabelArray
) -> list[list[Any]]:
    """`Lookup` objects of tensorflow-similarity, one list a query."""
    lookup = import_similarity("types").Lookup
    result = []
    rows = zip(ids, distances.tolist(), labels.tolist(), strict=True)
    for near, values, names in rows:
        count = int((near >= 0).sum())
        embeddings, _, data = index.kv_store.batch_get(near[:count])
        columns = zip(values[:count], names[:count], embeddings, data, strict=True)
        result.append([lookup(rank, *column) for rank, column in enumerate(columns, 1)])
    return result


def reset_stats(index: Any) -> None:
    """Forget how fast look-ups were."""
    index._stats = defaultdict(int)
    index._lookup_timings_buffer = deque(maxlen=index.stat_buffer_size)


def check_filled(index: Any) -> None:
    """An empty index has no neighbours to give."""
    if not index.size():
        raise ValueError("The index must hold at least one row. Received: an empty index")


def _best(
    index: Any, queries: FloatArray, ids: IdArray, distances: FloatArray, k: int
) -> tuple[IdArray, FloatArray]:
    """The k best of what an engine found, its distances computed anew where they are rough."""
    if index.engine.refined:
        found = ids >= 0
        places = np.zeros(ids.shape, np.int64)
        places[found] = index.kv_store.rows_of(ids[found])
        near = index.kv_store.embeddings[places]  # (queries, wanted, dim)
        exact = paired_distances(queries[:, None], near, index.metric)
        distances = np.where(found, exact, np.float32(np.inf))
    # -1 stands for nothing found and must come last among infinite distances too.
    order = np.lexsort((ids, ids < 0, distances), axis=1)[:, :k]
    return np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1)


def _count_lookups(index: Any, count: int, seconds: float) -> None:
    index._stats["num_lookups"] += count
    kept = min(count, index.stat_buffer_size)
    index._lookup_timings_buffer.extend([seconds / max(count, 1)] * kept)
