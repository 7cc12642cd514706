"""Cross-correlation of two views."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import is_diagonal
from keras_metric.losses import _arguments
from keras_metric.losses._loss import MetricLoss
from keras_metric.losses._similarities import check_stacked


@keras.saving.register_keras_serializable(package="keras_metric")
class BarlowTwinsLoss(MetricLoss):
    """Wants each dimension of two views to correlate with itself and with no other.

    `sum_i (1 - C_ii)^2 + redundancy sum_(i != j) C_ij^2`, where `C_ij` is the correlation over
    the batch of dimension `i` of the first view with dimension `j` of the second. What is
    averaged: nothing; it is one number for a batch, the same in every row's value. A dimension
    without variance correlates with nothing.

    Reference: [Zbontar et al., 2021](https://arxiv.org/abs/2103.03230), equations 1 and 2.

    Args:
        redundancy: Weight of the correlations of different dimensions. Not below 0. The
            default 0.005 is the paper's.
        eps: Added to variances. Must be greater than 0; the default is that of the paper's
            batch normalization.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Not used, whatever it holds; `fit` asks for something.
        y_pred: The views' projections, shape `(batch, 2, dim)`.
        sample_weight: A factor for each row's value, shape `(batch,)`; it does not change the
            correlations.

    Raises:
        ValueError: An argument is out of range, or `y_pred` is of another shape.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> # Two dimensions that are one: each C_ij is 1.
        >>> views = np.array([[[1.0, 1.0]] * 2, [[-1.0, -1.0]] * 2])
        >>> print(f"{float(BarlowTwinsLoss(redundancy=0.5)(None, views)):.3f}")
        1.000
    """

    def __init__(
        self,
        redundancy: float = 0.005,
        eps: float = 1e-5,
        name: str | None = "barlow_twins_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.redundancy = _arguments.non_negative("redundancy", redundancy)
        self.eps = _arguments.positive("eps", eps)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of views; see the class."""
        y_pred = check_stacked(y_pred, (2,), "the two views of each row")
        return super().__call__(ops.zeros_like(y_pred), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per row, shape `(batch,)`: the batch's."""
        first, second = (self._standardized(y_pred[:, view]) for view in (0, 1))
        rows = ops.cast(ops.shape(first)[0], first.dtype)
        correlations = ops.matmul(ops.transpose(first), second) / rows  # (dim, dim)
        others = self.redundancy * ops.square(correlations)
        costs = ops.where(is_diagonal(correlations), ops.square(1.0 - correlations), others)
        return ops.sum(costs) + ops.zeros_like(first[:, 0])

    def _standardized(self, x: Any) -> Any:
        x = x - ops.mean(x, axis=0, keepdims=True)
        return x * ops.rsqrt(ops.mean(ops.square(x), axis=0, keepdims=True) + self.eps)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "redundancy": self.redundancy, "eps": self.eps}
