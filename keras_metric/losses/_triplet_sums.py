"""Sums of a triplet cost over sets of triplets, in quadratic memory.

Each function returns, for every anchor, the summed costs, the number of triplets and the
number of those that violate the margin, three tensors of shape `(batch,)`.
"""

from dataclasses import dataclass
from typing import Any

from keras import ops

from keras_metric.losses._masked import masked_count, masked_sum
from keras_metric.losses._sorted_rows import MOST_TO_WALK as _MOST_TO_WALK
from keras_metric.losses._sorted_rows import SortedRows
from keras_metric.miners._triplets import AllTriplets, Triplets, column, is_column, walk_positives

_INFINITY = float("inf")

Sums = tuple[Any, Any, Any]


@dataclass(frozen=True)
class Hinge:
    """What a triplet costs: `max(0, v)` or, if soft, `log(1 + exp(v))`, `v` its violation."""

    margin: float
    soft: bool = False

    def violation(self, to_positive: Any, to_negative: Any) -> Any:
        """By how much the margin is missed."""
        return to_positive - to_negative + self.margin

    def cost(self, violation: Any) -> Any:
        """What that costs."""
        return ops.softplus(violation) if self.soft else ops.relu(violation)

    def slope(self, violation: Any) -> Any:
        """The derivative of `cost`."""
        return ops.sigmoid(violation) if self.soft else ops.cast(violation > 0, violation.dtype)

    def is_violated(self, violation: Any) -> Any:
        """Whether it costs anything: always, if soft."""
        return ops.ones_like(violation, dtype="bool") if self.soft else violation > 0

    def over(self, to_positive: Any, to_negative: Any, mask: Any) -> Sums:
        """Sums over one triplet for each True of `mask`, whose shape the others broadcast to."""
        violation = ops.where(mask, self.violation(to_positive, to_negative), 0.0)
        is_violated = ops.logical_and(mask, self.is_violated(violation))
        costs = masked_sum(self.cost(violation), mask)
        return costs, masked_count(mask, costs.dtype), masked_count(is_violated, costs.dtype)


def sums_over(triplets: Triplets, distances: Any, hinge: Hinge, between: Any = None) -> Sums:
    """Sums over any set of triplets.

    Args:
        triplets: The set.
        distances: Of anchors to references, `(batch, refs)`.
        hinge: What a triplet costs.
        between: Distances among the references, `(refs, refs)`: a negative counts as near as
            it is to the anchor or to the positive. `None` to count the anchor alone.
    """
    if not isinstance(triplets, AllTriplets) or hinge.soft or between is not None:
        return _walk(triplets, distances, hinge, between)
    most = ops.max(ops.sum(ops.cast(triplets.is_positive, "int32"), axis=1))
    return ops.cond(
        most <= _MOST_TO_WALK,
        lambda: _walk(triplets, distances, hinge, None),
        lambda: _sort(triplets, distances, hinge),
    )


def _walk(triplets: Triplets, distances: Any, hinge: Hinge, between: Any) -> Sums:
    """Visit one positive of every anchor at a time, and collect values and derivatives."""
    fixed = ops.stop_gradient(distances)
    if between is None:
        sums, counts, violated, weights = _visit(triplets, fixed, hinge)
        return sums + ops.sum(weights * (distances - fixed), axis=1), counts, violated
    near = ops.stop_gradient(between)
    sums, counts, violated, _ = _visit(triplets, fixed, hinge, near)

    def carry(distances: Any, between: Any) -> tuple[Any, Any]:
        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            # The anchors share `between`, so each one's weight must be known on the way.
            of_anchor = ops.expand_dims(args[-1] if upstream is None else upstream, 1)
            *_, to_distances, to_between = _visit(triplets, fixed, hinge, near, of_anchor)
            return to_distances, to_between

        return sums, gradient

    return ops.custom_gradient(carry)(distances, between), counts, violated


def _visit(
    triplets: Triplets, fixed: Any, hinge: Hinge, near: Any = None, of_anchor: Any = None
) -> tuple[Any, ...]:
    """Sums, counts, violations and derivatives by `fixed`.

    With `of_anchor`, `(batch, 1)`, the derivative by each anchor's sum, also those by `near`.
    """

    def step(positives: Any, has_one: Any, state: Any) -> tuple[Any, ...]:
        sums, counts, violated, weights, *swapped = state
        chosen = ops.logical_and(triplets.negatives_of(positives), has_one)
        to_negative = fixed
        if near is not None:
            to_negative = ops.minimum(fixed, ops.take(near, positives, axis=0))
        violation = hinge.violation(column(fixed, positives), to_negative)
        violation = ops.where(chosen, violation, 0.0)
        slopes = ops.where(chosen, hinge.slope(violation), 0.0)
        if of_anchor is not None:
            slopes = slopes * of_anchor
        total = ops.sum(slopes, axis=1, keepdims=True)
        weights = weights + ops.where(is_column(positives, fixed), total, 0.0)
        if of_anchor is not None:
            moved = ops.where(to_negative < fixed, slopes, 0.0)
            slopes = slopes - moved
            rows = ops.segment_sum(moved, positives, num_segments=ops.shape(near)[0])
            swapped = [swapped[0] - rows]
        is_violated = ops.logical_and(chosen, hinge.is_violated(violation))
        return (
            sums + masked_sum(hinge.cost(violation), chosen),
            counts + masked_count(chosen, fixed.dtype),
            violated + masked_count(is_violated, fixed.dtype),
            weights - slopes,
            *swapped,
        )

    zeros = ops.zeros_like(fixed[:, 0])
    start: tuple[Any, ...] = (zeros, zeros, zeros, ops.zeros_like(fixed))
    if of_anchor is not None:
        start = (*start, ops.zeros_like(near))
    results = walk_positives(triplets.is_positive, step, start)
    return tuple(ops.stop_gradient(value) for value in results)


def _sort(triplets: Triplets, distances: Any, hinge: Hinge) -> Sums:
    """Sort each anchor's negatives, and look up its positives moved up by the margin.

    What a positive costs is then told by the number and the sum of the negatives before it.
    """
    fixed = ops.stop_gradient(distances)
    is_positive, is_negative = (
        ops.cast(mask, fixed.dtype) for mask in (triplets.is_positive, triplets.is_negative)
    )
    negatives = SortedRows(fixed, triplets.is_negative)
    moved = fixed + hinge.margin * is_positive
    # A margin that rounding takes away still sets a negative as near as the positive in the wrong.
    is_unmoved = ops.logical_and(triplets.is_positive, moved <= fixed)
    places = negatives.places(moved, after_equal=is_unmoved)
    nearer = is_positive * ops.cast(places, fixed.dtype)

    # Sums of distances from the nearest, which keep more digits.
    is_finite = negatives.values < _INFINITY
    nearest = ops.where(is_finite, negatives.values, 0.0)[:, :1]
    beyond = ops.where(is_finite, negatives.values - nearest, 0.0)
    zeros = ops.zeros_like(nearest)
    before = ops.concatenate([zeros, ops.cumsum(beyond, axis=1)], axis=1)
    before = ops.take_along_axis(before, places, axis=1)
    sums = ops.sum(
        ops.where(triplets.is_positive, nearer * (moved - nearest) - before, 0.0), axis=1
    )

    # Of a negative: the positives whose place is behind it.
    behind = ops.cumsum(negatives.sums_at(places, is_positive), axis=1)
    behind = ops.take_along_axis(behind[:, -1:] - behind, places, axis=1)
    weights = ops.stop_gradient(nearer - is_negative * behind)
    counts = ops.sum(is_positive, axis=1) * ops.sum(is_negative, axis=1)
    sums = ops.stop_gradient(sums) + ops.sum(weights * (distances - fixed), axis=1)
    return sums, counts, ops.sum(nearer, axis=1)
