"""Keeps the entries of each embedding around zero."""

from typing import Any

import keras
from keras import ops

from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class ZeroMean(WeightedRegularizer):
    """`weight * mean |sum of a row's entries|`.

    For the signal-to-noise distance, whose paper assumes embeddings of mean 0.
    pytorch-metric-learning's `ZeroMeanRegularizer`.

    Reference: [Yuan et al., 2019](https://arxiv.org/abs/1904.02616), equation 12.

    Args:
        weight: Factor, at least 0.

    Example:
        >>> float(ZeroMean()([[3.0, -4.0], [1.0, 2.0]]))
        2.0
    """

    def penalties(self, x: Any) -> Any:
        """Return the absolute sums of the rows."""
        return ops.abs(ops.sum(x, axis=1))
