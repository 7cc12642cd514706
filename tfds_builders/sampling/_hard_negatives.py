"""Negatives that a network finds hard to tell from the anchor."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfds_builders.sampling._hash import Unsigned, random_below
from tfds_builders.sampling._label_index import LabelIndex
from tfds_builders.sampling._negatives import Draw, Negatives

_CELLS = 2**24  # distances held at a time


class HardNegatives(Negatives):
    """Draws uniformly from the `k` nearest examples of other classes.

    The neighbours are found once, exactly, when a sampler takes this: `O(examples ** 2)`
    distances in chunks, `4 * k` bytes an example kept. Make a new sampler when the network has
    moved on.

    Args:
        embeddings: One row an example, shape `(examples, dim)`; compared by Euclidean distance.
            Rows of length 1 give the order of the cosine.
        k: How many neighbours of other classes to draw from, at least 1. Where there are fewer
            examples of other classes, all of them.

    Raises:
        ValueError: `embeddings` is not of rank 2 or not finite, `k` is below 1, or, when a
            sampler takes it, rows and labels differ in number.

    Example:
        >>> from tfds_builders.sampling import TripletSampler
        >>> hard = HardNegatives([[0.0], [0.1], [1.0], [9.0]], k=1)
        >>> sampler = TripletSampler(["a", "a", "b", "b"], negatives=hard)
        >>> sorted(set(sampler.take(0, 4)[:, 2].tolist()))
        [1, 2]
    """

    def __init__(self, embeddings: ArrayLike, k: int = 10) -> None:
        self._embeddings = np.asarray(embeddings, dtype=np.float32)
        if self._embeddings.ndim != 2 or not np.isfinite(self._embeddings).all():
            raise ValueError(
                "`embeddings` must be finite and of shape (examples, dim). "
                f"Received: shape {self._embeddings.shape}"
            )
        if k < 1:
            raise ValueError(f"`k` must be at least 1. Received: k={k}")
        self._k = k

    def bind(self, index: LabelIndex) -> Draw:
        index.require_two_classes()
        if len(self._embeddings) != len(index):
            raise ValueError(
                f"`embeddings` must have a row for each of the {len(index)} labels. "
                f"Received: {len(self._embeddings)} rows"
            )
        nearest = self._nearest(index)
        num_others = len(index) - index.counts

        def draw(
            places: NDArray[np.int64], key: Unsigned, numbers: NDArray[Any]
        ) -> NDArray[np.int64]:
            bounds = np.minimum(self._k, num_others[index.class_at(places)])
            drawn = random_below(key, numbers, bounds)
            return nearest[index.order[places], drawn].astype(np.int64)

        return draw

    def _nearest(self, index: LabelIndex) -> NDArray[np.uint32]:
        rows, numbers = self._embeddings, index.numbers()
        squares = np.einsum("ij,ij->i", rows, rows)
        k = min(self._k, len(rows) - int(index.counts.min()))
        nearest = np.empty((len(rows), k), dtype=np.uint32)
        step = max(1, _CELLS // len(rows))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            # The anchor's own square is the same in a whole row, so it is left out.
            apart = squares - 2 * (rows[part] @ rows.T)
            apart[numbers[part, None] == numbers] = np.inf
            found = np.argpartition(apart, k - 1, axis=1)[:, :k]
            ranks = np.argsort(np.take_along_axis(apart, found, 1), axis=1, kind="stable")
            nearest[part] = np.take_along_axis(found, ranks, 1)
        return nearest
