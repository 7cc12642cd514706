"""Triplet loss of explicit triplets."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._explicit import check_tuples
from keras_metric.losses._loss import MetricLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletMarginLoss(MetricLoss):
    """Wants each triplet's negative `margin` farther from its anchor than its positive.

    `max(0, d(a, p) - d(a, n) + margin)`, one value a triplet, or with `soft` the smooth
    `log(1 + exp(.))` of the same. With `swap` the nearer of `d(a, n)` and `d(p, n)`
    takes the place of `d(a, n)`. What is averaged: all triplets.

    The triplets are given, as `fashion_triplets` holds them and a triplet network
    returns them; `TripletLoss` forms its own in a labelled batch.

    References: [Schultz and Joachims, 2003](
    https://papers.nips.cc/paper/2366-learning-a-distance-metric-from-relative-comparisons);
    the swap is that of [Balntas et al., 2016](
    http://www.bmva.org/bmvc/2016/papers/paper119/index.html), section 2.3.

    Args:
        margin: Wanted gap, in units of the distance. Must be greater than 0. The
            default 1 is that of `torch.nn.TripletMarginLoss` and suits embeddings of
            any length; 0.2 is usual for embeddings of length 1.
        soft: Whether to use the smooth form.
        swap: Whether the negative may be measured from the positive; needs embeddings.
        name: Name of the loss.
        distance: Name, `Distance` object or function, for embeddings; see
            `keras_metric.distances`. Default `"L2"`. Not used on distances.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Not used, whatever it holds; `fit` asks for something.
        y_pred: Distances to the positive and to the negative, shape `(batch, 2)`, or
            embeddings of anchor, positive and negative, shape `(batch, 3, dim)`.
        sample_weight: A factor for each triplet, shape `(batch,)`.

    Raises:
        ValueError: `margin` is not positive, the distance is unknown, `y_pred` is of
            another shape, or `swap` is asked for on distances.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> # 0.5 - 0.9 + 1 and 0.1 - 2 + 1: 0.6 and nothing.
        >>> loss = TripletMarginLoss()(None, np.array([[0.5, 0.9], [0.1, 2.0]]))
        >>> print(f"{float(loss):.3f}")
        0.300
    """

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        swap: bool = False,
        name: str | None = "triplet_margin_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        self.soft = bool(soft)
        self.swap = bool(swap)
        self.distance = distances.get(distance)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch of triplets; see the class."""
        y_pred = check_tuples(y_pred, (2,), 3)
        if self.swap and len(y_pred.shape) == 2:
            raise ValueError(
                "swap needs the distance of positive and negative: give embeddings of shape "
                f"(batch, 3, dim). Received: swap=True, y_pred.shape={tuple(y_pred.shape)}"
            )
        return super().__call__(ops.zeros_like(y_pred[:, 0]), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per triplet, shape `(batch,)`."""
        to_positive, to_negative = self._distances(y_pred)
        violation = to_positive - to_negative + self.margin
        return ops.softplus(violation) if self.soft else ops.relu(violation)

    def _distances(self, y_pred: Any) -> tuple[Any, Any]:
        if len(y_pred.shape) == 2:
            return y_pred[:, 0], y_pred[:, 1]
        anchor, positive, negative = y_pred[:, 0], y_pred[:, 1], y_pred[:, 2]
        to_negative = self.distance.paired(anchor, negative)
        if self.swap:
            from_positive = self.distance.paired(positive, negative)
            to_negative = ops.minimum(to_negative, from_positive)
        return self.distance.paired(anchor, positive), to_negative

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft": self.soft,
            "swap": self.swap,
            "distance": distances.serialize(self.distance),
        }
