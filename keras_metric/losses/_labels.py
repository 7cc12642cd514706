"""Class labels as small integers, exact whatever the labels are."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._loss import rank_of

_SIGNED = {
    "bool": "int32",
    "uint8": "int32",
    "uint16": "int32",
    "uint32": "int32",
    "uint64": "int64",
}


def local_ids(labels: Any, argument: str = "y_true") -> Any:
    """Number the classes of one batch: equal labels get equal ids, others different ones.

    Keras casts labels to the loss's dtype, which makes one class of 16777216 and
    16777217; ids below the batch size survive that cast.

    Args:
        labels: Integers of any size, strings, booleans or floats; a tensor, an array
            or a list, shape `(batch,)` or `(batch, 1)`.
        argument: Name of the argument, for the error.

    Returns:
        Integer tensor of shape `(batch,)`.

    Raises:
        ValueError: `labels` is not of shape `(batch,)` or `(batch, 1)`.
    """
    if not ops.is_tensor(labels):
        labels = np.asarray(labels)
    rank, shape = rank_of(labels), tuple(labels.shape) if rank_of(labels) is not None else ()
    if rank is not None and not (rank == 1 or (rank == 2 and shape[1] in (1, None))):
        raise ValueError(
            "Labels must be one class id a row, of shape (batch,) or (batch, 1); for pairs known "
            f"otherwise give is_positive and is_negative. Received: {argument}.shape={shape}"
        )
    if isinstance(labels, np.ndarray):
        _, ids = np.unique(labels.reshape(-1), return_inverse=True)
        return ops.convert_to_tensor(ids.astype("int32"))
    if keras.backend.standardize_dtype(labels.dtype) == "string":
        return _ids_of_strings(labels)
    return _ranks(ops.reshape(labels, (-1,)))


def _ranks(labels: Any) -> Any:
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if dtype in _SIGNED:
        labels = ops.cast(labels, _SIGNED[dtype])  # wraps: stays one to one
    order = ops.argsort(labels, axis=0)
    ordered = ops.take(labels, order, axis=0)
    is_new = ops.cast(ordered[1:] != ordered[:-1], "int32")
    ranks = ops.cumsum(ops.concatenate([ops.zeros_like(order[:1], dtype="int32"), is_new]))
    return ops.take(ranks, ops.argsort(order, axis=0), axis=0)


def _ids_of_strings(labels: Any) -> Any:
    """Index of the first row with an equal label; TensorFlow's string tensors only compare."""
    column = labels if rank_of(labels) == 2 else labels[:, None]
    is_equal = column == ops.transpose(column)
    return ops.argmax(ops.cast(is_equal, "int32"), axis=1)


def joint_ids(labels: Any, ref_labels: Any) -> tuple[Any, Any]:
    """Number the classes of two sets of labels together.

    Raises:
        ValueError: One set is a tensor, and ids of the other exceed this backend's integers.
    """
    if not ops.is_tensor(labels) and not ops.is_tensor(ref_labels):
        both = np.concatenate([np.reshape(labels, -1), np.reshape(ref_labels, -1)])
        rows = np.size(labels)
    else:
        labels, ref_labels = _as_tensor(labels, "y_true"), _as_tensor(ref_labels, "ref_labels")
        both = ops.concatenate([ops.reshape(labels, (-1,)), ops.reshape(ref_labels, (-1,))])
        rows = ops.shape(ops.reshape(labels, (-1,)))[0]
    ids = local_ids(both)
    return ids[:rows], ids[rows:]


def _as_tensor(labels: Any, argument: str) -> Any:
    """Return `labels` as a tensor. JAX has 32 bits, and drops the others without a word."""
    if ops.is_tensor(labels):
        return labels
    labels = np.asarray(labels)
    tensor = ops.convert_to_tensor(labels)
    if labels.dtype.kind in "iu" and labels.size:
        limits = np.iinfo(keras.backend.standardize_dtype(tensor.dtype))
        if labels.min() < limits.min or labels.max() > limits.max:
            raise ValueError(
                f"Class ids beside a tensor of ids must be {limits.dtype} here. Give both sets as "
                "arrays, or number the classes: np.unique(ids, return_inverse=True)[1]. "
                f"Received: {argument} from {labels.min()} to {labels.max()}"
            )
    return tensor
