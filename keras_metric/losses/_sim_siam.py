"""Cosine of one view's prediction to the other view's projection."""

from typing import Any

import keras
from keras import ops

from keras_metric.distances import CosineDistance
from keras_metric.losses._loss import MetricLoss
from keras_metric.losses._similarities import check_stacked


@keras.saving.register_keras_serializable(package="keras_metric")
class SimSiamLoss(MetricLoss):
    """Minus the cosine of what is predicted from one view to what the other view is.

    `-cos(p, z)`, where no gradient flows into `z`; with both views, the mean of
    `-cos(p_1, z_2)` and `-cos(p_2, z_1)`. It goes from 1 to -1. What is averaged: all rows.

    Reference: [Chen and He, 2020](https://arxiv.org/abs/2011.10566), equations 1 to 4.

    Args:
        name: Name of the loss.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Not used, whatever it holds; `fit` asks for something.
        y_pred: Predictions of both views, then projections of both views, stacked: `p_1`,
            `p_2`, `z_1`, `z_2`, shape `(batch, 4, dim)`; or one prediction and the projection
            it predicts, shape `(batch, 2, dim)`.
        sample_weight: A factor for each row, shape `(batch,)`.

    Raises:
        ValueError: `y_pred` is of another shape.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> p_1, p_2, z_1, z_2 = [1.0, 0.0], [0.0, 2.0], [0.0, 1.0], [3.0, 4.0]
        >>> # Cosines of p_1 to z_2 and of p_2 to z_1: 0.6 and 1.
        >>> print(f"{float(SimSiamLoss()(None, np.array([[p_1, p_2, z_1, z_2]]))):.3f}")
        -0.800
    """

    def __init__(self, name: str | None = "sim_siam_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of views; see the class."""
        y_pred = check_stacked(y_pred, (2, 4), "predictions, then projections")
        return super().__call__(ops.zeros_like(y_pred), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per row, shape `(batch,)`."""
        half = y_pred.shape[1] // 2
        predictions, projections = y_pred[:, :half], ops.stop_gradient(y_pred[:, half:])
        # Each prediction meets the other view's projection.
        costs = CosineDistance().paired(predictions, ops.flip(projections, axis=1)) - 1.0
        return ops.mean(costs, axis=1)
