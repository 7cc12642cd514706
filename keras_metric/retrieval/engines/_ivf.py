"""Approximate search in cells: inverted files, with rows whole or product-quantized."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, IdArray, check_positive
from keras_metric.retrieval.engines._faiss import FaissSearch
from keras_metric.retrieval.engines._library import faiss, search
from keras_metric.retrieval.engines._rows import Rows

_OUTGROWN = 8


class IvfSearch(FaissSearch):
    """Inverted file: rows lie in cells around k-means centres, a query looks into some.

    The centres are learnt from all rows that are there at the first search. When there are
    8 times as many, the index learns them anew.

    Args:
        distance: Name of a distance.
        dim: Width of the embeddings.
        cells: Number of cells; None takes 4 times the root of the number of rows.
        probes: Cells that a query looks into; a k larger than they hold raises it.
    """

    _waiting: Rows

    def __init__(
        self,
        distance: Any,
        dim: int,
        cells: int | None = None,
        probes: int = 16,
        verbose: int = 0,
        name: str | None = None,
    ) -> None:
        self._cells = cells if cells is None else check_positive(cells, "cells")
        self._probes = check_positive(probes, "probes")
        super().__init__(distance, dim, verbose, name)

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base."""
        return {"cells": self._cells, "probes": self._probes}

    def insert(self, embeddings: FloatArray, ids: IdArray) -> None:
        """Add checked rows under new ids."""
        if self._index is None:
            self._waiting.append(embeddings, ids)
        else:
            self._index.add_with_ids(self._prepared(embeddings), ids)

    def remove(self, ids: IdArray) -> None:
        """Take rows out."""
        if self._index is not None:
            self._index.remove_ids(ids)
        self._waiting.remove(ids)

    def size(self) -> int:
        """Number of rows."""
        return len(self._waiting) if self._index is None else int(self._index.ntotal)

    def reset(self) -> None:
        """Take all rows out and forget the centres."""
        self._index = None
        self._waiting = Rows(self.dim)
        self._learnt_from = 0

    def outgrown(self) -> bool:
        """Far more rows than the centres were learnt from."""
        return self._index is not None and self.size() > _OUTGROWN * self._learnt_from

    def _search(self, queries: FloatArray, k: int) -> tuple[FloatArray, IdArray]:
        if self._index is None:
            self._learn()
        share = -(-2 * k * self._index.nlist // max(1, self.size()))
        options = self._options(min(self._index.nlist, max(self._probes, share)))
        values, ids = search(self._index, queries, k, options)
        return values, ids

    def _options(self, probes: int) -> Any:
        return faiss.SearchParametersIVF(nprobe=probes)

    def _learn(self) -> None:
        count = len(self._waiting)
        self._index, self._learnt_from = self._make(count), count
        prepared = self._prepared(self._waiting.embeddings)
        self._index.train(prepared)
        self._index.add_with_ids(prepared, self._waiting.ids)
        self._waiting = Rows(self.dim)

    def _make(self, num_rows: int) -> Any:
        cells = min(self._cells or int(4 * num_rows**0.5), num_rows)
        return self._quiet(
            faiss.IndexIVFFlat(self._quantizer(), self.dim, cells, self._faiss_metric())
        )

    def _quantizer(self) -> Any:
        return faiss.IndexFlat(self.dim, self._faiss_metric())

    def _quiet(self, index: Any) -> Any:
        index.cp.min_points_per_centroid = 1  # below 39 FAISS warns on stderr
        return index

    def state(self) -> dict[str, NDArray[Any]]:
        """The centres."""
        if self._index is None:
            return {}
        centers = faiss.downcast_index(self._index.quantizer).reconstruct_n(0, self._index.nlist)
        return {"centers": centers, "learnt_from": np.array([self._learnt_from])}

    def restore(self, state: dict[str, NDArray[Any]], embeddings: FloatArray, ids: IdArray) -> None:
        """Sort rows into the cells that were learnt before."""
        self.reset()
        if self._takes(state):
            self._learnt_from = int(state["learnt_from"][0])
            self._index = self._make(self._learnt_from)
            self._index.quantizer.add(np.ascontiguousarray(state["centers"], np.float32))
            self._set_learnt(state)
            self._index.is_trained = True
        self.insert(embeddings, ids)

    def _takes(self, state: dict[str, NDArray[Any]]) -> bool:
        if "centers" not in state:
            return False
        cells = self._make(max(1, int(state["learnt_from"][0]))).nlist
        return state["centers"].shape == (cells, self.dim)

    def _set_learnt(self, state: dict[str, NDArray[Any]]) -> None:
        """What a subclass has learnt beside the centres."""


class IvfPqSearch(IvfSearch):
    """Inverted file of product-quantized rows: `parts` bytes a row instead of `4 * dim`.

    Distances to quantized rows are rough, so the index takes `oversample` times as many
    candidates, computes their true distances from the embeddings and keeps the best k.

    Reference: Jégou et al., 2011, https://doi.org/10.1109/TPAMI.2010.57.

    Args:
        distance: "cosine", "euclidean", "squared_euclidean" or "dot_product".
        dim: Width of the embeddings, a multiple of `parts`.
        cells: Number of cells; None takes 4 times the root of the number of rows.
        probes: Cells that a query looks into.
        parts: Parts a row is cut into, each quantized to one byte; None takes the largest
            divisor of `dim` up to `dim / 4`.
        oversample: Candidates for each neighbour wanted.
    """

    def __init__(
        self,
        distance: Any,
        dim: int,
        cells: int | None = None,
        probes: int = 16,
        parts: int | None = None,
        oversample: int = 8,
        verbose: int = 0,
        name: str | None = None,
    ) -> None:
        divisors = [n for n in range(1, dim + 1) if dim % n == 0]
        self._parts = parts or max(n for n in divisors if n <= max(1, dim // 4))
        if self._parts not in divisors:
            raise ValueError(f"`parts` must divide dim={dim}. Received: parts={parts}")
        self.oversample = check_positive(oversample, "oversample")
        super().__init__(distance, dim, cells, probes, verbose, name)
        self.refined = True
        if self.metric == "manhattan":
            raise ValueError("ivfpq knows no manhattan distance. Received: distance='manhattan'")

    def params(self) -> dict[str, Any]:
        """Constructor arguments beyond those of the base."""
        return {**super().params(), "parts": self._parts, "oversample": self.oversample}

    def _make(self, num_rows: int) -> Any:
        cells = min(self._cells or int(4 * num_rows**0.5), num_rows)
        bits = min(8, max(1, num_rows.bit_length() - 1))
        index = faiss.IndexIVFPQ(
            self._quantizer(), self.dim, cells, self._parts, bits, self._faiss_metric()
        )
        index.pq.cp.min_points_per_centroid = 1
        return self._quiet(index)

    def state(self) -> dict[str, NDArray[Any]]:
        """The centres of the cells and of the parts."""
        if self._index is None:
            return {}
        return super().state() | {"codebook": faiss.vector_to_array(self._index.pq.centroids)}

    def _takes(self, state: dict[str, NDArray[Any]]) -> bool:
        if not super()._takes(state) or "codebook" not in state:
            return False
        quantizer = self._make(int(state["learnt_from"][0])).pq
        return state["codebook"].shape == (quantizer.M * quantizer.ksub * quantizer.dsub,)

    def _set_learnt(self, state: dict[str, NDArray[Any]]) -> None:
        codebook = np.ascontiguousarray(state["codebook"], np.float32)
        faiss.copy_array_to_vector(codebook, self._index.pq.centroids)
        self._index.pq.sync_transposed_centroids()
        self._index.use_precomputed_table = 0
