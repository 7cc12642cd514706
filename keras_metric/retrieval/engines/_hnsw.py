"""Approximate search in a graph: HNSW."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, IdArray, check_positive
from keras_metric.retrieval.engines._faiss import FaissSearch
from keras_metric.retrieval.engines._library import faiss, search
from keras_metric.retrieval.engines._rows import Rows


class HnswSearch(FaissSearch):
    """Hierarchical navigable small world graph: fast queries, slow to build, rows kept whole.

    New rows wait and join the graph together at the next search: FAISS takes longer for one
    row the more there are. Removed rows stay in the graph as stepping stones until they are
    half of it, then the graph is built anew.

    Reference: [Malkov and Yashunin, 2016](https://arxiv.org/abs/1603.09320).

    Args:
        distance: Name of a distance.
        dim: Width of the embeddings.
        links: Links a row has in the graph (M), at least 2.
        build_depth: Candidates looked at while building (efConstruction).
        search_depth: Candidates looked at for a query (efSearch); a larger k raises it.
    """

    _ids: IdArray
    _alive: NDArray[np.bool_]
    _waiting: Rows

    def __init__(
        self,
        distance: Any,
        dim: int,
        links: int = 32,
        build_depth: int = 80,
        search_depth: int = 128,
        verbose: int = 0,
        name: str | None = None,
    ) -> None:
        self._links = check_positive(links, "links")
        if links < 2:
            raise ValueError(f"`links` must be at least 2. Received: links={links}")
        self._build_depth = check_positive(build_depth, "build_depth")
        self._search_depth = check_positive(search_depth, "search_depth")
        super().__init__(distance, dim, verbose, name)

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base."""
        return {
            "links": self._links,
            "build_depth": self._build_depth,
            "search_depth": self._search_depth,
        }

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""
        self._waiting.append(embeddings, ids)

    def _join(self) -> None:
        """The rows that wait come into the graph."""
        if not len(self._waiting):
            return
        self._index.add(self._prepared(self._waiting.embeddings))
        self._ids = np.concatenate([self._ids, self._waiting.ids])
        self._alive = np.concatenate([self._alive, np.ones(len(self._waiting), bool)])
        self._waiting = Rows(self.dim)

    def remove(self, ids: IdArray) -> None:
        """Take rows out."""
        self._waiting.remove(ids)
        self._alive &= ~np.isin(self._ids, ids)
        if 2 * self._alive.sum() < len(self._alive):
            rows = self._index.reconstruct_n(0, len(self._ids))[self._alive]
            ids, waiting = self._ids[self._alive], self._waiting
            self.reset()
            self.insert(rows, ids)
            self.insert(waiting.embeddings, waiting.ids)

    def size(self) -> int:
        """Number of rows."""
        return int(self._alive.sum()) + len(self._waiting)

    def reset(self) -> None:
        """Take all rows out."""
        self._index = faiss.IndexHNSWFlat(self.dim, self._links, self._faiss_metric())
        self._index.hnsw.efConstruction = self._build_depth
        self._ids, self._alive = np.empty(0, np.int64), np.empty(0, bool)
        self._waiting = Rows(self.dim)

    def _search(self, queries: FloatArray, k: int) -> tuple[FloatArray, IdArray]:
        self._join()
        options = faiss.SearchParametersHNSW()
        options.efSearch = max(self._search_depth, 2 * k)
        if not self._alive.all():
            bits = np.packbits(self._alive, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            options.sel = selector
        values, places = search(self._index, queries, k, options)
        return values, np.where(places >= 0, self._ids[places], -1)

    def state(self) -> dict[str, NDArray[Any]]:
        """The graph, if no row was removed from it."""
        self._join()
        if not len(self._ids) or not self._alive.all():
            return {}
        graph = self._index.hnsw
        return {
            "levels": faiss.vector_to_array(graph.levels),
            "offsets": faiss.vector_to_array(graph.offsets),
            "neighbors": faiss.vector_to_array(graph.neighbors),
            "entry": np.array([graph.entry_point, graph.max_level], np.int64),
            "ids": self._ids,
        }

    def restore(self, state: dict[str, NDArray[Any]], embeddings: FloatArray, ids: IdArray) -> None:
        """Take the graph as it was; build it anew if it is none of these rows."""
        self.reset()
        if not _fits(state, ids, self._index.hnsw):
            self.insert(embeddings, ids)
            return
        self._index.storage.add(self._prepared(embeddings))
        self._index.ntotal = len(ids)
        graph = self._index.hnsw
        for name in ("levels", "offsets", "neighbors"):
            faiss.copy_array_to_vector(np.ascontiguousarray(state[name]), getattr(graph, name))
        graph.entry_point, graph.max_level = state["entry"].tolist()
        self._ids, self._alive = ids.copy(), np.ones(len(ids), bool)


def _fits(state: dict[str, NDArray[Any]], ids: IdArray, graph: Any) -> bool:
    """The graph is one of these rows, and no number in it points outside."""
    if not state or not np.array_equal(state["ids"], ids):
        return False
    levels, offsets, neighbors = (state[name] for name in ("levels", "offsets", "neighbors"))
    kinds = [array.dtype.str[1:] for array in (levels, offsets, neighbors)]
    room = faiss.vector_to_array(graph.cum_nneighbor_per_level)
    count, (entry, top) = len(ids), state["entry"].tolist()
    if kinds != ["i4", "u8", "i4"] or len(levels) != count or len(offsets) != count + 1:
        return False
    if levels.min() < 1 or levels.max() >= len(room) or top != levels.max() - 1:
        return False
    expected = np.concatenate([[0], np.cumsum(room[levels])])
    return bool(
        np.array_equal(offsets, expected)
        and len(neighbors) == expected[-1]
        and neighbors.min() >= -1
        and neighbors.max() < count
        and 0 <= entry < count
        and levels[entry] == top + 1
    )
