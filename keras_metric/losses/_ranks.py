"""Sums over each anchor's positives of terms that look at all its pairs."""

from collections.abc import Callable
from typing import Any

from keras import ops


def sum_over_positives(
    similarities: Any, is_positive: Any, term: Callable[[Any, Any], tuple[Any, Any]]
) -> Any:
    """Sum of `term` over each anchor's positives, shape `(batch,)`, in quadratic memory.

    One positive of every anchor at a time: the arrays are `(batch, refs)`, never
    `(batch, refs, refs)`. Each step collects the value and its slope by every similarity;
    the slopes carry the gradient.

    Args:
        similarities: Shape `(batch, refs)`.
        is_positive: Boolean, `(batch, refs)`.
        term: Function of `(similarities - the positive's, mask of the positive)`, both of
            shape `(batch, refs)`. Returns its value, `(batch,)`, and its derivative by
            those differences, `(batch, refs)`, 0 at the positive.
    """
    fixed = ops.stop_gradient(similarities)
    size = ops.shape(fixed)[1]
    columns = ops.expand_dims(ops.arange(size, dtype="int32"), 0)

    def next_after(position: Any) -> Any:
        later = ops.where(ops.logical_and(is_positive, columns > position), columns, size)
        return ops.min(later, axis=1, keepdims=True)

    def step(position: Any, sums: Any, slopes: Any) -> tuple[Any, Any, Any]:
        is_valid, is_this = position < size, columns == position
        own = ops.take_along_axis(fixed, ops.minimum(position, size - 1), axis=1)
        value, slope = term(fixed - own, is_this)
        slope = ops.where(is_valid, slope, 0.0)
        to_own = ops.sum(slope, axis=1, keepdims=True)
        slopes = slopes + ops.where(is_this, -to_own, slope)
        return next_after(position), sums + ops.where(is_valid[:, 0], value, 0.0), slopes

    start = next_after(-ops.ones_like(columns[:, :1]))
    _, sums, slopes = ops.while_loop(
        lambda position, sums, slopes: ops.any(position < size),
        step,
        (start, ops.zeros_like(fixed[:, 0]), ops.zeros_like(fixed)),
    )
    sums, slopes = ops.stop_gradient(sums), ops.stop_gradient(slopes)
    return sums + ops.sum(slopes * (similarities - fixed), axis=1)
