"""The dot product as a distance."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._distance import Distance


@keras.saving.register_keras_serializable(package="keras_metric")
class DotProductDistance(Distance):
    """`-a . b`: the dot product with its sign turned. Name: `"dot_product"`.

    It has no lower bound, so margins on it mean little unless lengths are kept in check.

    Example:
        >>> import numpy as np
        >>> np.asarray(DotProductDistance().paired([[1.0, 2.0]], [[3.0, 4.0]])).tolist()
        [-11.0]
    """

    def _pairwise(self, a: Any, b: Any) -> Any:
        return -ops.matmul(a, ops.transpose(a if b is None else b))

    def _paired(self, a: Any, b: Any) -> Any:
        return -ops.sum(a * b, axis=-1)
