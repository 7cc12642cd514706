"""Multiplicative angular margins."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, at_label, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class LargeMarginSoftmaxLoss(ClassProxyLoss):
    """Cross-entropy of dot products, with the own class's angle multiplied by `margin`.

    `-log softmax(scale * length * psi)` with `psi` the cosine, but for the own class
    `(-1)^k cos(margin * angle) - 2 k` where `k pi / margin <= angle <= (k + 1) pi / margin`,
    and `length = |x| |w|`. What is averaged: all rows. The paper fades the margin in over
    training; this, like pytorch-metric-learning, does not.

    Reference: [Liu et al., 2016](https://arxiv.org/abs/1612.02295), equation 6.

    Args:
        margin: Integer of at least 1.
        scale: Factor of the products.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines and lengths, shape `(batch, classes, 2)`, from
            `ProxyHead(lengths="both")`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.
        TypeError: `margin` is not an integer.

    Example:
        >>> # cos(2 * 60 degrees) = -0.5 against 0: log(1 + exp(0.5)).
        >>> loss = LargeMarginSoftmaxLoss(margin=2)
        >>> print(f"{float(loss([0], [[[0.5, 1.0], [0.0, 1.0]]])):.4f}")
        0.9741
    """

    _shape = "(batch, classes, 2)"
    _rank = 3

    def __init__(
        self,
        margin: int = 4,
        scale: float = 1.0,
        name: str | None = "large_margin_softmax_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if isinstance(margin, bool) or not isinstance(margin, int):
            raise TypeError(f"margin must be an integer. Received: margin={margin!r}")
        if margin < 1:
            raise ValueError(f"margin must be at least 1. Received: margin={margin!r}")
        self.margin = margin
        self.scale = _arguments.positive("scale", scale)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        if similarities.shape[2] != 2:
            raise ValueError(
                f"Expected cosines and lengths, shape {self._shape}. "
                f"Received: y_pred.shape={tuple(similarities.shape)}"
            )
        cosines, lengths = similarities[:, :, 0], similarities[:, :, 1]
        moved = self._psi(at_label(cosines, is_label))
        cosines = ops.where(is_label, moved, cosines)
        return cross_entropy(self.scale * lengths * cosines, is_label)

    def _psi(self, cosine: Any) -> Any:
        # cos(margin * angle) as Chebyshev's polynomial: no arc cosine, no infinite slope.
        before, multiple = ops.ones_like(cosine), cosine
        for _ in range(self.margin - 1):
            before, multiple = multiple, 2.0 * cosine * multiple - before
        k = ops.zeros_like(cosine)
        for step in range(1, self.margin):
            is_past = cosine <= math.cos(step * math.pi / self.margin)
            k = k + ops.cast(is_past, cosine.dtype)
        sign = 1.0 - 2.0 * (k - 2.0 * ops.floor(k / 2.0))
        return sign * multiple - 2.0 * k

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}


@keras.saving.register_keras_serializable(package="keras_metric")
class SphereFaceLoss(LargeMarginSoftmaxLoss):
    """`LargeMarginSoftmaxLoss` with proxies of length 1.

    `-log softmax(|x| psi(angle))`, `psi` as in `LargeMarginSoftmaxLoss`. What is
    averaged: all rows.

    Reference: [Liu et al., 2017](https://arxiv.org/abs/1704.08063), equation 7.

    Args:
        margin: Integer of at least 1.
        scale: Factor of the products.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines and lengths, shape `(batch, classes, 2)`, from
            `ProxyHead(lengths="embedding")`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.
        TypeError: `margin` is not an integer.

    Example:
        >>> loss = SphereFaceLoss(margin=2)
        >>> print(f"{float(loss([0], [[[0.5, 1.0], [0.0, 1.0]]])):.4f}")
        0.9741
    """

    def __init__(
        self,
        margin: int = 4,
        scale: float = 1.0,
        name: str | None = "sphere_face_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(margin, scale, name, **kwargs)
