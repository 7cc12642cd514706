"""Cross-entropy of each positive pair with slack on its angle."""

import math
from typing import Any

import keras
from keras import ops

from keras_metric.distances._numerics import safe_sqrt
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_logsumexp, masked_sum
from keras_metric.losses._pair_loss import MinedLoss, has_both


@keras.saving.register_keras_serializable(package="keras_metric")
class TupletMarginLoss(MinedLoss):
    """Cross-entropy of each positive pair against its anchor's negatives, with slack.

    `log(1 + sum_n exp(scale (cos(a, n) - cos(angle(a, p) - margin))))`: positives are
    taken for `margin` nearer than they are, so that the loss does not press classes into
    points. What is averaged: all pairs (a, p) whose anchor has a negative. Defaults are
    pytorch-metric-learning's, whose gradient is not a number on duplicates; this one's is
    finite.

    Reference: [Yu and Tao, 2019](
    https://openaccess.thecvf.com/content_ICCV_2019/html/Yu_Deep_Metric_Learning_With_Tuplet_Margin_Loss_ICCV_2019_paper.html),
    equation 5.

    Args:
        margin: Slack in degrees, from 0 to 90.
        scale: Factor of the cosines. Must be greater than 0.
        name: Name of the loss.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or the miner unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> # cos(0 - 60 degrees) = 0.5 against 0: log(1 + exp(0 - 0.5)), twice.
        >>> loss = TupletMarginLoss(margin=60.0, scale=1.0)
        >>> print(f"{float(loss(np.array([0, 0, 1]), x)):.4f}")
        0.4741
    """

    def __init__(
        self,
        margin: float = 5.73,
        scale: float = 64.0,
        name: str | None = "tuplet_margin_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.margin = _arguments.between("margin", margin, 0, 90)
        self.scale = _arguments.positive("scale", scale)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed cross-entropies and its number of pairs."""
        matrix = batch.pairwise(self.distance)
        margin, cosine = math.radians(self.margin), 1.0 - matrix
        sine = safe_sqrt(ops.maximum(matrix * (2.0 - matrix), 0.0))
        moved = cosine * math.cos(margin) + sine * math.sin(margin)
        negatives = masked_logsumexp(self.scale * cosine, batch.is_negative)
        is_pair = ops.logical_and(batch.is_positive, ops.expand_dims(has_both(batch), 1))
        costs = ops.softplus(ops.expand_dims(negatives, 1) - self.scale * moved)
        return masked_sum(costs, is_pair), masked_count(is_pair, costs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}
