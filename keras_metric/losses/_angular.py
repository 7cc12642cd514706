"""Angle at the negative of each triangle of anchor, positive and negative."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import is_diagonal, unit
from keras_metric.losses import _arguments
from keras_metric.losses._class_product import LEAST_ROWS
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_sum
from keras_metric.losses._pair_loss import MinedLoss, has_both
from keras_metric.losses._sampled_product import MOST_TO_WALK, sampled_product


@keras.saving.register_keras_serializable(package="keras_metric")
class AngularLoss(MinedLoss):
    """Bounds the angle at the negative of each triangle of anchor, positive and negative.

    `log(1 + sum_n exp(4 t (a + p) . n - 2 (1 + t) a . p))` with `t = tan(alpha)^2`, on
    embeddings scaled to length 1; `n` are the negatives of `a`, with a miner those it chose
    (all of them in pytorch-metric-learning, whose miners choose only `p`). What is averaged: all
    pairs (a, p) whose anchor has a negative. Defaults are pytorch-metric-learning's.

    Reference: [Wang et al., 2017](https://arxiv.org/abs/1708.01682), equation 8.

    Args:
        alpha: Upper bound of the angle in degrees, from 1 to 60.
        name: Name of the loss.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: `alpha` is out of range, or the miner unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> # t = 1, a . p = 1 and (a + p) . n = 0: log(1 + exp(-4)), twice.
        >>> print(f"{float(AngularLoss(alpha=45.0)(np.array([0, 0, 1]), x)):.4f}")
        0.0181
    """

    def __init__(
        self, alpha: float = 40.0, name: str | None = "angular_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.alpha = _arguments.between("alpha", alpha, 1, 60)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed costs and its number of pairs."""
        by_class, batch, order = _in_order(batch)
        tan2 = math.tan(math.radians(self.alpha)) ** 2
        anchors = ops.take(unit(batch.embeddings), order, axis=0)
        references = anchors if batch.is_same_set else unit(batch.references)
        cosines = ops.matmul(anchors, ops.transpose(references))
        among = ops.matmul(references, ops.transpose(references))
        is_valid = ops.expand_dims(has_both(batch), 1)
        is_pair = ops.logical_and(batch.is_positive, is_valid)
        # exp(4 t a.n) exp(4 t p.n), summed over n: a product of matrices. At most 60
        # degrees each exponential is below exp(12), so that nothing overflows.
        to_negatives = ops.where(batch.is_negative, ops.exp(4.0 * tan2 * cosines), 0.0)
        from_positives = ops.exp(4.0 * tan2 * among)
        totals = sampled_product(to_negatives, from_positives, is_pair, batch.is_negative, by_class)
        logits = ops.log(ops.where(is_pair, totals, 1.0)) - 2.0 * (1.0 + tan2) * cosines
        sums = masked_sum(ops.softplus(logits), is_pair)
        counts = masked_count(is_pair, cosines.dtype)
        back = ops.argsort(order)
        return ops.take(sums, back, axis=0), ops.take(counts, back, axis=0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "alpha": self.alpha}


def _in_order(batch: LabelledBatch) -> tuple[Any, LabelledBatch, Any]:
    """The batch's pairs with its classes beside each other, if all are large and whole.

    Returns:
        Whether they are; the batch with those pairs; and its rows in that order.
    """
    rows = ops.shape(batch.embeddings)[0]
    own = ops.arange(rows, dtype="int32")
    if not batch.is_same_set or (isinstance(rows, int) and rows < LEAST_ROWS):
        return False, batch, own
    # Of each row, the first of its class, which may be itself.
    has_positive = ops.any(batch.is_positive, axis=1)
    first = ops.argmax(ops.cast(batch.is_positive, "int32"), axis=1)
    first = ops.where(has_positive, ops.minimum(ops.cast(first, "int32"), own), own)

    def pairs_of(first: Any) -> tuple[Any, Any]:
        is_same = ops.expand_dims(first, 1) == first
        others = ops.logical_not(is_diagonal(is_same))
        return ops.logical_and(is_same, others), ops.logical_not(is_same)

    expected = pairs_of(first)
    most = ops.max(ops.sum(ops.cast(batch.is_positive, "int32"), axis=1))
    by_class = ops.logical_and(rows >= LEAST_ROWS, most > MOST_TO_WALK)
    for mask, one in zip((batch.is_positive, batch.is_negative), expected, strict=True):
        by_class = ops.logical_and(by_class, ops.all(mask == one))
    order = ops.where(by_class, ops.cast(ops.argsort(first), "int32"), own)
    masks = ops.cond(
        by_class,
        lambda: pairs_of(ops.take(first, order)),
        lambda: (batch.is_positive, batch.is_negative),
    )
    return by_class, batch.with_pairs(*masks), order
