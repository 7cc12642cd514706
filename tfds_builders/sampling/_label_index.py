"""Where the examples of each class are."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CHUNK = 2**20  # labels sorted at a time, which bounds the memory beyond the result


class LabelIndex:
    """Lists the positions of examples by their class: 4 bytes an example and 8 a class.

    Args:
        labels: Class of each example, shape `(examples,)`: integers of at least 0, booleans or
            strings.

    Attributes:
        classes: The distinct labels, sorted, shape `(classes,)`.
        order: The examples' positions, those of one class side by side and ascending, shape
            `(examples,)`, uint32. A *place* is an index into it.
        starts: Where each class begins in `order`, shape `(classes,)`.
        counts: Number of examples of each class, shape `(classes,)`.

    Raises:
        ValueError: `labels` is not of rank 1, is empty, holds neither integers nor strings, or
            holds a missing label: `None` or a negative number.

    Example:
        >>> index = LabelIndex(["cat", "dog", "cat"])
        >>> index.counts.tolist()
        [2, 1]
        >>> index.order.tolist()
        [0, 2, 1]
    """

    classes: NDArray[Any]
    counts: NDArray[np.int64]

    def __init__(self, labels: ArrayLike) -> None:
        array = _checked(labels)
        chunks = [slice(i, i + _CHUNK) for i in range(0, len(array), _CHUNK)]
        # Class numbers without gaps worth speaking of are their own index into a table.
        dense = array.dtype.kind in "iub" and int(array.max()) < 4 * len(array) + 2**16
        counts = _dense_counts(array, chunks) if dense else None
        if counts is None:
            self.classes, self.counts = _sorted_counts(array, chunks)
        else:
            self.classes = np.flatnonzero(counts).astype(array.dtype)
            self.counts = counts[np.flatnonzero(counts)]
        self.starts: NDArray[np.int64] = np.cumsum(self.counts) - self.counts
        self.order: NDArray[np.uint32] = np.empty(len(array), dtype=np.uint32)
        free = self.starts.copy() if counts is None else np.cumsum(counts) - counts
        # A counting sort: a chunk's runs of one class go behind those of the chunks before.
        for chunk in chunks:
            part = array[chunk]
            by_class = _stable_order(part, dense)
            ranked = part[by_class]
            first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
            lengths = np.diff(np.r_[first, len(part)])
            owners = ranked[first].astype(np.int64) if dense else self._find(ranked[first])
            target = np.arange(len(part)) + np.repeat(free[owners] - first, lengths)
            self.order[target] = by_class + chunk.start
            free[owners] += lengths

    def _find(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        return np.searchsorted(self.classes, labels)

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.order)

    def class_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index into `classes` of the example at each place."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def numbers(self) -> NDArray[np.int64]:
        """Index into `classes` of each example, by position: 8 bytes an example."""
        numbers = np.empty(len(self), dtype=np.int64)
        numbers[self.order] = np.repeat(np.arange(len(self.classes)), self.counts)
        return numbers

    def require_two_classes(self) -> None:
        """Raises `ValueError` if no example has one of another class."""
        if len(self.classes) < 2:
            raise ValueError(
                "Different examples need at least two classes. "
                f"Received: labels of one class, {self.classes[0].item()!r}"
            )


def as_index(labels: Any) -> LabelIndex:
    """The index of labels, or the one given in their place."""
    return labels if isinstance(labels, LabelIndex) else LabelIndex(labels)


def _dense_counts(array: NDArray[Any], chunks: list[slice]) -> NDArray[np.int64]:
    counts = np.zeros(int(array.max()) + 1, dtype=np.int64)
    for chunk in chunks:
        found = np.bincount(array[chunk].astype(np.int64))
        counts[: len(found)] += found
    return counts


def _sorted_counts(
    array: NDArray[Any], chunks: list[slice]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    parts = [np.unique(array[chunk], return_counts=True) for chunk in chunks]
    classes = np.unique(np.concatenate([found for found, _ in parts]))
    counts = np.zeros(len(classes), dtype=np.int64)
    for found, some in parts:
        counts[np.searchsorted(classes, found)] += some
    return classes, counts


def _stable_order(part: NDArray[Any], dense: bool) -> NDArray[np.int64]:
    if not dense:
        return np.argsort(part, kind="stable")
    # Sorting (class, position) as one number takes half the time of sorting positions.
    shift = np.uint64(_CHUNK.bit_length())
    packed = part.astype(np.uint64) << shift
    packed |= np.arange(len(part), dtype=np.uint64)
    packed.sort()
    packed &= (np.uint64(1) << shift) - np.uint64(1)
    return packed.view(np.int64)


def _checked(labels: ArrayLike) -> NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            "`labels` must hold one class an example, shape (examples,), and at least one. "
            f"Received: labels of shape {array.shape}"
        )
    if array.dtype.kind == "O":  # a column of a pandas frame holds its strings like this
        wrong = [place for place, one in enumerate(array) if not isinstance(one, (str, bytes))]
        if wrong:
            raise ValueError(
                "`labels` must be integers or strings, without a missing one. "
                f"Received: labels[{wrong[0]}]={array[wrong[0]]!r} among {len(wrong)} such"
            )
        array = array.astype(str)
    if array.dtype.kind not in "biuUS":
        raise ValueError(
            f"`labels` must be integers or strings. Received: labels of dtype {array.dtype}"
        )
    if array.dtype.kind == "i" and array.min() < 0:
        place = int(np.argmax(array < 0))
        raise ValueError(
            "`labels` must be at least 0; leave out the examples whose label is unknown. "
            f"Received: labels[{place}]={array[place]}"
        )
    if array.size >= 2**32:
        raise ValueError(f"At most 2**32 - 1 examples. Received: {array.size} labels")
    return array
