"""Contrastive loss of explicit pairs."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._explicit import check_rows, check_tuples, values_of
from keras_metric.losses._loss import MetricLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class ContrastiveLoss(MetricLoss):
    """Draws similar pairs together and pushes dissimilar ones `margin` apart.

    `y d^2 + (1 - y) max(margin - d, 0)^2`, one value a pair. What is averaged: all
    pairs. TensorFlow Addons' `ContrastiveLoss`, with its arguments and its values; it
    also takes the embeddings themselves.

    Not to be confused with pytorch-metric-learning's loss of that name, which forms
    its pairs in a labelled batch: that is `ContrastivePairsLoss`.

    Reference: [Hadsell et al., 2006](
    http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf), equation 4,
    without its factor 1/2.

    Args:
        margin: Distance from which a dissimilar pair costs nothing, in units of the
            distance. Must be greater than 0. The default 1 is TFA's.
        name: Name of the loss.
        distance: Name, `Distance` object or function, for embeddings; see
            `keras_metric.distances`. Default `"L2"`. Not used on distances.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: 1 for a similar pair, 0 for a dissimilar one, shape `(batch,)` or
            `(batch, 1)`; booleans, integers or floats.
        y_pred: Distances, shape `(batch,)` or `(batch, 1)`, or pairs of embeddings,
            shape `(batch, 2, dim)`.
        sample_weight: A factor for each pair, shape `(batch,)`.

    Raises:
        ValueError: `margin` is not positive, the distance is unknown, a shape is
            another, or `y_true` is not between 0 and 1 (seen outside of compiled code).
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> # 0.5^2 and (1 - 0.8)^2, so (0.25 + 0.04) / 2.
        >>> loss = ContrastiveLoss()(np.array([1, 0]), np.array([0.5, 0.8]))
        >>> print(f"{float(loss):.3f}")
        0.145
    """

    def __init__(
        self,
        margin: float = 1.0,
        name: str | None = "contrastive_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        self.distance = distances.get(distance)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of pairs; see the class."""
        y_pred = check_tuples(y_pred, (None, 1), 2)
        if not ops.is_tensor(y_true):
            y_true = np.asarray(y_true)
        _check_similarity(y_true)
        check_rows(y_true, y_pred)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per pair, shape `(batch,)`."""
        is_stacked = len(y_pred.shape) == 3
        d = self.distance.paired(y_pred[:, 0], y_pred[:, 1]) if is_stacked else y_pred
        d, is_similar = ops.reshape(d, (-1,)), ops.reshape(y_true, (-1,))
        too_close = ops.relu(self.margin - d)
        return is_similar * ops.square(d) + (1.0 - is_similar) * ops.square(too_close)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "distance": distances.serialize(self.distance),
        }


def _check_similarity(y_true: Any) -> None:
    values = values_of(y_true)
    if values is None:
        return
    if values.dtype.kind not in "biufV":  # V: bfloat16
        raise ValueError(
            "Expected 1 for similar pairs and 0 for dissimilar ones. "
            f"Received: y_true of dtype={values.dtype}"
        )
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            "Expected 1 for similar pairs and 0 for dissimilar ones. "
            f"Received: y_true from {values.min()} to {values.max()}"
        )
