"""Signal-to-noise ratio distance."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._distance import Distance
from keras_metric.distances._euclidean import pairwise_squared


@keras.saving.register_keras_serializable(package="keras_metric")
class SignalToNoiseDistance(Distance):
    """`var(a - b) / var(a)`, variances over the dimensions. Name: `"snr"`.

    Not symmetric: the anchor `a` is the signal. An anchor of variance 0 has no signal
    and is at distance 0 from everything.

    Reference: [Yuan et al., 2019](https://arxiv.org/abs/1904.02616), equation 5.

    Example:
        >>> import numpy as np
        >>> np.asarray(SignalToNoiseDistance().paired([[1.0, -1.0]], [[0.0, 0.0]])).tolist()
        [1.0]
    """

    def _pairwise(self, a: Any, b: Any) -> Any:
        a = _centred(a)
        noise = pairwise_squared(a, None if b is None else _centred(b))
        return _ratio(noise, ops.sum(ops.square(a), axis=-1, keepdims=True))

    def _paired(self, a: Any, b: Any) -> Any:
        a, b = _centred(a), _centred(b)
        noise = ops.sum(ops.square(a - b), axis=-1)
        return _ratio(noise, ops.sum(ops.square(a), axis=-1))


def _centred(x: Any) -> Any:
    return x - ops.mean(x, axis=-1, keepdims=True)


def _ratio(noise: Any, signal: Any) -> Any:
    return ops.where(signal > 0, noise / ops.where(signal > 0, signal, 1.0), 0.0)
