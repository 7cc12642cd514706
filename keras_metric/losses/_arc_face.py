"""Additive angular margin."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import safe_sqrt
from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, at_label, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class ArcFaceLoss(ClassProxyLoss):
    """Cross-entropy of cosines, with a margin added to the angle of the own class.

    `-log softmax(scale * c)` with `cos(angle + margin)` for the cosine of the row's class;
    past `pi - margin`, where that would grow again, `cos(angle) - margin * sin(margin)`.
    What is averaged: all rows. Gradients are finite at cosine 1 and -1.

    Reference: [Deng et al., 2019](https://arxiv.org/abs/1801.07698), equation 3.

    Args:
        margin: Angle in degrees, above 0 and below 180; 28.6 is the paper's 0.5 radians.
        scale: Factor of the cosines.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the proxies, shape `(batch, classes)`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.

    Example:
        >>> # 0.5 + 60 degrees is a cosine of -0.5, against 0 of the other class:
        >>> # log(1 + exp(0 + 0.5)).
        >>> print(f"{float(ArcFaceLoss(margin=60.0, scale=1.0)([0], [[0.5, 0.0]])):.4f}")
        0.9741
    """

    def __init__(
        self,
        margin: float = 28.6,
        scale: float = 64.0,
        name: str | None = "arc_face_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        if self.margin >= 180:
            raise ValueError(f"margin must be below 180 degrees. Received: margin={margin!r}")
        self.scale = _arguments.positive("scale", scale)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        margin = math.radians(self.margin)
        cosine = at_label(similarities, is_label)
        sine = safe_sqrt(ops.maximum((1.0 - cosine) * (1.0 + cosine), 0.0))
        moved = cosine * math.cos(margin) - sine * math.sin(margin)
        past = cosine - margin * math.sin(margin)
        moved = ops.where(cosine >= -math.cos(margin), moved, past)
        return cross_entropy(self.scale * ops.where(is_label, moved, similarities), is_label)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}
