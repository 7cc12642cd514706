"""What the triplets and the neighbours of a batch say."""

from typing import Any

import keras
from keras import ops

from keras_metric import distances
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_min
from keras_metric.metrics._labelled_batch_metric import LabelledBatchMetric
from keras_metric.miners import TripletMarginMiner


@keras.saving.register_keras_serializable(package="keras_metric")
class ActiveTriplets(LabelledBatchMetric):
    """Share of a batch's triplets that violate the margin: `d(a, n) <= d(a, p) + margin`.

    The others give a triplet loss nothing to learn from. As training goes on the share falls;
    near 0, a loss over all triplets is a mean of zeros, and harder ones must be mined.

    Reference: [Schroff et al., 2015](https://arxiv.org/abs/1503.03832), section 3.2.

    Args:
        margin: That of the loss, in units of the distance; at least 0.
        distance: That of the loss; see `keras_metric.distances`.
        name: Name of the metric.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments: those of `LabelledBatchMetric`.

    Raises:
        ValueError: `margin` is negative, the distance is unknown, and as `LabelledBatchMetric`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]])
        >>> metric = ActiveTriplets(margin=0.6)
        >>> metric.update_state(np.array([0, 0, 1, 1]), x)  # 5 of 8: (0, 1, 2), (1, 0, 2), ...
        >>> float(metric.result())
        0.625
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance: Any = "L2",
        name: str | None = "active_triplets",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        self.margin = _arguments.non_negative("margin", margin)
        self.distance = distances.get(distance)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's number of active triplets, and of all."""
        miner = TripletMarginMiner(self.margin, "all", self.distance)
        matrix = batch.pairwise(self.distance)
        of_positives, _ = miner.mine(batch, matrix).counts(matrix.dtype)
        positives, negatives = (
            masked_count(mask, matrix.dtype) for mask in (batch.is_positive, batch.is_negative)
        )
        return ops.sum(of_positives, axis=1), positives * negatives

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        own = {"margin": self.margin, "distance": distances.serialize(self.distance)}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_metric")
class BatchRecall(LabelledBatchMetric):
    """Recall@k within a batch: share of rows with one of their class among the k nearest others.

    Of the rows that have another one of their class in the batch. A quick look while training:
    a batch is a small gallery, so the value lies above that of
    `keras_metric.callbacks.RetrievalEvaluation`. A negative that is as near as the nearest
    positive counts as nearer, so that a collapsed network gets 0.

    Args:
        k: How many neighbours.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        name: Name of the metric. Default: `batch_recall_at_{k}`.
        dtype: Dtype of the sums, widened to at least 32 bits.

    Call arguments: those of `LabelledBatchMetric`.

    Raises:
        ValueError: `k` is no integer of at least 1, the distance is unknown, and as
            `LabelledBatchMetric`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]])
        >>> metric = BatchRecall()
        >>> metric.update_state(np.array([0, 0, 1, 1]), x)  # right for the first and the last
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        k: int = 1,
        distance: Any = "L2",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"`k` must be an integer of at least 1. Received: k={k!r}")
        super().__init__(name or f"batch_recall_at_{k}", dtype)
        self.k = k
        self.distance = distances.get(distance)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return whether each anchor finds a positive, and whether it has one."""
        matrix = batch.pairwise(self.distance)
        nearest, has_one = masked_min(matrix, batch.is_positive)
        is_nearer = ops.logical_and(batch.is_negative, matrix <= ops.expand_dims(nearest, 1))
        return masked_count(is_nearer, matrix.dtype) < self.k, has_one

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        own = {"k": self.k, "distance": distances.serialize(self.distance)}
        return {**super().get_config(), **own}
