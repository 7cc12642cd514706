"""Keeps embeddings short."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import safe_sqrt
from keras_metric.losses import _arguments
from keras_metric.regularizers._weighted import WeightedRegularizer


@keras.saving.register_keras_serializable(package="keras_metric")
class EmbeddingNorm(WeightedRegularizer):
    """`weight * sum |x|^power`, Euclidean lengths of the rows.

    pytorch-metric-learning's `LpRegularizer` with `p=2`.

    Args:
        weight: Factor, at least 0.
        power: Exponent of the length. Must be greater than 0.
        reduction: `"sum"`, for `activity_regularizer=`, where Keras divides it by the batch
            size: the mean. `"mean"` anywhere else.

    Example:
        >>> float(EmbeddingNorm()([[3.0, 4.0], [0.0, 1.0]]))
        6.0
    """

    def __init__(self, weight: float = 1.0, power: float = 1.0, reduction: str = "sum") -> None:
        super().__init__(weight, reduction)
        self.power = _arguments.positive("power", power)

    def penalties(self, x: Any) -> Any:
        """Return the powers of the rows' lengths."""
        squared = ops.sum(ops.square(x), axis=1)
        if self.power == 2:
            return squared
        length = safe_sqrt(squared)
        if self.power == 1:
            return length
        is_long = length > 0
        return ops.where(is_long, ops.power(ops.where(is_long, length, 1.0), self.power), 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this regularizer."""
        return {**super().get_config(), "power": self.power}
