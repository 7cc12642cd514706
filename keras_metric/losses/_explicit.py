"""What the losses on explicit pairs and triplets share: reading what the model gave them."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._loss import rank_of


def check_tuples(y_pred: Any, num_distances: tuple[int | None, ...], num_embeddings: int) -> Any:
    """Return `y_pred` as a float tensor of distances or of stacked embeddings.

    Args:
        y_pred: What the model gave.
        num_distances: Allowed distances a row; `None` stands for shape `(batch,)`.
        num_embeddings: Length of the middle axis of stacked embeddings.

    Raises:
        TypeError: `y_pred` is not floating point.
        ValueError: It has another shape.
    """
    tensor = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise TypeError(
            "Distances and embeddings must be floating point numbers. "
            f"Received: y_pred of dtype={dtype}"
        )
    rank = rank_of(tensor)
    if rank is None:
        return tensor
    shape = tuple(tensor.shape)
    is_known = (
        (rank == 1 and None in num_distances)
        or (rank == 2 and shape[1] in (*num_distances, None))
        or (rank == 3 and shape[1] in (num_embeddings, None))
    )
    if not is_known:
        one_axis = ["(batch,)" if n is None else f"(batch, {n})" for n in num_distances]
        raise ValueError(
            f"Expected distances of shape {' or '.join(one_axis)}, or embeddings of shape "
            f"(batch, {num_embeddings}, dim). Received: y_pred.shape={shape}"
        )
    return tensor


def values_of(tensor: Any) -> np.ndarray | None:
    """Return the values of a tensor or an array, `None` inside compiled code."""
    try:
        return np.asarray(ops.convert_to_numpy(tensor))
    # No values yet, only shapes: what a tensor of a TensorFlow graph, a JAX tracer and a
    # KerasTensor raise, in this order. Keras has no public question for all three.
    except (NotImplementedError, TypeError, ValueError):
        return None


def check_rows(values: Any, y_pred: Any, name: str = "y_true") -> None:
    """Refuse values that are not one a row of `y_pred`, where both shapes are known."""
    rank = rank_of(values)
    if rank is None or rank_of(y_pred) is None:
        return
    shape, rows = tuple(values.shape), y_pred.shape[0]
    if rank not in (1, 2) or (rank == 2 and shape[1] not in (1, None)):
        raise ValueError(
            f"Expected one value a row, of shape (batch,) or (batch, 1). "
            f"Received: {name}.shape={shape}"
        )
    if None not in (shape[0], rows) and shape[0] != rows:
        raise ValueError(
            f"Expected one value for each row of y_pred. "
            f"Received: {shape[0]} values in {name}, {rows} rows in y_pred"
        )
