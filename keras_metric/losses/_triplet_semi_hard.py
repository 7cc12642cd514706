"""Triplet loss with semi-hard negatives."""

from typing import Any

import keras

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._distance_argument import one_distance
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._triplet_choice import sums_of_choice
from keras_metric.losses._triplet_sums import Hinge


@keras.saving.register_keras_serializable(package="keras_metric")
class TripletSemiHardLoss(LabelledBatchLoss):
    """Hinge between every positive and the nearest negative that is farther than it.

    `max(0, d(a, p) - d(a, n) + margin)` for all pairs of anchor and positive, where `n`
    is the nearest negative with `d(a, n) > d(a, p)`, or the *farthest* negative if there
    is none. What is averaged: all pairs `(a, p)` of a batch whose anchor has a negative.
    TensorFlow Addons' `TripletSemiHardLoss`, with its arguments and its values, in
    `batch^2` memory instead of `batch^3`; a batch without triplets gives 0.

    Embeddings are usually of length 1. There the default margin of 1, which is TFA's,
    asks for more than most data can give; 0.2 retrieves better.

    Reference: [Schroff et al., 2015](https://arxiv.org/abs/1503.03832), section 3.2.

    Args:
        margin: Wanted gap, in units of the distance. Must be greater than 0.
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
        >>> x = np.array([[0.0], [1.0], [1.5], [2.0]])
        >>> # Pairs 0-1, 1-0, 2-3, 3-2; their negatives are 1.5, none (1), 1.5 and 1 away.
        >>> # 1 - 1.5 + 1, 1 - 1 + 1, 0.5 - 1.5 + 1, 0.5 - 1 + 1: in all 0.5 + 1 + 0 + 0.5.
        >>> float(TripletSemiHardLoss(margin=1.0)(np.array([0, 0, 1, 1]), x))
        0.5
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: Any = None,
        name: str | None = "triplet_semi_hard_loss",
        *,
        distance: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        self.distance = one_distance(distance, distance_metric)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed hinge and its number of positives."""
        matrix, hinge = batch.pairwise(self.distance), Hinge(self.margin)
        sums, counts, _ = sums_of_choice(batch, matrix, "all", "semi-hard", hinge)
        return sums, counts

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "distance": distances.serialize(self.distance),
        }
