"""Cross-entropy that finds each image's other view among those of the batch."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._loss import MetricLoss
from keras_metric.losses._similarities import check_stacked, similarities_of


@keras.saving.register_keras_serializable(package="keras_metric")
class InfoNCELoss(MetricLoss):
    """Cross-entropy that finds each row's second view among the second views of the batch.

    `log sum_j exp(s_ij / t) - s_ii / t`, where `s_ij` is the similarity of the first view of
    `i` to the second view of `j`; if symmetric, the mean of that and of the same with the
    views' parts exchanged (CLIP's). What is averaged: all rows.

    No label is needed, so two rows of one class are taken for strangers. With labels, or with
    the other images' first views as negatives too (SimCLR), use `NTXentLoss`.

    For a temperature that is trained: `layers.LearnableTemperature`, with
    `InfoNCELoss(temperature=1.0, distance="dot_product")`.

    Reference: [van den Oord et al., 2018](https://arxiv.org/abs/1807.03748), equation 4;
    symmetric: [Radford et al., 2021](https://arxiv.org/abs/2103.00020), figure 3.

    Args:
        temperature: Divides the similarities. Must be greater than 0. The default 0.07 is
            pytorch-metric-learning's, and where CLIP starts.
        symmetric: Whether both directions count.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`. Not used
            on similarities.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Not used, whatever it holds; `fit` asks for something.
        y_pred: The two views, shape `(batch, 2, dim)`, or similarities of first to second
            views, shape `(batch, batch)`.
        sample_weight: A factor for each row, shape `(batch,)`.

    Raises:
        ValueError: `temperature` is not positive, the distance is unknown, or `y_pred` is of
            another shape.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> views = np.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
        >>> # Cosines are 1 within a pair, 0 between: log(e + 1) - 1.
        >>> print(f"{float(InfoNCELoss(temperature=1.0)(None, views)):.4f}")
        0.3133
    """

    def __init__(
        self,
        temperature: float = 0.07,
        symmetric: bool = False,
        name: str | None = "info_nce_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)
        self.symmetric = bool(symmetric)
        self.distance = distances.get(distance)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of views; see the class."""
        y_pred = check_stacked(y_pred, (2,), "the two views of each row", square=True)
        return super().__call__(ops.zeros_like(y_pred), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per row, shape `(batch,)`."""
        logits = similarities_of(y_pred, self.distance) / self.temperature
        own = ops.expand_dims(ops.diagonal(logits), 1)
        # Relative to a row's own pair, equal similarities of any size cost log(batch).
        costs = ops.logsumexp(logits - own, axis=1)
        if not self.symmetric:
            return costs
        backwards = ops.logsumexp(ops.transpose(logits) - own, axis=1)
        return 0.5 * (costs + backwards)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "symmetric": self.symmetric,
            "distance": distances.serialize(self.distance),
        }
