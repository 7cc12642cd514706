"""Sum of absolute differences."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._distance import Distance

# Dimensions differenced at once: (n, m, 8) is the largest array in memory.
_CHUNK = 8


@keras.remat
def _chunk_sum(a: Any, b: Any) -> Any:
    return ops.sum(ops.abs(ops.expand_dims(a, 1) - ops.expand_dims(b, 0)), axis=-1)


@keras.saving.register_keras_serializable(package="keras_metric")
class ManhattanDistance(Distance):
    """`sum |a - b|` over the dimensions. Name: `"manhattan"`, `"L1"`.

    No matrix product computes it: a pairwise matrix takes `n * m * dim` steps.

    Example:
        >>> import numpy as np
        >>> np.asarray(ManhattanDistance().paired([[1.0, 2.0]], [[3.0, 5.0]])).tolist()
        [5.0]
    """

    def _pairwise(self, a: Any, b: Any) -> Any:
        b = a if b is None else b
        starts = range(0, a.shape[1], _CHUNK)
        return sum(_chunk_sum(a[:, i : i + _CHUNK], b[:, i : i + _CHUNK]) for i in starts)

    def _paired(self, a: Any, b: Any) -> Any:
        return ops.sum(ops.abs(a - b), axis=-1)
