"""Variance, invariance and covariance of two views."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import is_diagonal
from keras_metric.losses import _arguments
from keras_metric.losses._loss import MetricLoss
from keras_metric.losses._similarities import check_stacked


@keras.saving.register_keras_serializable(package="keras_metric")
class VICRegLoss(MetricLoss):
    """Draws two views together and keeps their dimensions spread out and uncorrelated.

    With the views' projections `z` and `z'` of `dim` dimensions

    - invariance: the mean over the dimensions of `(z - z')^2`, of each row;
    - variance: the mean over the dimensions of `[1 - sqrt(var + eps)]_+`, and of both views;
    - covariance: the sum of the squared covariances of different dimensions, divided by
      `dim`, summed over both views.

    What is averaged: the rows' invariance; variance and covariance are the batch's and the
    same in every row's value. Variances divide by `batch - 1`. pytorch-metric-learning's
    `VICRegLoss`, with its defaults, which are the paper's.

    Reference: [Bardes et al., 2022](https://arxiv.org/abs/2105.04906), equations 1 to 6.

    Args:
        invariance_lambda: Weight of the invariance. Not below 0.
        variance_mu: Weight of the variance. Not below 0.
        covariance_v: Weight of the covariance. Not below 0.
        eps: Added to variances. Must be greater than 0.
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Not used, whatever it holds; `fit` asks for something.
        y_pred: The views' projections, not scaled to length 1, shape `(batch, 2, dim)`.
        sample_weight: A factor for each row's value, shape `(batch,)`.

    Raises:
        ValueError: An argument is out of range, or `y_pred` is of another shape.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> views = np.array([[[0.0], [0.0]], [[0.0], [1.0]]])
        >>> # Invariance 1/2; variances 0 and 1/2, so 1 - 0.01 and 1 - sqrt(0.5001), by 2.
        >>> print(f"{float(VICRegLoss()(None, views)):.3f}")  # 25 * 0.5 + 25 * 0.6414
        28.535
    """

    def __init__(
        self,
        invariance_lambda: float = 25.0,
        variance_mu: float = 25.0,
        covariance_v: float = 1.0,
        eps: float = 1e-4,
        name: str | None = "vicreg_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.invariance_lambda = _arguments.non_negative("invariance_lambda", invariance_lambda)
        self.variance_mu = _arguments.non_negative("variance_mu", variance_mu)
        self.covariance_v = _arguments.non_negative("covariance_v", covariance_v)
        self.eps = _arguments.positive("eps", eps)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of views; see the class."""
        y_pred = check_stacked(y_pred, (2,), "the two views of each row")
        return super().__call__(ops.zeros_like(y_pred), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per row, shape `(batch,)`."""
        views = (y_pred[:, 0], y_pred[:, 1])
        invariance = ops.mean(ops.square(views[0] - views[1]), axis=1)
        covariances = [_covariance(view) for view in views]
        variance = sum(self._variance(matrix) for matrix in covariances)
        spread = sum(_off_diagonal(matrix) for matrix in covariances)
        return (
            self.invariance_lambda * invariance
            + 0.5 * self.variance_mu * variance
            + self.covariance_v * spread
        )

    def _variance(self, covariance: Any) -> Any:
        return ops.mean(ops.relu(1.0 - ops.sqrt(ops.diagonal(covariance) + self.eps)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "invariance_lambda": self.invariance_lambda,
            "variance_mu": self.variance_mu,
            "covariance_v": self.covariance_v,
            "eps": self.eps,
        }


def _covariance(x: Any) -> Any:
    x = x - ops.mean(x, axis=0, keepdims=True)
    # One row has no variance; its differences are 0, whatever they are divided by.
    freedom = ops.maximum(ops.cast(ops.shape(x)[0], x.dtype) - 1.0, 1.0)
    return ops.matmul(ops.transpose(x), x) / freedom


def _off_diagonal(matrix: Any) -> Any:
    squares = ops.where(is_diagonal(matrix), 0.0, ops.square(matrix))
    return ops.sum(squares) / matrix.shape[0]
