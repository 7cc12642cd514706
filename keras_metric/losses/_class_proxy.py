"""Losses on the similarities of embeddings to class proxies."""

from abc import abstractmethod
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric.losses._explicit import check_rows, values_of
from keras_metric.losses._loss import MetricLoss, rank_of


class ClassProxyLoss(MetricLoss):
    """A loss on the similarities that `keras_metric.layers.ProxyHead` puts out.

    The proxies are weights of that layer: a loss's own would not be trained. Every row has
    one value, its mean is the published loss. A label that is no class (below 0, or too
    large for `y_pred`) raises where labels can be looked at; inside compiled code, `fit`
    included, its row becomes NaN rather than a wrong number.

    Call arguments (of every subclass):
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`, below 2**24.
        y_pred: Similarities to the proxies; the subclass tells the shape.
        sample_weight: A factor for each row, shape `(batch,)`.
    """

    _shape = "(batch, classes)"
    _rank = 2

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch; see the class."""
        y_pred = ops.convert_to_tensor(y_pred)
        dtype = keras.backend.standardize_dtype(y_pred.dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise TypeError(
                f"Similarities must be floating point numbers. Received: y_pred of dtype={dtype}"
            )
        if rank_of(y_pred) not in (self._rank, None):
            raise ValueError(
                f"{type(self).__name__} needs similarities of shape {self._shape}, as ProxyHead "
                f"puts them out. Received: y_pred.shape={tuple(y_pred.shape)}"
            )
        y_true = check_class_ids(y_true, y_pred)
        _check_range(y_true, y_pred.shape[1])
        weights = 1.0 if sample_weight is None else sample_weight
        return super().__call__({"labels": y_true, "weights": weights}, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per row, shape `(batch,)`."""
        classes = ops.arange(ops.shape(y_pred)[1], dtype="int32")
        labels = ops.cast(ops.reshape(y_true["labels"], (-1, 1)), "int32")
        is_label = labels == ops.expand_dims(classes, 0)
        has_weight = ops.reshape(y_true["weights"], (-1, 1)) != 0
        values = self.values_beside(y_pred, is_label, has_weight)
        return ops.where(ops.any(is_label, axis=1), values, float("nan"))

    @abstractmethod
    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return one value per row.

        Args:
            similarities: What the head put out.
            is_label: Boolean, `(batch, classes)`: the class of each row.
        """

    def values_beside(self, similarities: Any, is_label: Any, has_weight: Any) -> Any:
        """Return `values`; a loss whose rows depend on each other leaves out those of weight 0.

        Args:
            similarities: What the head put out.
            is_label: Boolean, `(batch, classes)`.
            has_weight: Boolean, `(batch, 1)`, or `(1, 1)` for all rows.
        """
        return self.values(similarities, is_label)


def cross_entropy(logits: Any, is_label: Any) -> Any:
    """`-log softmax(logits)` at the label, shape `(batch,)`."""
    return ops.logsumexp(logits, axis=1) - at_label(logits, is_label)[:, 0]


def at_label(values: Any, is_label: Any) -> Any:
    """The entry of each row's class, shape `(batch, 1)`."""
    return ops.sum(ops.where(is_label, values, 0.0), axis=1, keepdims=True)


def check_class_ids(labels: Any, y_pred: Any) -> Any:
    """Return ids that count classes, one a row of `y_pred`, as a tensor or an array."""
    if not ops.is_tensor(labels):
        labels = np.asarray(labels)
    is_array = isinstance(labels, np.ndarray)
    dtype = labels.dtype if is_array else keras.backend.standardize_dtype(labels.dtype)
    if dtype == "string" or (is_array and dtype.kind not in "biuf"):
        raise TypeError(
            "Class ids must be numbers from 0; np.unique(names, return_inverse=True)[1] numbers "
            f"names. Received: y_true of dtype={dtype}"
        )
    check_rows(labels, y_pred)
    return labels


def _check_range(labels: Any, num_classes: int | None) -> None:
    values = values_of(labels)
    if num_classes is None or values is None or not values.size:
        return
    if not (values.min() >= 0 and values.max() < num_classes):
        raise ValueError(
            f"y_pred has similarities to {num_classes} classes: labels must be from 0 to "
            f"{num_classes - 1}. Received: y_true from {values.min()} to {values.max()}"
        )
