"""What the losses on two sets share: embeddings in pairs, or their matrix of similarities."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances import Distance
from keras_metric.losses._loss import rank_of


def check_stacked(y_pred: Any, parts: tuple[int, ...], what: str, square: bool = False) -> Any:
    """Return `y_pred` as a float tensor of stacked embeddings `(batch, parts, dim)`.

    Args:
        y_pred: What the model gave.
        parts: Allowed lengths of the middle axis.
        what: What the parts are, for the error.
        square: Whether a matrix of similarities, `(batch, batch)`, will do too.

    Raises:
        TypeError: `y_pred` is not floating point.
        ValueError: It has another shape.
    """
    tensor = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise TypeError(
            f"Embeddings must be floating point numbers. Received: y_pred of dtype={dtype}"
        )
    rank = rank_of(tensor)
    if rank is None:
        return tensor
    shape = tuple(tensor.shape)
    is_known = rank == 3 and shape[1] in (*parts, None)
    if square and rank == 2:
        is_known = shape[0] == shape[1] or None in shape
    if not is_known:
        expected = " or ".join(f"(batch, {n}, dim)" for n in parts)
        matrix = "similarities of shape (batch, batch), or " if square else ""
        raise ValueError(
            f"Expected {matrix}embeddings of shape {expected}, {what}. "
            f"Received: y_pred.shape={shape}"
        )
    return tensor


def similarities_of(y_pred: Any, distance: Distance) -> Any:
    """Similarities of every first embedding to every second one, `(batch, batch)`."""
    if len(y_pred.shape) == 2:
        return y_pred
    return distance.to_similarity(distance.pairwise(y_pred[:, 0], y_pred[:, 1]))
