"""What every regularizer of this package shares."""

from abc import ABC, abstractmethod
from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.distances._numerics import as_float
from keras_metric.losses import _arguments


class WeightedRegularizer(keras.regularizers.Regularizer, ABC):
    """`weight` times the mean or the sum of one penalty a row of a matrix.

    As `activity_regularizer=` of the layer that puts out embeddings it penalises those, as
    `kernel_regularizer=` of `keras_metric.layers.ProxyHead` the proxies. Keras divides the
    value of an `activity_regularizer`, and of no other, by the batch size: there it takes
    the sum to get the mean.
    """

    def __init__(self, weight: float = 1.0, reduction: str = "mean") -> None:
        self.weight = _arguments.non_negative("weight", weight)
        if reduction not in ("mean", "sum"):
            raise unknown_name("reduction", "reduction", reduction, ("mean", "sum"))
        self.reduction = reduction

    def __call__(self, x: Any) -> Any:
        """Return the penalty of rows `x`, shape `(rows, dim)`: a scalar."""
        x = as_float(x, "x")
        if len(x.shape) != 2:
            raise ValueError(
                f"{type(self).__name__} takes rows of shape (rows, dim). "
                f"Received: x.shape={tuple(x.shape)}"
            )
        reduce = ops.mean if self.reduction == "mean" else ops.sum
        return self.weight * reduce(self.penalties(x))

    @abstractmethod
    def penalties(self, x: Any) -> Any:
        """Return one penalty a row."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this regularizer."""
        return {"weight": self.weight, "reduction": self.reduction}
