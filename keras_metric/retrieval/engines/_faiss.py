"""Exact and approximate search in FAISS."""

from typing import Any

import numpy as np

from keras_metric.retrieval._arrays import FloatArray, IdArray
from keras_metric.retrieval._distances import normalize
from keras_metric.retrieval.engines._base import Neighbors, VectorSearch
from keras_metric.retrieval.engines._library import faiss, search


class FaissSearch(VectorSearch):
    """Abstract base of the FAISS engines: metrics, ids and units.

    FAISS knows inner products, squared euclidean and manhattan distances. Cosine distance is
    one minus the inner product of rows of length 1. (Half their squared euclidean distance is
    the same, but not for zero rows, which have cosine distance 1 to all.)
    """

    def __init__(self, distance: Any, dim: int, verbose: int = 0, name: str | None = None) -> None:
        super().__init__(distance, dim, verbose, name)
        self.refined = "euclidean" in self.metric
        self._index: Any = None
        self.reset()

    def nearest(self, queries: FloatArray, k: int) -> Neighbors:
        """Ids and distances `(queries, k)`, nearest first; -1 and infinity where missing."""
        values, ids = self._search(self._prepared(queries), k)
        return ids, np.where(ids >= 0, self._distances(values), np.float32(np.inf))

    def _search(self, queries: FloatArray, k: int) -> tuple[FloatArray, IdArray]:
        values, ids = search(self._index, queries, k)
        return values, ids

    def _faiss_metric(self) -> int:
        product = faiss.METRIC_INNER_PRODUCT
        by_name = {"manhattan": faiss.METRIC_L1, "dot_product": product, "cosine": product}
        return int(by_name.get(self.metric, faiss.METRIC_L2))

    def _prepared(self, rows: FloatArray) -> FloatArray:
        return normalize(rows) if self.metric == "cosine" else rows

    def _distances(self, values: FloatArray) -> FloatArray:
        if self.metric == "dot_product":
            return -values
        if self.metric == "cosine":
            return np.clip(1 - values, 0, 2)
        values = np.maximum(values, 0)
        return np.sqrt(values) if self.metric == "euclidean" else values

    def size(self) -> int:
        """Number of rows."""
        return int(self._index.ntotal)


class FlatSearch(FaissSearch):
    """Exact search: every query is compared with every row.

    Args:
        distance: Name of a distance.
        dim: Width of the embeddings.

    Example:
        >>> search = FlatSearch("euclidean", dim=1)
        >>> search.batch_add([[0.0], [3.0]], [10, 11])
        >>> search.lookup([1.0], k=2)
        ([10, 11], [1.0, 2.0])
    """

    exact = True

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""
        self._index.add_with_ids(self._prepared(embeddings), ids)

    def remove(self, ids: IdArray) -> None:
        """Take rows out."""
        self._index.remove_ids(ids)

    def reset(self) -> None:
        """Take all rows out."""
        self._index = faiss.IndexIDMap(faiss.IndexFlat(self.dim, self._faiss_metric()))
