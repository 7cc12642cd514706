"""Arithmetic that the distances share: safe roots, safe normalisation, float checks."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

# Below this share of |a|^2 + |b|^2 the Gram form of |a - b|^2 has lost its digits.
_CLOSE = 1e-4


def as_float(embeddings: Any, argument: str) -> Any:
    """Return `embeddings` as a float tensor of at least 32 bits; refuse other dtypes."""
    tensor = ops.convert_to_tensor(embeddings)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype in ("float32", "float64"):
        return tensor
    if dtype in ("float16", "bfloat16"):
        return ops.cast(tensor, "float32")
    raise TypeError(
        f"Embeddings must be floating point numbers. Received: {argument} of dtype={dtype}"
    )


def safe_sqrt(x: Any) -> Any:
    """Square root whose gradient at 0 is 0 instead of infinite."""
    is_positive = x > 0
    return ops.where(is_positive, ops.sqrt(ops.where(is_positive, x, 1.0)), 0.0)


def unit(x: Any) -> Any:
    """Rows of length 1; a row of zeros stays zero, and its gradient is as of a row of length 1."""
    # Dividing by the largest entry first keeps the squares in range at any norm.
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(largest > 0, largest, 1.0)
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.where(squared > 0, squared, 1.0))


def is_diagonal(matrix: Any) -> Any:
    """Boolean mask of the main diagonal, of the shape of `matrix`."""
    rows, columns = ops.shape(matrix)
    return ops.expand_dims(ops.arange(rows), 1) == ops.expand_dims(ops.arange(columns), 0)


def squared_norms(x: Any) -> Any:
    """Squared length of every row, shape `(n, 1)`."""
    return ops.sum(ops.square(x), axis=-1, keepdims=True)


def gram_squared_distances(a: Any, b: Any) -> tuple[Any, Any]:
    """`|a - b|^2` by one matrix product, and where that has lost its digits: see `refine`.

    There it may be below 0. It is not clipped, which would cut off the gradient.
    """
    scale = squared_norms(a) + ops.transpose(squared_norms(b))
    squared = scale - 2.0 * ops.matmul(a, ops.transpose(b))
    return squared, ops.logical_and(squared < _CLOSE * scale, scale > 0)


def direct_squared_distances(a: Any, b: Any) -> Any:
    """`|a - b|^2` by differences, one dimension at a time: exact and slow, no gradient."""
    a, b = ops.stop_gradient(a), ops.stop_gradient(b)

    def add(i: Any, total: Any) -> Any:
        column = ops.expand_dims(ops.take(a, i, axis=1), 1)
        return total + ops.square(column - ops.expand_dims(ops.take(b, i, axis=1), 0))

    total = ops.zeros((ops.shape(a)[0], ops.shape(b)[0]), dtype=a.dtype)
    return ops.fori_loop(0, a.shape[1], add, total)


def refine(approximate: Any, is_close: Any, exact: Callable[[], Any]) -> Any:
    """Replace the values of close pairs by exact ones, at no cost where there are none.

    The gradient stays that of the approximate form, which does not cancel.
    """
    known = ops.stop_gradient(approximate)
    correction = ops.cond(
        ops.any(is_close),
        lambda: ops.where(is_close, exact() - known, ops.zeros_like(known)),
        lambda: ops.zeros_like(known),
    )
    return approximate + ops.stop_gradient(correction)
