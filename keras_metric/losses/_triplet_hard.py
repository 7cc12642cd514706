"""Triplet loss of the hardest pairs."""

from typing import Any

import keras

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._distance_argument import one_distance
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._triplet_choice import sums_of_choice
from keras_metric.losses._triplet_sums import Hinge


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletHardLoss(LabelledBatchLoss):
    """Hinge between each anchor's farthest positive and its nearest negative.

    `max(0, d(a, farthest p) - d(a, nearest n) + margin)`, or with `soft` the smooth
    `log(1 + exp(.))` of the same. What is averaged: all anchors that have a positive
    and a negative. TensorFlow Addons' `TripletHardLoss`, but there an anchor without a
    positive counts with `d(a, p) = 0`, and one without a negative with its largest
    distance; here both leave the mean.

    Reference: [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), equation 5.

    Args:
        margin: Wanted gap, in units of the distance. Must be greater than 0.
        soft: Whether to use the smooth form.
        distance_metric: TFA's name of `distance`.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
            Default `"L2"`.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`.
        y_pred: Embeddings, shape `(batch, dim)`.

    Raises:
        ValueError: `margin` is not positive, the distance is unknown, `y_pred` is not
            of rank 2, or there is not one label a row.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # 1 - 3 + 3, 1 - 2 + 3, 4 - 2 + 3, 4 - 6 + 3: 1, 2, 5 and 1.
        >>> float(TripletHardLoss(margin=3.0)(np.array([0, 0, 1, 1]), x))
        2.25
    """

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        distance_metric: Any = None,
        name: str | None = "triplet_hard_loss",
        *,
        distance: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        self.soft = bool(soft)
        self.distance = one_distance(distance, distance_metric)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's hinge, and whether it has a positive and a negative."""
        matrix, hinge = batch.pairwise(self.distance), Hinge(self.margin, self.soft)
        sums, counts, _ = sums_of_choice(batch, matrix, "hard", "hard", hinge)
        return sums, counts

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft": self.soft,
            "distance": distances.serialize(self.distance),
        }
