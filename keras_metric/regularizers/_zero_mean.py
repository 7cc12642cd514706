"""Keeps the entries of each embedding around zero."""

from typing import Any

import keras
from keras import ops

from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class ZeroMean(WeightedRegularizer):
    """`weight * sum |sum of a row's entries|`, over the rows.

    For the signal-to-noise distance, whose paper assumes embeddings of mean 0.
    pytorch-metric-learning's `ZeroMeanRegularizer`.

    Reference: [Yuan et al., 2019](https://arxiv.org/abs/1904.02616), equation 12.

    Args:
        weight: Factor, at least 0.
        reduction: `"sum"`, for `activity_regularizer=`, where Keras divides it by the batch
            size: the mean. `"mean"` anywhere else.

    Example:
        >>> float(ZeroMean()([[3.0, -4.0], [1.0, 2.0]]))
        4.0
    """

    def __init__(self, weight: float = 1.0, reduction: str = "sum") -> None:
        super().__init__(weight, reduction)

    def penalties(self, x: Any) -> Any:
        """Return the absolute sums of the rows."""
        return ops.abs(ops.sum(x, axis=1))
