"""Negatives of classes that are easily mistaken."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import Unsigned, random_bits
from tfds_builders.sampling._label_index import LabelIndex
from tfds_builders.sampling._negatives import Draw, Negatives, member


class SimilarClasses(Negatives):
    """Draws a negative's class with probability proportional to a weight.

    Args:
        weights: Weight of class `j` as a negative for anchors of class `i`, shape
            `(classes, classes)`, in the order of `LabelIndex.classes`; at least 0. The diagonal
            is ignored. A confusion matrix will do.

    Raises:
        ValueError: `weights` is not square, not finite or negative; or, when a sampler takes
            it, does not fit its classes or leaves a class without any negative.

    Example:
        >>> from tfds_builders.sampling import TripletSampler
        >>> weights = [[0, 1, 0], [1, 0, 0], [1, 1, 0]]  # class 2 is never a negative
        >>> labels = [0, 0, 1, 1, 2, 2]
        >>> sampler = TripletSampler(labels, negatives=SimilarClasses(weights))
        >>> bool((sampler.take(0, 600)[:, 2] < 4).all())
        True
    """

    def __init__(self, weights: ArrayLike) -> None:
        array = np.array(weights, dtype=np.float64)
        if array.ndim != 2 or array.shape[0] != array.shape[1]:
            raise ValueError(
                f"`weights` must be of shape (classes, classes). Received: shape {array.shape}"
            )
        if not np.isfinite(array).all() or (array < 0).any():
            raise ValueError(
                f"`weights` must be finite and at least 0. Received: minimum {array.min()}"
            )
        np.fill_diagonal(array, 0)
        self._cumulative = np.cumsum(array, axis=1)

    def bind(self, index: LabelIndex) -> Draw:
        num_classes = len(index.classes)
        if len(self._cumulative) != num_classes:
            raise ValueError(
                f"`weights` must fit the {num_classes} classes of the labels. "
                f"Received: weights of shape {self._cumulative.shape}"
            )
        total = self._cumulative[:, -1:]
        if not total.all():
            lone = index.classes[np.argmin(total)].item()
            raise ValueError(f"Every class needs a weight above 0. Received: none for {lone!r}")
        # One sorted array for all rows, each in a range of 2**32 of its own.
        steps = np.floor(self._cumulative / total * 2**32).astype(np.uint64)
        rows = np.arange(num_classes, dtype=np.uint64) << np.uint64(32)
        edges = (steps + rows[:, None]).reshape(-1)

        def draw(
            places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
        ) -> NDArray[np.int64]:
            own = index.class_at(places)
            wanted = rows[own] + (random_bits(key, numbers) >> np.uint64(32))
            drawn = np.searchsorted(edges, wanted, side="right") - own * num_classes
            return member(index, drawn, key, numbers)

        return draw
