"""The semi-hard hinge over all positives of every anchor, in quadratic memory.

For each anchor and positive the negative is the nearest one *strictly farther* than
the positive, or the farthest of all if there is none. Two exact ways, chosen by how
many positives an anchor has: walking over the positives costs a few reductions of the
`(batch, refs)` matrix each, sorting every row costs as much as about thirty of them.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_metric.losses._masked import take_columns

# Above this many positives of one anchor, sorting beats walking (measured on CPU).
_MOST_TO_WALK = 32
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
        lambda: _sort(distances, is_positive, is_negative, margin, cost),
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
    distances: Any, is_positive: Any, is_negative: Any, margin: float, cost: Cost
) -> tuple[Any, Any]:
    """Sort each anchor's row once and look up every positive's next negative in it."""
    order, chosen, is_positive_here = sorted_semi_hard(distances, is_positive, is_negative)
    to_positive = take_columns(distances, order)
    to_negative = take_columns(distances, chosen)
    violation = ops.where(is_positive_here, margin + to_positive - to_negative, 0.0)
    costs = ops.sum(ops.where(is_positive_here, cost(violation), 0.0), axis=1)
    return costs, _count_positive(violation)


def _count_positive(violation: Any) -> Any:
    return ops.sum(ops.cast(violation > 0, violation.dtype), axis=1)


def sorted_semi_hard(distances: Any, is_positive: Any, is_negative: Any) -> tuple[Any, Any, Any]:
    """The columns of every row in order of distance, and each one's semi-hard negative.

    Returns:
        Columns `(batch, refs)`; the column of the negative that each would have as a
        positive; and whether it is one.
    """
    fixed = ops.stop_gradient(distances)
    takes_part = ops.logical_or(is_positive, is_negative)
    order = ops.argsort(ops.where(takes_part, fixed, _INFINITY), axis=1)
    ordered = ops.take_along_axis(fixed, order, axis=1)
    is_negative_here = ops.take_along_axis(ops.cast(is_negative, "int32"), order, axis=1) > 0
    is_positive_here = ops.take_along_axis(ops.cast(is_positive, "int32"), order, axis=1) > 0

    rank = _next_strictly_greater(ordered, is_negative_here)
    size = ops.shape(distances)[1]
    chosen = ops.take_along_axis(order, ops.minimum(rank, size - 1), axis=1)
    farthest = ops.argmax(ops.where(is_negative, fixed, -_INFINITY), axis=1)
    farthest = ops.cast(ops.expand_dims(farthest, 1), chosen.dtype)
    return order, ops.where(rank < size, chosen, farthest), is_positive_here


def _next_strictly_greater(ordered: Any, is_candidate: Any) -> Any:
    """Position of the first candidate greater than each entry of a sorted row, or the size."""
    size = ops.shape(ordered)[1]
    positions = ops.expand_dims(ops.arange(size, dtype="int32"), 0)
    first = suffix_minimum(ops.where(is_candidate, positions, size))
    # Only from the last of several equal entries is the next candidate strictly greater;
    # positions grow along the row, so a second suffix minimum hands it to the others.
    after = ops.concatenate([first[:, 1:], ops.full_like(first[:, :1], size)], axis=1)
    ends_here = ordered[:, 1:] > ordered[:, :-1]
    ends_here = ops.concatenate([ends_here, ops.ones_like(ends_here[:, :1])], axis=1)
    return suffix_minimum(ops.where(ends_here, after, size))


def suffix_minimum(x: Any) -> Any:
    """Running minimum from the right, by doubling: `log2(size)` steps."""
    size = ops.shape(x)[1]
    positions = ops.arange(size, dtype="int32")

    def double(shift: Any, x: Any) -> tuple[Any, Any]:
        shifted = ops.take(x, ops.minimum(positions + shift, size - 1), axis=1)
        return shift * 2, ops.minimum(x, shifted)

    start = ops.convert_to_tensor(1, dtype="int32")
    _, x = ops.while_loop(lambda shift, x: shift < size, double, (start, x))
    return x
