"""Softmax over cosines."""

from typing import Any

import keras

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class NormalizedSoftmaxLoss(ClassProxyLoss):
    """Cross-entropy of cosines: `-log softmax(cosine / temperature)`.

    What is averaged: all rows.

    Reference: [Zhai and Wu, 2019](https://arxiv.org/abs/1811.12649), equation 4.

    Args:
        temperature: Divisor of the cosines.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the proxies, shape `(batch, classes)`.

    Raises:
        ValueError: `temperature` is not positive, or a shape or label is wrong.

    Example:
        >>> loss = NormalizedSoftmaxLoss(temperature=1.0)
        >>> print(f"{float(loss([0], [[0.5, 1.0]])):.4f}")  # log(1 + exp(0.5))
        0.9741
    """

    def __init__(
        self,
        temperature: float = 0.05,
        name: str | None = "normalized_softmax_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        return cross_entropy(similarities / self.temperature, is_label)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "temperature": self.temperature}
