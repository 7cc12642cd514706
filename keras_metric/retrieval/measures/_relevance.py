"""Which gallery rows are relevant to which query: by equal labels, or by a user's function."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import FloatArray, IdArray, as_array
from keras_metric.retrieval._labels import LabelArray, factorize

RelevanceFunction = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]
Split = Callable[[int], tuple[FloatArray, FloatArray, list[FloatArray]]]


class Relevance(Protocol):
    """Says in what order to hold gallery and queries, and takes rows of scores apart."""

    gallery_order: IdArray
    query_order: IdArray

    def split(self, queries: IdArray, scores: FloatArray) -> Split:
        """For a block of queries: `row -> (relevant scores, sorted; all; pieces of others)`.

        `scores`, `(queries, gallery)`, may be reordered in place.
        """


class SameLabel:
    """Relevant is what carries the query's label; None equals nothing.

    The gallery is held in the order of its classes, so that what is relevant to a query is
    one slice of its row, and the rest are two.
    """

    def __init__(self, labels: LabelArray, gallery_labels: LabelArray) -> None:
        codes, gallery_codes = factorize(labels, gallery_labels)
        self.gallery_order = np.argsort(gallery_codes, kind="stable")
        self.query_order = np.argsort(codes, kind="stable")
        in_order = gallery_codes[self.gallery_order]
        self._start = np.searchsorted(in_order, codes, side="left")
        self._end = np.searchsorted(in_order, codes, side="right")
        if labels.dtype == object:
            self._end = np.where(codes < 0, self._start, self._end)

    def classes(self) -> tuple[IdArray, IdArray]:
        """Where the class of each query starts and ends, in the order of queries and gallery."""
        return self._start[self.query_order], self._end[self.query_order]

    def split(self, queries: IdArray, scores: FloatArray) -> Split:
        starts, ends = self._start[queries].tolist(), self._end[queries].tolist()
        changes = np.flatnonzero(np.diff(starts) | np.diff(ends)) + 1
        for rows in np.split(np.arange(len(queries)), changes):  # one sort a class: it runs
            first, last = rows[0], rows[-1]  # beside Python's own work
            scores[first : last + 1, starts[first] : ends[first]].sort(axis=1)

        def take(row: int) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
            line, start, end = scores[row], starts[row], ends[row]
            return line[start:end], line, [line[:start], line[end:]]

        return take


class ByFunction:
    """Relevant is what a user's function says, as for images with several labels."""

    def __init__(self, labels: Any, gallery_labels: Any, function: RelevanceFunction) -> None:
        self._labels, self._gallery_labels = as_array(labels), as_array(gallery_labels)
        self._function, self._one_at_a_time = function, threading.Lock()
        self.gallery_order = np.arange(len(self._gallery_labels))
        self.query_order = np.arange(len(self._labels))

    def split(self, queries: IdArray, scores: FloatArray) -> Split:
        with self._one_at_a_time:  # blocks are made in several threads
            mask = as_array(self._function(self._labels[queries], self._gallery_labels))
        if mask.shape != scores.shape or mask.dtype != bool:
            raise ValueError(
                f"`relevance` must return booleans of shape {scores.shape}. "
                f"Received: relevance returning {mask.dtype} of shape {mask.shape}"
            )

        def take(row: int) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
            line, is_relevant = scores[row], mask[row]
            return np.sort(line[is_relevant]), line, [line[~is_relevant]]

        return take
