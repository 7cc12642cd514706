"""A product of matrices at a few places of each row."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_metric.losses._class_product import class_product, class_product_gradient
from keras_metric.miners._triplets import column, is_column, walk_positives

# Above this many places in a row, the whole product is faster (measured on CPU); where steps
# are not compiled, it always is.
MOST_TO_WALK = 0 if keras.backend.backend() == "torch" else 32


def sampled_product(
    left: Any, right: Any, mask: Any, left_mask: Any = None, by_class: Any = False
) -> Any:
    """`left @ right.T` where the mask is True, and 0 elsewhere.

    Where the mask has few True a row, only those are computed, one of every row at a time.

    Args:
        left: Shape `(batch, dim)`.
        right: Shape `(refs, dim)`.
        mask: Boolean, `(batch, refs)`.
        left_mask: Boolean, `(batch, dim)`: outside of it `left` is 0 and gets no gradient.
        by_class: Whether, `left` being `right` within `left_mask`, the masks are those of
            pairs of one and of other classes; see `class_product`.
    """
    left_mask = ops.ones_like(left) if left_mask is None else left_mask
    masks = [ops.stop_gradient(ops.cast(one, left.dtype)) for one in (mask, left_mask)]

    def if_by_class(tiles: Callable[[], Any], others: Callable[[], Any]) -> Any:
        return others() if by_class is False else ops.cond(by_class, tiles, others)

    def product(left: Any, right: Any, mask: Any, left_mask: Any) -> tuple[Any, Any]:
        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, ...]:
            slopes = (args[-1] if upstream is None else upstream) * mask
            to_left, to_right = if_by_class(
                lambda: (
                    class_product_gradient(slopes, left, mask, left_mask),
                    ops.zeros_like(right),
                ),
                lambda: (
                    _from_few(slopes, mask, right),
                    _from_few(ops.transpose(slopes), ops.transpose(mask), left),
                ),
            )
            return to_left * left_mask, to_right, ops.zeros_like(mask), ops.zeros_like(left_mask)

        value = if_by_class(
            lambda: mask * class_product(left, mask, left_mask),
            lambda: _at_few(left, right, mask),
        )
        return value, gradient

    return ops.custom_gradient(product)(left, right, *masks)


def _is_sparse(mask: Any) -> Any:
    return ops.max(ops.sum(mask, axis=1)) <= MOST_TO_WALK


def _at_few(left: Any, right: Any, mask: Any) -> Any:
    """The product at the places of the mask."""

    def step(columns: Any, has_one: Any, state: tuple[Any]) -> tuple[Any]:
        value = ops.sum(left * ops.take(right, columns, axis=0), axis=1, keepdims=True)
        is_here = ops.logical_and(is_column(columns, mask), has_one)
        return (state[0] + ops.where(is_here, value, 0.0),)

    return ops.cond(
        _is_sparse(mask),
        lambda: walk_positives(mask > 0, step, (ops.zeros_like(mask),))[0],
        lambda: mask * ops.matmul(left, ops.transpose(right)),
    )


def _from_few(values: Any, mask: Any, matrix: Any) -> Any:
    """`values @ matrix`, the values being 0 outside the mask."""

    def step(columns: Any, has_one: Any, state: tuple[Any]) -> tuple[Any]:
        weight = ops.where(has_one, column(values, columns), 0.0)
        return (state[0] + weight * ops.take(matrix, columns, axis=0),)

    start = ops.zeros((ops.shape(values)[0], ops.shape(matrix)[1]), dtype=values.dtype)
    return ops.cond(
        _is_sparse(mask),
        lambda: walk_positives(mask > 0, step, (start,))[0],
        lambda: ops.matmul(values, matrix),
    )
