"""tensorflow-similarity's own searches, behind the array interface."""

from typing import Any, ClassVar

import numpy as np

from keras_metric.retrieval._arrays import FloatArray, IdArray, check_positive
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval.engines._base import Neighbors, VectorSearch, missing
from keras_metric.retrieval.engines._rows import Rows


class WrappedSearch(VectorSearch):
    """Any tensorflow-similarity `Search` object, given empty.

    Its interface knows no removal, so removing and resetting are refused, and an index on it
    is loaded by handing such an object over again.

    Args:
        search: The object; its distances are taken as they come, save that nmslib's
            euclidean ones are squared, of which the root is taken.
    """

    def __init__(self, search: Any) -> None:
        super().__init__(search.distance, search.dim)
        self.wrapped = search
        self._size = 0

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""
        self.wrapped.batch_add(embeddings, ids, verbose=0, build=True)
        self._size += len(ids)

    def nearest(self, queries: FloatArray, k: int) -> Neighbors:
        """Ids and distances `(queries, k)`, nearest first; -1 and infinity where missing."""
        ids, distances = missing(len(queries), k)
        found = zip(*self.wrapped.batch_lookup(queries, k=k), strict=True)
        for row, (near, values) in enumerate(found):
            ids[row, : len(near)] = near
            distances[row, : len(near)] = values
        if self.metric == "euclidean" and type(self.wrapped).__name__ == "NMSLibSearch":
            distances = np.sqrt(np.maximum(distances, 0))
        return ids, distances

    def remove(self, ids: IdArray) -> None:
        """Refused."""
        raise ValueError(
            "A search of tensorflow-similarity cannot remove rows. "
            f"Received: search={type(self.wrapped).__name__}"
        )

    def size(self) -> int:
        """Number of rows."""
        return self._size

    def reset(self) -> None:
        """Refused once there are rows."""
        if self._size:
            raise ValueError(
                "A search of tensorflow-similarity cannot be emptied: hand a new one over. "
                f"Received: search={type(self.wrapped).__name__}"
            )


class NmslibSearch(VectorSearch):
    """HNSW of nmslib, the default of tensorflow-similarity; approximate.

    nmslib builds its graph in one go, so rows wait and are built into it at the first
    search after they came. `query_depth` holds for every query, whatever was built since.

    Args:
        distance: "cosine", "euclidean", "squared_euclidean" or "manhattan".
        dim: Width of the embeddings.
        links: Links a row has in the graph (M).
        build_depth: Candidates looked at while building (efConstruction).
        query_depth: Candidates looked at for a query (efSearch); a larger k raises it.
    """

    _rows: Rows
    _graph: Any
    _SPACES: ClassVar = {
        "cosine": "cosinesimil",
        "euclidean": "l2",
        "squared_euclidean": "l2",
        "manhattan": "l1",
    }

    def __init__(
        self,
        distance: Any,
        dim: int,
        links: int = 16,
        build_depth: int = 200,
        query_depth: int = 200,
        verbose: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(distance, dim, verbose, name)
        if self.metric not in self._SPACES:
            known = ", ".join(self._SPACES)
            raise ValueError(f"nmslib knows the distances {known}. Received: {self.metric!r}")
        self.refined = "euclidean" in self.metric
        self._links = check_positive(links, "links")
        self._build_depth = check_positive(build_depth, "build_depth")
        self._query_depth = check_positive(query_depth, "query_depth")
        self.reset()

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base."""
        return {
            "links": self._links,
            "build_depth": self._build_depth,
            "query_depth": self._query_depth,
        }

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""
        self._rows.append(embeddings, ids)
        self._graph = None

    def remove(self, ids: IdArray) -> None:
        """Take rows out."""
        self._rows.remove(ids)
        self._graph = None

    def size(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def reset(self) -> None:
        """Take all rows out."""
        self._rows = Rows(self.dim)
        self._graph = None

    def nearest(self, queries: FloatArray, k: int) -> Neighbors:
        """Ids and distances `(queries, k)`, nearest first; -1 and infinity where missing."""
        if self._graph is None:
            self._build()
        self._graph.setQueryTimeParams({"efSearch": max(self._query_depth, k)})
        ids, distances = missing(len(queries), k)
        for row, (near, values) in enumerate(self._graph.knnQueryBatch(queries, k=k)):
            ids[row, : len(near)] = self._rows.ids[near]
            distances[row, : len(near)] = values
        if self.metric == "euclidean":
            distances = np.sqrt(np.maximum(distances, 0))
        return ids, distances

    def _build(self) -> None:
        nmslib = import_similarity("search.nmslib_search").nmslib
        self._graph = nmslib.init(method="hnsw", space=self._SPACES[self.metric])
        self._graph.addDataPointBatch(self._rows.embeddings)
        self._graph.createIndex({"M": self._links, "efConstruction": self._build_depth})
