"""Proxies as anchors of a batch."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._class_proxy import ClassProxyLoss
from keras_metric.losses._masked import masked_logsumexp


@keras.saving.register_keras_serializable(package="keras_metric")
class ProxyAnchorLoss(ClassProxyLoss):
    """Each proxy pulls its class of the batch and pushes the rest, the hardest most.

    The mean over proxies with a row of their class of
    `log(1 + sum_own exp(-alpha (cosine - margin)))`, plus the mean over all proxies of
    `log(1 + sum_other exp(alpha (cosine + margin)))`. What is averaged: proxies; a proxy's
    term is split over the rows in proportion to their share of its sum, so that the rows'
    mean is the loss. A `sample_weight` is a factor of a row's shares; 0 takes the row out of
    the sums.

    Reference: [Kim et al., 2020](https://arxiv.org/abs/2003.13911), equation 4.

    Args:
        margin: In units of the cosine, at least 0.
        alpha: Factor of the cosines.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids from 0, shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines to the proxies, shape `(batch, classes)`.

    Raises:
        ValueError: An argument is out of range, or a shape or label is.

    Example:
        >>> # Proxy 0: log(1 + exp(0)) of its row. Proxy 1: the same, half of the mean over two.
        >>> loss = ProxyAnchorLoss(margin=0.0, alpha=1.0)
        >>> print(f"{float(loss([0], [[0.0, 0.0]])):.4f}")  # log 2 + log 2 / 2
        1.0397
    """

    def __init__(
        self,
        margin: float = 0.1,
        alpha: float = 32.0,
        name: str | None = "proxy_anchor_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.non_negative("margin", margin)
        self.alpha = _arguments.positive("alpha", alpha)

    def values(self, similarities: Any, is_label: Any) -> Any:
        """Return each row's share of the proxies' terms, times the number of rows."""
        return self.values_beside(similarities, is_label, ops.ones((1, 1), "bool"))

    def values_beside(self, similarities: Any, is_label: Any, has_weight: Any) -> Any:
        """Return `values` of the rows of a weight, 0 for the others."""
        by_proxy = ops.transpose(similarities)
        is_own = ops.transpose(ops.logical_and(has_weight, is_label))
        is_other = ops.transpose(ops.logical_and(has_weight, ops.logical_not(is_label)))
        own = _shares(self.alpha * (self.margin - by_proxy), is_own)
        other = _shares(self.alpha * (self.margin + by_proxy), is_other)
        num_present = ops.sum(ops.cast(ops.any(is_own, axis=1), own.dtype))
        num_rows = ops.sum(ops.cast(is_own, own.dtype))
        classes = ops.cast(ops.shape(similarities)[1], own.dtype)
        return num_rows * (ops.divide_no_nan(own, num_present) + other / classes)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin, "alpha": self.alpha}


def _shares(x: Any, mask: Any) -> Any:
    """`log(1 + sum exp(x))` of each proxy's picked entries, split over them: `(batch,)`."""
    terms = masked_logsumexp(x, mask, with_zero=True)
    total = ops.expand_dims(masked_logsumexp(x, mask), 1)
    shares = ops.where(mask, ops.exp(ops.where(mask, x - total, 0.0)), 0.0)
    return ops.sum(shares * ops.expand_dims(terms, 1), axis=0)
