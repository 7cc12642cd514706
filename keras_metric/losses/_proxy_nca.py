"""Neighbourhood component analysis on proxies."""

from typing import Any

import keras

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss, cross_entropy


@keras.saving.register_keras_serializable(package="keras_metric")
class ProxyNCALoss(ClassProxyLoss):
    """`-log softmax(-softmax_scale * d^2)` over the proxies, `d` between unit vectors.

    There `d^2 = 2 - 2 cosine`. The own proxy is in the denominator too, as in
    pytorch-metric-learning and ProxyNCA++; the first paper leaves it out. What is
    averaged: all rows.

    Reference: [Movshovitz-Attias et al., 2017](https://arxiv.org/abs/1703.07464), equation 6.

    Args:
        softmax_scale: Factor of the squared distances.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the proxies, shape `(batch, classes)`.

    Raises:
        ValueError: `softmax_scale` is not positive, or a shape or label is wrong.

    Example:
        >>> print(f"{float(ProxyNCALoss()([0], [[0.5, 0.75]])):.4f}")  # log(1 + exp(0.5))
        0.9741
    """

    def __init__(
        self, softmax_scale: float = 1.0, name: str | None = "proxy_nca_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.softmax_scale = _arguments.positive("softmax_scale", softmax_scale)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's cross-entropy."""
        return cross_entropy(2.0 * self.softmax_scale * similarities, is_label)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "softmax_scale": self.softmax_scale}
