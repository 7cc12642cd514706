"""Additive cosine margin."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class CosFaceLoss(ClassProxyLoss):
    """Cross-entropy of cosines, less a margin for the own class.

    `-log softmax(scale * (cosine - margin * [own class]))`. What is averaged: all rows.

    Reference: [Wang et al., 2018](https://arxiv.org/abs/1801.09414), equation 4.

    Args:
        margin: Subtracted from the own class's cosine, at least 0.
        scale: Factor of the cosines.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the proxies, shape `(batch, classes)`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.

    Example:
        >>> # 0.5 - 1 against 0: log(1 + exp(0.5)).
        >>> print(f"{float(CosFaceLoss(margin=1.0, scale=1.0)([0], [[0.5, 0.0]])):.4f}")
        0.9741
    """

    def __init__(
        self,
        margin: float = 0.35,
        scale: float = 64.0,
        name: str | None = "cos_face_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.non_negative("margin", margin)
        self.scale = _arguments.positive("scale", scale)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        moved = ops.where(is_label, similarities - self.margin, similarities)
        return cross_entropy(self.scale * moved, is_label)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}
