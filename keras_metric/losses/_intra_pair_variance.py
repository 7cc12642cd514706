"""Spread of the cosines of positive pairs and of negative pairs."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._loss import share_of_mean
from keras_metric.losses._masked import masked_count, masked_sum
from keras_metric.losses._pair_loss import MinedLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class IntraPairVarianceLoss(MinedLoss):
    """Draws the cosines of positive pairs together, and those of negative pairs.

    `[(1 - pos_eps) mean(s_ap) - s_ap]_+^2` and `[s_an - (1 + neg_eps) mean(s_an)]_+^2`,
    means over all pairs that count. What is averaged: all positive pairs and all negative
    pairs, apart; the loss is the sum of the two means. An addition to another loss, in
    the paper to `TupletMarginLoss`. Defaults are pytorch-metric-learning's.

    Reference: [Yu and Tao, 2019](
    https://openaccess.thecvf.com/content_ICCV_2019/html/Yu_Deep_Metric_Learning_With_Tuplet_Margin_Loss_ICCV_2019_paper.html),
    equation 12.

    Args:
        pos_eps: Share of the mean by which positives may be below it, from 0 to 1.
        neg_eps: Share of the mean by which negatives may be above it, from 0 to 1.
        name: Name of the loss.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or the miner unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
        >>> # Positives 1 and 0, mean 0.5: the 0 costs 0.25. Negatives 0 and 1 as well.
        >>> loss = IntraPairVarianceLoss(pos_eps=0.0, neg_eps=0.0)
        >>> float(loss(np.array([0, 0, 1, 1]), x))
        0.25
    """

    def __init__(
        self,
        pos_eps: float = 0.01,
        neg_eps: float = 0.01,
        name: str | None = "intra_pair_variance_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pos_eps = _arguments.between("pos_eps", pos_eps, 0, 1)
        self.neg_eps = _arguments.between("neg_eps", neg_eps, 0, 1)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's share of the two means."""
        cosines = 1.0 - batch.pairwise(self.distance)
        shares = ops.zeros_like(cosines[:, 0])
        for mask, sign, eps in (
            (batch.is_positive, -1.0, -self.pos_eps),
            (batch.is_negative, 1.0, self.neg_eps),
        ):
            counts = masked_count(mask, cosines.dtype)
            mean = ops.divide_no_nan(ops.sum(masked_sum(cosines, mask)), ops.sum(counts))
            costs = ops.square(ops.relu(sign * (cosines - (1.0 + eps) * mean)))
            shares = shares + share_of_mean(masked_sum(costs, mask), counts, batch.weights)
        return shares, ops.ones_like(shares)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "pos_eps": self.pos_eps, "neg_eps": self.neg_eps}
