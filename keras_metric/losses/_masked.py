"""Reductions over the part of each row that a mask picks, finite on empty rows."""

from typing import Any

from keras import ops


def masked_max(x: Any, mask: Any) -> tuple[Any, Any]:
    """Largest picked entry of each row, 0 where there is none, and whether there is one."""
    has_any = ops.any(mask, axis=1)
    largest = ops.max(ops.where(mask, x, -float("inf")), axis=1)
    return ops.where(has_any, largest, 0.0), has_any


def masked_min(x: Any, mask: Any) -> tuple[Any, Any]:
    """Smallest picked entry of each row, 0 where there is none, and whether there is one."""
    largest, has_any = masked_max(-x, mask)
    return -largest, has_any


def masked_sum(x: Any, mask: Any) -> Any:
    """Sum of the picked entries of each row."""
    return ops.sum(ops.where(mask, x, 0.0), axis=1)


def masked_count(mask: Any, dtype: Any) -> Any:
    """Number of picked entries of each row, as a float."""
    return ops.sum(ops.cast(mask, dtype), axis=1)


def masked_logsumexp(x: Any, mask: Any, with_zero: bool = False) -> Any:
    """`log(sum(exp(x)))` over the picked entries of each row; 0 where there is none.

    Args:
        x: Shape `(batch, refs)`.
        mask: Boolean, same shape.
        with_zero: Whether to add an entry 0 to every row: `log(1 + sum(exp(x)))`.
    """
    largest = ops.stop_gradient(masked_max(x, mask)[0])
    if with_zero:
        largest = ops.maximum(largest, 0.0)
    shifted = ops.where(mask, x - ops.expand_dims(largest, 1), 0.0)
    total = masked_sum(ops.exp(shifted), mask)
    if with_zero:
        total = total + ops.exp(-largest)
    is_empty = total <= 0
    return ops.where(is_empty, 0.0, ops.log(ops.where(is_empty, 1.0, total)) + largest)


def flat_places(columns: Any, width: Any) -> Any:
    """Where the columns of each row are, in rows of a width put one behind the other."""
    rows = ops.arange(ops.shape(columns)[0], dtype="int32")
    return columns + ops.expand_dims(rows * width, 1)
