"""Euclidean distance and its square."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._distance import Distance
from keras_metric.distances._numerics import (
    direct_squared_distances,
    gram_squared_distances,
    is_diagonal,
    refine,
    safe_sqrt,
)


def pairwise_squared(a: Any, b: Any) -> Any:
    """`|a_i - b_j|^2`, accurate for near duplicates too, shape `(n, m)`."""
    other = a if b is None else b
    squared, is_close = gram_squared_distances(a, other)
    if b is None:
        is_self = is_diagonal(squared)
        squared = ops.where(is_self, 0.0, squared)
        is_close = ops.logical_and(is_close, ops.logical_not(is_self))
    return refine(squared, is_close, lambda: direct_squared_distances(a, other))


@keras.saving.register_keras_serializable(package="keras_metric")
class SquaredEuclideanDistance(Distance):
    """`|a - b|^2`. Names: `"squared_euclidean"`, TFA's `"squared-L2"`.

    Example:
        >>> import numpy as np
        >>> np.asarray(SquaredEuclideanDistance().paired([[0.0, 0.0]], [[3.0, 4.0]])).tolist()
        [25.0]
    """

    def _pairwise(self, a: Any, b: Any) -> Any:
        return pairwise_squared(a, b)

    def _paired(self, a: Any, b: Any) -> Any:
        return ops.sum(ops.square(a - b), axis=-1)


@keras.saving.register_keras_serializable(package="keras_metric")
class EuclideanDistance(Distance):
    """`|a - b|`. Names: `"euclidean"`, TFA's `"L2"`.

    The gradient of two equal embeddings is 0.

    Example:
        >>> import numpy as np
        >>> np.asarray(EuclideanDistance().paired([[0.0, 0.0]], [[3.0, 4.0]])).tolist()
        [5.0]
    """

    def _pairwise(self, a: Any, b: Any) -> Any:
        return safe_sqrt(pairwise_squared(a, b))

    def _paired(self, a: Any, b: Any) -> Any:
        return safe_sqrt(ops.sum(ops.square(a - b), axis=-1))
