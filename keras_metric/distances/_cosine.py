"""Distances of directions: one minus the cosine, and the angle."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._distance import Distance
from keras_metric.distances._numerics import (
    direct_squared_distances,
    is_diagonal,
    refine,
    safe_sqrt,
    unit,
)

# Below this the matrix product leaves fewer than three digits of 1 - cosine.
_CLOSE = 1e-4


def _has_length(x: Any) -> Any:
    return ops.any(x != 0, axis=-1)


def pairwise_cosine_distance(a: Any, b: Any) -> Any:
    """`1 - cosine` of every pair, in `[0, 2]`; a row of zeros is at distance 1 from all."""
    a, is_same_set = unit(a), b is None
    b = a if is_same_set else unit(b)
    distances = 1.0 - ops.matmul(a, ops.transpose(b))
    # A row of zeros has no direction: its distance to itself stays 1.
    is_close = distances < _CLOSE
    if is_same_set:
        is_self = ops.logical_and(is_diagonal(distances), is_close)
        distances = ops.where(is_self, 0.0, distances)
        is_close = ops.logical_and(is_close, ops.logical_not(is_self))
    # |a - b|^2 = 2 - 2 cosine for rows of length 1.
    distances = refine(distances, is_close, lambda: 0.5 * direct_squared_distances(a, b))
    return ops.minimum(distances, 2.0)


@keras.saving.register_keras_serializable(package="keras_metric")
class CosineDistance(Distance):
    """`1 - cosine(a, b)`, from 0 to 2. Names: `"cosine"`, TFA's `"angular"`.

    A row of zeros has no direction; it is at distance 1 from everything.

    Example:
        >>> import numpy as np
        >>> np.asarray(CosineDistance().paired([[1.0, 0.0]], [[0.0, 2.0]])).tolist()
        [1.0]
    """

    similarity_offset = 1.0

    def _pairwise(self, a: Any, b: Any) -> Any:
        return pairwise_cosine_distance(a, b)

    def _paired(self, a: Any, b: Any) -> Any:
        have_length = ops.logical_and(_has_length(a), _has_length(b))
        half_chord = 0.5 * ops.sum(ops.square(unit(a) - unit(b)), axis=-1)
        return ops.where(have_length, half_chord, 1.0)


@keras.saving.register_keras_serializable(package="keras_metric")
class ArcDistance(Distance):
    """The angle between `a` and `b` in radians, from 0 to pi. Name: `"arc"`.

    Computed from sine and cosine of the half angle, whose gradient stays finite at 0
    and at pi, where that of the arc cosine does not.

    Example:
        >>> print(f"{float(ArcDistance().paired([[1.0, 0.0]], [[0.0, 2.0]])[0]):.4f}")
        1.5708
    """

    similarity_offset = math.pi

    def _pairwise(self, a: Any, b: Any) -> Any:
        return self._angle(pairwise_cosine_distance(a, b))

    def _paired(self, a: Any, b: Any) -> Any:
        return self._angle(CosineDistance()._paired(a, b))

    def _angle(self, cosine_distances: Any) -> Any:
        half = 0.5 * cosine_distances
        return 2.0 * ops.arctan2(safe_sqrt(half), safe_sqrt(1.0 - half))
