"""Losses on the matrix of distances of a labelled batch."""

from typing import Any

from keras import ops

from keras_metric import distances, miners
from keras_metric.losses._labelled_batch import LabelledBatch, LabelledBatchLoss
from keras_metric.losses._masked import masked_logsumexp


class MinedLoss(LabelledBatchLoss):
    """A labelled-batch loss with a `miner`, kept in its configuration.

    Its `distance`, which a miner without one of its own measures with, is the cosine's; only
    a `PairLoss` lets the caller choose it.

    Args:
        miner: Name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`. Default: all pairs. Its masks stand for the batch's:
            "all others" in a loss's formula are all others that it chose.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.
    """

    distance: distances.Distance = distances.CosineDistance()

    def __init__(self, *, miner: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.miner = miners.get(miner)

    def mined(self, batch: LabelledBatch) -> LabelledBatch:
        """Return the batch with the pairs that the miner chose."""
        if self.miner is None:
            return batch
        return batch.with_pairs(*self.miner.pairs(batch, batch.pairwise(self.distance)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "miner": miners.serialize(self.miner)}


class PairLoss(MinedLoss):
    """A labelled-batch loss with a `distance` and a `miner`, kept in its configuration.

    Args:
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` of `MinedLoss`; `name`, `reduction` and `dtype` of
            `keras.losses.Loss`.
    """

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
