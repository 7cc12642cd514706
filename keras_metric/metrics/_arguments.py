"""What the metrics do with the arguments that Keras hands them."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses._loss import rank_of


def wide_dtype(dtype: Any) -> str:
    """The dtype to count in: the one asked for, widened to at least 32 bits."""
    name = getattr(dtype, "compute_dtype", dtype) or keras.config.floatx()
    name = keras.backend.standardize_dtype(name)
    return "float32" if name in ("float16", "bfloat16") else name


def one_a_row(values: Any, argument: str) -> Any:
    """Return a tensor of shape `(batch,)` or `(batch, 1)` as one of shape `(batch,)`."""
    values = ops.convert_to_tensor(values)
    rank = rank_of(values)
    if rank is not None and rank != 1 and not (rank == 2 and values.shape[1] in (1, None)):
        raise ValueError(
            f"`{argument}` must be of shape (batch,) or (batch, 1). "
            f"Received: {argument}.shape={tuple(values.shape)}"
        )
    return ops.reshape(values, (-1,))


def same_length(a: Any, b: Any, names: str) -> None:
    """Raise unless two tensors of rank 1 are of one length, as far as that is known."""
    lengths = a.shape[0], b.shape[0]
    if None not in lengths and lengths[0] != lengths[1]:
        raise ValueError(f"Expected one value a row in {names}. Received: lengths {lengths}")


def row_weights(sample_weight: Any, rows: Any, dtype: str) -> Any:
    """One weight for each of `rows`, shape `(batch,)`: 1 where none is given.

    Raises:
        ValueError: `sample_weight` is neither a number nor one number a row.
    """
    ones = ops.ones_like(rows, dtype=dtype)
    if sample_weight is None:
        return ones
    weights = ops.cast(ops.convert_to_tensor(sample_weight), dtype)
    if rank_of(weights) == 0:
        return ones * weights
    weights = one_a_row(weights, "sample_weight")
    same_length(weights, rows, "sample_weight and y_pred")
    return weights
