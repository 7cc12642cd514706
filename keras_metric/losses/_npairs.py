"""N-pairs loss."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.losses._explicit import check_rows
from keras_metric.losses._labels import local_ids
from keras_metric.losses._loss import MetricLoss, rank_of
from keras_metric.losses._similarities import check_stacked, similarities_of


@keras.saving.register_keras_serializable(package="keras_metric")
class NpairsLoss(MetricLoss):
    """Cross-entropy that picks each anchor's partner among the partners of all.

    `log sum_j exp(s_ij) - mean_p s_ip`, where `s_ij` is the similarity of anchor `i` to
    partner `j` and `p` runs over the partners of the anchor's class. What is averaged: all
    anchors. TensorFlow Addons' `NpairsLoss`, with its values; it also takes the pairs of
    embeddings themselves.

    Meant for batches of pairs, one pair a class. The published loss also keeps the
    embeddings short: put `keras_metric.regularizers.EmbeddingNorm` or the like on them.

    Reference: [Sohn, 2016](
    https://papers.nips.cc/paper/6200-improved-deep-metric-learning-with-multi-class-n-pair-loss-objective),
    equation 6.

    Args:
        name: Name of the loss.
        distance: Name, `Distance` object or function, for pairs of embeddings; see
            `keras_metric.distances`. Default: the dot product. Not used on similarities.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: Class ids, shape `(batch,)` or `(batch, 1)`: integers of any size, strings.
            `None` if every pair is of a class of its own.
        y_pred: Similarities of anchors to partners, shape `(batch, batch)`, or pairs of
            embeddings, shape `(batch, 2, dim)`.
        sample_weight: A factor for each anchor, shape `(batch,)`.

    Raises:
        ValueError: The distance is unknown or a shape is another.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> # log(e^2 + e^0) - 2 and log(e^1 + e^1) - 1: 0.1269 and 0.6931.
        >>> loss = NpairsLoss()(np.array([3, 5]), np.array([[2.0, 0.0], [1.0, 1.0]]))
        >>> print(f"{float(loss):.4f}")
        0.4100
    """

    def __init__(
        self, name: str | None = "npairs_loss", *, distance: Any = "dot_product", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.distance = distances.get(distance)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch; see the class."""
        y_pred = check_stacked(y_pred, (2,), "anchor and partner", square=True)
        if y_true is None:
            y_true = ops.arange(ops.shape(y_pred)[0], dtype="int32")
        y_true = local_ids(y_true)
        check_rows(y_true, y_pred)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per anchor, shape `(batch,)`."""
        is_partner = ops.expand_dims(y_true, 1) == ops.expand_dims(y_true, 0)
        targets = ops.cast(is_partner, y_pred.dtype)
        return cross_entropy_of(similarities_of(y_pred, self.distance), targets)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "distance": distances.serialize(self.distance)}


def cross_entropy_of(similarities: Any, weights: Any) -> Any:
    """Cross-entropy of each row's softmax with `weights`, scaled to the sum 1.

    0 for a row without weights. Shapes `(batch, batch)`; returns `(batch,)`.
    """
    if rank_of(similarities) is None:
        similarities = ops.reshape(similarities, ops.shape(weights))
    total = ops.sum(weights, axis=1)
    # Relative to the largest, similarities of any size keep their digits.
    largest = ops.stop_gradient(ops.max(similarities, axis=1, keepdims=True))
    similarities = similarities - largest
    mean = ops.divide_no_nan(ops.sum(weights * similarities, axis=1), total)
    costs = ops.logsumexp(similarities, axis=1) - mean
    return ops.where(total > 0, costs, 0.0)
