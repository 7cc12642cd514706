"""Who is relevant to whom by a user's function, for labels that are more than a class."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import Unsigned, random_below
from tfds_builders.sampling._label_index import LabelIndex

RelevanceFunction = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]

_BLOCK = 2**20  # pairs of labels given to the function at once


def shares_a_label(anchors: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether rows of multi-hot labels have a label in common.

    Args:
        anchors: Shape `(pairs, labels)`: nonzero where a label applies.
        others: The same.

    Returns:
        Booleans of shape `(pairs,)`.

    Example:
        >>> shares_a_label(np.array([[1, 1, 0], [1, 0, 0]]), np.array([[0, 1, 1], [0, 1, 1]]))
        array([ True, False])
    """
    return np.any(np.logical_and(anchors, others), axis=1)


def label_patterns(rows: ArrayLike) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Numbers the distinct rows of multi-hot labels, so that a source can take them as classes.

    Args:
        rows: Shape `(examples, labels)`.

    Returns:
        The number of each example's row, shape `(examples,)`, and the distinct rows, shape
        `(patterns, labels)`.

    Raises:
        ValueError: `rows` is not of rank 2, or empty.

    Example:
        >>> numbers, patterns = label_patterns([[1, 0], [1, 1], [1, 0]])
        >>> numbers.tolist(), patterns.tolist()
        ([0, 1, 0], [[1, 0], [1, 1]])
    """
    array = np.asarray(rows)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "`rows` must hold the labels of each example, shape (examples, labels). "
            f"Received: rows of shape {array.shape}"
        )
    patterns, numbers = np.unique(array, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), patterns


class Relevance:
    """Draws relevant and irrelevant examples, each uniform over those there are.

    The function is asked once for each pair of distinct labels. What is relevant to one of
    them is kept as a sorted list of others, 24 bytes each; as the examples of one label lie
    side by side in the index, a list is a union of intervals of places, in which the k-th
    place, and the k-th outside, is found by one binary search.
    """

    def __init__(self, index: LabelIndex, values: NDArray[Any], function: RelevanceFunction):
        self.index = index
        num_labels, size = len(values), len(index)
        owners, columns = _relevant_pairs(values, function)
        counts = index.counts[columns]
        self._first = np.searchsorted(owners, np.arange(num_labels + 1))
        self._keys = owners * num_labels + columns
        # Relevant places of all lists, one list after the other, before each entry.
        self._before = np.concatenate([[0], np.cumsum(counts)])
        self._base = self._before[self._first]
        self._num_relevant = np.diff(self._base)
        # Irrelevant places before each entry; lists are told apart by a multiple of `_stride`.
        self._stride = size + 1
        gaps = index.starts[columns] - (self._before[:-1] - self._base[owners])
        self._gaps = gaps + owners * self._stride
        self._columns = columns
        own = np.arange(num_labels)
        self._own_entry, self._is_own = self._find(own, own)
        # For a label irrelevant to itself: relevant places before its own ones.
        self._relevant_before = self._before[self._own_entry] - self._base[:-1]

    def _find(
        self, anchors: NDArray[np.int64], others: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where the pairs of labels are in the lists or would be, and whether they are."""
        keys = anchors * len(self._num_relevant) + others
        entry = np.searchsorted(self._keys, keys)
        found = entry < len(self._keys)
        found[found] = self._keys[entry[found]] == keys[found]
        return entry, found

    def possible(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether the example at each place has a relevant and an irrelevant other."""
        positive = self._num_relevant > self._is_own
        negative = len(self.index) - self._num_relevant > ~self._is_own
        return np.repeat(positive, self.index.counts), np.repeat(negative, self.index.counts)

    def is_relevant(
        self, anchors: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether labels are relevant to others, by their number in the index."""
        return self._find(anchors, others)[1]

    def positive(
        self, places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Another example that is relevant to the one at each place."""
        own = self.index.class_at(places)
        is_own = self._is_own[own]
        drawn = random_below(key, numbers, self._num_relevant[own] - is_own) + self._base[own]
        entry = np.where(is_own, self._own_entry[own], 0)
        itself = self._before[entry] + places - self.index.starts[own]
        drawn += is_own & (drawn >= itself)
        entry = np.searchsorted(self._before, drawn, side="right") - 1
        found = self.index.starts[self._columns[entry]] + drawn - self._before[entry]
        return self.index.order[found].astype(np.int64)

    def negative(
        self, places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
    ) -> NDArray[np.int64]:
        """An example that is not relevant to the one at each place."""
        own = self.index.class_at(places)
        is_own = self._is_own[own]
        free = len(self.index) - self._num_relevant[own] - ~is_own
        drawn = random_below(key, numbers, free)
        itself = places - self._relevant_before[own]
        drawn += ~is_own & (drawn >= itself)
        entry = np.searchsorted(self._gaps, drawn + own * self._stride, side="right")
        found = drawn + self._before[entry] - self._base[own]
        return self.index.order[found].astype(np.int64)


def _relevant_pairs(
    values: NDArray[Any], function: RelevanceFunction
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the labels in each relevant pair, sorted."""
    owners, columns = [], []
    rows = max(1, _BLOCK // len(values))
    for begin in range(0, len(values), rows):
        block = np.arange(begin, min(begin + rows, len(values)))
        anchors = np.repeat(block, len(values))
        others = np.tile(np.arange(len(values)), len(block))
        found = np.asarray(function(values[anchors], values[others]))
        if found.shape != anchors.shape or found.dtype != bool:
            raise ValueError(
                f"`relevance` must return a boolean for each of {len(anchors)} pairs of labels. "
                f"Received: {found.dtype} of shape {found.shape}"
            )
        owners.append(anchors[found])
        columns.append(others[found])
    return np.concatenate(owners), np.concatenate(columns)
