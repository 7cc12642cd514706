"""Sets of triplets in quadratic memory."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Triplets(ABC):
    """The triplets that a miner chose, without a `(batch, refs, refs)` array of them.

    A set of triplets (a, p, n) is given as a mask of the candidate positive pairs and a
    rule that tells the negatives of one positive of every anchor at a time: memory stays
    quadratic, and walking over the positives visits every triplet. Two kinds allow more
    than walking: `IntervalTriplets` (every negative within an interval of distances, so a
    sorted row and prefix sums give sums over all triplets) and `IndexTriplets` (one
    negative a positive, so a gather gives its distance).

    Attributes:
        is_positive: Boolean, `(batch, refs)`: pairs (a, p) that may be in a triplet.
        is_negative: Boolean, `(batch, refs)`: pairs (a, n) that may be in a triplet.
    """

    is_positive: Any
    is_negative: Any

    @abstractmethod
    def negatives_of(self, positives: Any) -> Any:
        """Negatives of one positive of each anchor.

        Args:
            positives: Column of each anchor's positive, integers of shape `(batch,)`.
                Where an anchor has no positive there, the result has no meaning.

        Returns:
            Boolean mask `(batch, refs)`.
        """

    def pairs(self) -> tuple[Any, Any]:
        """Masks `(batch, refs)` of the positive and negative pairs that are in a triplet."""

        def add(positives: Any, has_one: Any, kept: tuple[Any, Any]) -> tuple[Any, Any]:
            chosen = ops.logical_and(self.negatives_of(positives), has_one)
            in_triplet = ops.any(chosen, axis=1, keepdims=True)
            is_here = is_column(positives, chosen)
            return (
                ops.logical_or(kept[0], ops.logical_and(is_here, in_triplet)),
                ops.logical_or(kept[1], chosen),
            )

        empty = ops.zeros_like(self.is_positive)
        return walk_positives(self.is_positive, add, (empty, empty))

    def counts(self, dtype: Any = "float32") -> tuple[Any, Any]:
        """How many triplets each positive and each negative pair is in: two `(batch, refs)`."""

        def add(positives: Any, has_one: Any, totals: tuple[Any, Any]) -> tuple[Any, Any]:
            chosen = ops.logical_and(self.negatives_of(positives), has_one)
            chosen = ops.cast(chosen, dtype)
            in_triplets = ops.sum(chosen, axis=1, keepdims=True)
            here = ops.where(is_column(positives, chosen), in_triplets, 0.0)
            return totals[0] + here, totals[1] + chosen

        empty = ops.zeros_like(self.is_positive, dtype=dtype)
        return walk_positives(self.is_positive, add, (empty, empty))

    def to_indices(self) -> np.ndarray:
        """List the triplets as rows (anchor, positive, negative); not inside a compiled function.

        Returns:
            Integer array of shape `(triplets, 3)`, sorted.
        """
        is_positive = ops.convert_to_numpy(self.is_positive)
        found = []
        for rank in range(int(is_positive.sum(axis=1).max(initial=0))):
            anchors = np.flatnonzero(is_positive.sum(axis=1) > rank)
            # The columns of a stable sort of "is not positive" start with the positives.
            columns = np.argsort(~is_positive, axis=1, kind="stable")[:, rank].astype("int32")
            chosen = ops.convert_to_numpy(self.negatives_of(ops.convert_to_tensor(columns)))
            rows, negatives = np.nonzero(chosen[anchors])
            found.append(np.stack([anchors[rows], columns[anchors][rows], negatives], axis=1))
        triplets = np.concatenate([np.zeros((0, 3), int), *found])
        return triplets[np.lexsort(triplets.T[::-1])]


@dataclass(frozen=True)
class AllTriplets(Triplets):
    """Every chosen positive with every chosen negative of its anchor."""

    def negatives_of(self, positives: Any) -> Any:
        """Return the anchors' negatives, whatever the positive."""
        return self.is_negative

    def counts(self, dtype: Any = "float32") -> tuple[Any, Any]:
        """How many triplets each positive and each negative pair is in: two `(batch, refs)`."""
        is_positive, is_negative = (
            ops.cast(mask, dtype) for mask in (self.is_positive, self.is_negative)
        )
        return (
            is_positive * ops.sum(is_negative, axis=1, keepdims=True),
            is_negative * ops.sum(is_positive, axis=1, keepdims=True),
        )


@dataclass(frozen=True)
class IntervalTriplets(Triplets):
    """Negatives within an interval of distances: `lower[a, p] < d[a, n] <= upper[a, p]`.

    Attributes:
        distances: `(batch, refs)`, without gradient.
        lower: Lower end for each positive, `(batch, refs)`, not itself included.
        upper: Upper end for each positive, `(batch, refs)`, included.
    """

    distances: Any
    lower: Any
    upper: Any

    def negatives_of(self, positives: Any) -> Any:
        """Return the negatives within the positives' intervals."""
        is_above = self.distances > column(self.lower, positives)
        is_within = ops.logical_and(is_above, self.distances <= column(self.upper, positives))
        return ops.logical_and(is_within, self.is_negative)


@dataclass(frozen=True)
class IndexTriplets(Triplets):
    """One negative for each positive.

    Attributes:
        negatives: Column of each positive's negative, integers `(batch, refs)`; without
            meaning where `is_positive` is False.
    """

    negatives: Any

    def negatives_of(self, positives: Any) -> Any:
        """Return the positives' only negatives."""
        return is_column(column(self.negatives, positives)[:, 0], self.is_positive)


def walk_positives(is_positive: Any, step: Callable[..., Any], start: Any) -> Any:
    """Visit the positives of all anchors, one of each anchor at a time, in column order.

    As many steps as the anchor with the most positives has, each on `(batch, refs)` arrays;
    no gradient flows through it.

    Args:
        is_positive: Boolean, `(batch, refs)`.
        step: `step(positives, has_one, state) -> state`, with the column of each anchor's
            positive `(batch,)` and whether it has one more, `(batch, 1)`.
        start: State before the first step: tensors of fixed shape and dtype, in a tuple.
    """
    columns = ops.expand_dims(ops.arange(ops.shape(is_positive)[1], dtype="int32"), 0)

    def advance(last: Any) -> tuple[Any, Any]:
        remaining = ops.logical_and(is_positive, columns > ops.expand_dims(last, 1))
        has_one = ops.any(remaining, axis=1)
        following = ops.argmax(ops.cast(remaining, "int32"), axis=1)
        size = ops.cast(ops.shape(is_positive)[1], "int32")
        return ops.where(has_one, ops.cast(following, "int32"), size), has_one

    def body(positives: Any, has_one: Any, *state: Any) -> tuple[Any, ...]:
        within = ops.where(has_one, positives, 0)
        state = step(within, ops.expand_dims(has_one, 1), state)
        return (*advance(positives), *state)

    first, has_first = advance(ops.full_like(is_positive[:, 0], -1, dtype="int32"))
    results = ops.while_loop(
        lambda positives, has_one, *state: ops.any(has_one), body, (first, has_first, *start)
    )
    return tuple(results[2:])


def column(matrix: Any, columns: Any) -> Any:
    """One entry of each row, shape `(batch, 1)`."""
    return ops.take_along_axis(matrix, ops.expand_dims(columns, 1), axis=1)


def is_column(columns: Any, like: Any) -> Any:
    """Boolean mask of the shape of `like` with one True a row, at `columns`."""
    every = ops.arange(ops.shape(like)[1], dtype="int32")
    return ops.expand_dims(ops.cast(columns, "int32"), 1) == ops.expand_dims(every, 0)
