"""Losses on the matrix of distances of a labelled batch."""

from typing import Any

from keras import ops

from keras_metric import distances
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._masked import masked_logsumexp


class PairLoss(LabelledBatchLoss):
    """A labelled-batch loss with a `distance`, kept in its configuration."""

    def __init__(self, *, distance: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.distance = distances.get(distance)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "distance": distances.serialize(self.distance)}


def has_both(batch: LabelledBatch) -> Any:
    """Whether each anchor has a positive and a negative, shape `(batch,)`."""
    return ops.logical_and(ops.any(batch.is_positive, axis=1), ops.any(batch.is_negative, axis=1))


def neighbour_terms(batch: LabelledBatch, logits: Any) -> tuple[Any, Any]:
    """Minus the log-probability of the positives under a softmax, and who has one."""
    is_any = ops.logical_or(batch.is_positive, batch.is_negative)
    positive = masked_logsumexp(logits, batch.is_positive)
    has_positive = ops.any(batch.is_positive, axis=1)
    return ops.where(has_positive, masked_logsumexp(logits, is_any) - positive, 0.0), has_positive
