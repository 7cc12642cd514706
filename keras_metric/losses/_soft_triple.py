"""Softmax over classes of several centres."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class SoftTripleLoss(ClassProxyLoss):
    """Cross-entropy of softened cosines to the nearest centre of each class.

    `s = sum softmax(cosine / gamma) cosine` over a class's centres, then
    `-log softmax(scale * (s - margin * [own class]))`. What is averaged: all rows. The
    paper also draws centres of a class together.

    Reference: [Qian et al., 2019](https://arxiv.org/abs/1909.05235), equation 8.

    Args:
        scale: Factor of the similarities (the paper's lambda).
        gamma: How soft the choice among the centres is.
        margin: Subtracted from the own class's similarity.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the centres, shape `(batch, classes, centers)`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.

    Example:
        >>> loss = SoftTripleLoss(scale=1.0, margin=0.5)
        >>> print(f"{float(loss([0], [[[0.0, 0.0], [0.0, 0.0]]])):.4f}")  # log(1 + exp(0.5))
        0.9741
    """

    _shape = "(batch, classes, centers)"
    _rank = 3

    def __init__(
        self,
        scale: float = 20.0,
        gamma: float = 0.1,
        margin: float = 0.01,
        name: str | None = "soft_triple_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.scale = _arguments.positive("scale", scale)
        self.gamma = _arguments.positive("gamma", gamma)
        self.margin = _arguments.non_negative("margin", margin)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        shares = ops.softmax(similarities / self.gamma, axis=2)
        to_class = ops.sum(shares * similarities, axis=2)
        moved = ops.where(is_label, to_class - self.margin, to_class)
        return cross_entropy(self.scale * moved, is_label)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        own = {"scale": self.scale, "gamma": self.gamma, "margin": self.margin}
        return {**super().get_config(), **own}
