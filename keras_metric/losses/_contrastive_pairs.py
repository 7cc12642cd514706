"""Contrastive hinge over all pairs of a labelled batch."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._loss import share_of_mean
from keras_metric.losses._masked import masked_count, masked_sum
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class ContrastivePairsLoss(PairLoss):
    """Contrastive hinge over all pairs of a labelled batch.

    `[d_ap - pos_margin]_+` and `[neg_margin - d_an]_+`. What is averaged: the positive
    pairs that cost something, and the negative pairs that cost something, apart; the loss
    is the sum of the two means. pytorch-metric-learning's `ContrastiveLoss`, which scales
    embeddings to length 1 itself; here that is the network's task.

    Reference: [Hadsell et al., 2006](
    http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf).

    Args:
        pos_margin: Distance up to which positives cost nothing.
        neg_margin: Distance from which negatives cost nothing.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # Positives are 1 and 4 apart, beyond 0.5 by 0.5 and 3.5; negatives 3 and 2,
        >>> # within 4 by 1 and 2.
        >>> loss = ContrastivePairsLoss(pos_margin=0.5, neg_margin=4.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")  # (0.5 + 3.5) / 2 + (1 + 2) / 2
        3.5000
    """

    def __init__(
        self,
        pos_margin: float = 0.0,
        neg_margin: float = 1.0,
        name: str | None = "contrastive_pairs_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.pos_margin = _arguments.number("pos_margin", pos_margin)
        self.neg_margin = _arguments.number("neg_margin", neg_margin)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's share of the two means."""
        matrix = batch.pairwise(self.distance)
        shares = ops.zeros_like(matrix[:, 0])
        parts = (
            (matrix - self.pos_margin, batch.is_positive),
            (self.neg_margin - matrix, batch.is_negative),
        )
        for violation, mask in parts:
            mask = ops.logical_and(mask, violation > 0)
            sums, counts = masked_sum(violation, mask), masked_count(mask, matrix.dtype)
            shares = shares + share_of_mean(sums, counts, batch.weights)
        return shares, ops.ones_like(shares)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "pos_margin": self.pos_margin,
            "neg_margin": self.neg_margin,
        }
