"""N-pairs loss of images with several labels."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_metric import distances
from keras_metric.losses._loss import MetricLoss, rank_of, share_of_mean
from keras_metric.losses._npairs import cross_entropy_of
from keras_metric.losses._similarities import check_stacked, similarities_of


@keras.saving.register_keras_serializable(package="keras_metric")
class NpairsMultilabelLoss(MetricLoss):
    """N-pairs loss where a pair counts by the labels its two sides share.

    `log sum_j exp(s_ij) - sum_j w_ij s_ij`, with weights `w_ij` that are the number of labels
    `i` and `j` share, divided by its sum over `j`. What is averaged: all anchors that have a
    label. TensorFlow Addons' `NpairsMultilabelLoss`, with its values; there a row without
    labels is NaN, here it gives 0 and leaves the mean.

    Reference: [Sohn, 2016](
    https://papers.nips.cc/paper/6200-improved-deep-metric-learning-with-multi-class-n-pair-loss-objective),
    equation 6, for one label.

    Args:
        name: Name of the loss.
        distance: Name, `Distance` object or function, for pairs of embeddings; see
            `keras_metric.distances`. Default: the dot product. Not used on similarities.
        **kwargs: `reduction` and `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: 1 for each label that a pair has, else 0, shape `(batch, labels)`; booleans,
            integers or floats.
        y_pred: Similarities of anchors to partners, shape `(batch, batch)`, or pairs of
            embeddings, shape `(batch, 2, dim)`.
        sample_weight: A factor for each anchor, shape `(batch,)`.

    Raises:
        ValueError: The distance is unknown, a shape is another, or `y_true` is negative.
        TypeError: `y_pred` is not floating point.

    Example:
        >>> import numpy as np
        >>> # They share one label of two and one: weights 2 : 1 and 1 : 1.
        >>> # log(e^2 + e^0) - 4/3 and log(e^1 + e^1) - 1: 0.7936 and 0.6931.
        >>> labels = np.array([[1, 1], [1, 0]])
        >>> loss = NpairsMultilabelLoss()(labels, np.array([[2.0, 0.0], [1.0, 1.0]]))
        >>> print(f"{float(loss):.4f}")
        0.7434
    """

    def __init__(
        self,
        name: str | None = "npairs_multilabel_loss",
        *,
        distance: Any = "dot_product",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.distance = distances.get(distance)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch; see the class."""
        y_pred = check_stacked(y_pred, (2,), "anchor and partner", square=True)
        rows = y_pred.shape[0] if rank_of(y_pred) is not None else None
        targets = {"labels": check_multi_hot(y_true, rows), **self.weights_of_mean(sample_weight)}
        return super().__call__(targets, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per anchor, shape `(batch,)`."""
        labels = y_true["labels"]
        shared = ops.matmul(labels, ops.transpose(labels))
        costs = cross_entropy_of(similarities_of(y_pred, self.distance), shared)
        return share_of_mean(costs, ops.sum(shared, axis=1) > 0, y_true.get("sample_weight"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "distance": distances.serialize(self.distance)}


def check_multi_hot(
    labels: Any, rows: int | None, argument: str = "y_true", embeddings: str = "y_pred"
) -> Any:
    """Return labels `(batch, labels)`, 1 where a row has one, or say what is wrong."""
    expected = "Expected 1 for each label that a row has, else 0"
    if not ops.is_tensor(labels):
        labels = np.asarray(labels)
        if labels.dtype.kind not in "biuf":
            raise ValueError(f"{expected}. Received: {argument} of dtype={labels.dtype}")
        if labels.size and not labels.min() >= 0:
            found = f"from {labels.min()} to {labels.max()}"
            raise ValueError(f"{expected}. Received: {argument} {found}")
    if rank_of(labels) not in (2, None):
        raise ValueError(
            f"{expected}, of shape (batch, labels). "
            f"Received: {argument}.shape={tuple(labels.shape)}"
        )
    if None not in (rank_of(labels), rows) and labels.shape[0] not in (rows, None):
        raise ValueError(
            f"Expected one row of labels for each row of {embeddings}. "
            f"Received: {labels.shape[0]} rows in {argument}, {rows} rows in {embeddings}"
        )
    return ops.convert_to_tensor(labels, sparse=False)
