"""The semi-hard hinge over all positives of every anchor, in quadratic memory.

For each anchor and positive the negative is the nearest one *strictly farther* than
the positive, or the farthest of all if there is none. Two exact ways, chosen by how
many positives an anchor has: walking over the positives costs a few reductions of the
`(batch, refs)` matrix each, sorting every row costs as much as about thirty of them.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_metric.losses._sorted_rows import MOST_TO_WALK as _MOST_TO_WALK
from keras_metric.losses._sorted_rows import SortedRows

_INFINITY = float("inf")

# A violation `v` of the margin costs `cost(v)`; `slope` is its derivative.
Cost = Callable[[Any], Any]


def semi_hard_sums(
    distances: Any, is_positive: Any, is_negative: Any, margin: float, cost: Cost, slope: Cost
) -> tuple[Any, Any]:
    """Sum of `cost(margin + d_ap - d_an)` over each anchor's positives.

    Anchors without a negative give 0. Returns the sums and how many violations are
    positive, both of shape `(batch,)`.

    Args:
        distances: Shape `(batch, refs)`.
        is_positive: Boolean, `(batch, refs)`.
        is_negative: Boolean, `(batch, refs)`.
        margin: Added to `d_ap - d_an`.
        cost: What a violation costs, elementwise.
        slope: The derivative of `cost`.
    """
    is_positive = ops.logical_and(is_positive, ops.any(is_negative, axis=1, keepdims=True))
    most = ops.max(ops.sum(ops.cast(is_positive, "int32"), axis=1))
    return ops.cond(
        most <= _MOST_TO_WALK,
        lambda: _walk(distances, is_positive, is_negative, margin, cost, slope),
        lambda: _sort(distances, is_positive, is_negative, margin, cost, slope),
    )


def _walk(
    distances: Any, is_positive: Any, is_negative: Any, margin: float, cost: Cost, slope: Cost
) -> tuple[Any, Any]:
    """Step through each anchor's distances from run of positives to run of positives.

    All positives between two neighbouring negatives share their negative, so a step
    handles the whole run. The steps only collect the value and its derivative by each
    distance, which then carry the gradient.
    """
    fixed = ops.stop_gradient(distances)
    positives = ops.where(is_positive, fixed, _INFINITY)
    negatives = ops.where(is_negative, fixed, _INFINITY)
    farthest = ops.max(ops.where(is_negative, fixed, -_INFINITY), axis=1, keepdims=True)

    def next_positive(from_: Any) -> Any:
        later = ops.where(positives >= from_, positives, _INFINITY)
        return ops.min(later, axis=1, keepdims=True)

    def step(first: Any, sums: Any, violated: Any, weights: Any) -> tuple[Any, ...]:
        end = ops.where(negatives > first, negatives, _INFINITY)
        end = ops.min(end, axis=1, keepdims=True)
        is_run = ops.logical_and(positives >= first, positives < end)
        chosen = ops.where(end < _INFINITY, end, farthest)
        chosen = ops.where(first < _INFINITY, chosen, 0.0)
        violation = ops.where(is_run, margin + fixed - chosen, 0.0)
        slopes = ops.where(is_run, slope(violation), 0.0)
        # Equally distant negatives share the gradient, as they do in a minimum.
        is_chosen = ops.cast(negatives == chosen, fixed.dtype)
        shares = ops.divide_no_nan(
            ops.sum(slopes, axis=1, keepdims=True), ops.sum(is_chosen, axis=1, keepdims=True)
        )
        costs = ops.sum(ops.where(is_run, cost(violation), 0.0), axis=1)
        violated = violated + _count_positive(violation)
        return next_positive(end), sums + costs, violated, weights + slopes - shares * is_chosen

    zeros = ops.zeros_like(fixed[:, 0])
    results = ops.while_loop(
        lambda first, *state: ops.any(first < _INFINITY),
        step,
        (next_positive(-_INFINITY), zeros, zeros, ops.zeros_like(fixed)),
    )
    sums, violated, weights = (ops.stop_gradient(value) for value in results[1:])
    return sums + ops.sum(weights * (distances - fixed), axis=1), violated


def _sort(
    distances: Any, is_positive: Any, is_negative: Any, margin: float, cost: Cost, slope: Cost
) -> tuple[Any, Any]:
    """Sort each anchor's negatives once and look up every positive's next one."""
    fixed = ops.stop_gradient(distances)
    negatives, places, chosen = _look_up(fixed, is_positive, is_negative)
    to_negative = ops.take_along_axis(negatives.values, chosen, axis=1)
    violation = ops.where(is_positive, margin + fixed - to_negative, 0.0)
    slopes = ops.where(is_positive, slope(violation), 0.0)
    # Equally distant negatives share the gradient, as they do in a minimum.
    shares = ops.divide_no_nan(
        negatives.sums_at(chosen, slopes),
        negatives.sums_at(places, ops.cast(is_negative, fixed.dtype)),
    )
    shares = ops.where(is_negative, ops.take_along_axis(shares, places, axis=1), 0.0)
    weights = ops.stop_gradient(slopes - shares)
    costs = ops.sum(ops.where(is_positive, cost(violation), 0.0), axis=1)
    costs = ops.stop_gradient(costs) + ops.sum(weights * (distances - fixed), axis=1)
    return costs, ops.stop_gradient(_count_positive(violation))


def _count_positive(violation: Any) -> Any:
    return ops.sum(ops.cast(violation > 0, violation.dtype), axis=1)


def semi_hard_columns(distances: Any, is_positive: Any, is_negative: Any) -> Any:
    """Column of each positive's semi-hard negative, `(batch, refs)`; of others, any column."""
    fixed = ops.stop_gradient(distances)
    negatives, places, chosen = _look_up(fixed, is_positive, is_negative)
    columns = negatives.columns_at(places, is_negative)
    return ops.take_along_axis(columns, chosen, axis=1)


def _look_up(fixed: Any, is_positive: Any, is_negative: Any) -> tuple[SortedRows, Any, Any]:
    """The negatives of each row in order, every entry's place, and that of its negative.

    The place of a negative, or the place after those that a positive is not nearer than; and
    of the negative that each entry has or would have as a positive.
    """
    negatives = SortedRows(fixed, is_negative)
    places = negatives.places(fixed, after_equal=is_positive)
    farthest = ops.max(ops.where(is_negative, fixed, -_INFINITY), axis=1, keepdims=True)
    is_nearer = ops.logical_and(is_negative, fixed < farthest)
    last = ops.sum(ops.cast(is_nearer, "int32"), axis=1, keepdims=True)
    return negatives, places, ops.where(places < negatives.counts, places, last)
