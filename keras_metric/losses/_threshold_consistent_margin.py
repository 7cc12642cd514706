"""One cosine above which all positives lie, one below which all negatives do."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._loss import share_of_mean
from keras_metric.losses._masked import masked_count, masked_sum
from keras_metric.losses._pair_loss import MinedLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class ThresholdConsistentMarginLoss(MinedLoss):
    """Wants the same threshold to part positives from negatives in every class.

    `lambda_plus [margin_plus - s_ap]_+` and `lambda_minus [s_an - margin_minus]_+` with
    cosines `s`. What is averaged: the positive pairs with `s <= margin_plus` and the
    negative pairs with `s >= margin_minus`, apart; the loss is the sum of the two means.
    An addition to another loss. Defaults are pytorch-metric-learning's, which ignores
    reference embeddings; here they are compared with.

    Reference: [Zhang et al., 2023](https://arxiv.org/abs/2307.04047), equation 4.

    Args:
        lambda_plus: Weight of the positives' part, at least 0.
        lambda_minus: Weight of the negatives' part, at least 0.
        margin_plus: Cosine that positives should reach, from -1 to 1.
        margin_minus: Cosine that negatives should not reach, from -1 to 1.
        name: Name of the loss.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or the miner unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
        >>> # Positives 0.6: 0.9 - 0.6. Negatives 0 and 0.8: 0.8 - 0.5. Each from both ends.
        >>> loss = ThresholdConsistentMarginLoss()
        >>> print(f"{float(loss(np.array([0, 0, 1]), x)):.3f}")
        0.600
    """

    def __init__(
        self,
        lambda_plus: float = 1.0,
        lambda_minus: float = 1.0,
        margin_plus: float = 0.9,
        margin_minus: float = 0.5,
        name: str | None = "threshold_consistent_margin_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.lambda_plus = _arguments.non_negative("lambda_plus", lambda_plus)
        self.lambda_minus = _arguments.non_negative("lambda_minus", lambda_minus)
        self.margin_plus = _arguments.between("margin_plus", margin_plus, -1, 1)
        self.margin_minus = _arguments.between("margin_minus", margin_minus, -1, 1)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's share of the two means."""
        cosines = 1.0 - batch.pairwise(self.distance)
        shares = ops.zeros_like(cosines[:, 0])
        for mask, weight, violation in (
            (batch.is_positive, self.lambda_plus, self.margin_plus - cosines),
            (batch.is_negative, self.lambda_minus, cosines - self.margin_minus),
        ):
            mask = ops.logical_and(mask, violation >= 0)
            sums, counts = masked_sum(violation, mask), masked_count(mask, cosines.dtype)
            shares = shares + weight * share_of_mean(sums, counts, batch.weights)
        return shares, ops.ones_like(shares)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "lambda_plus": self.lambda_plus,
            "lambda_minus": self.lambda_minus,
            "margin_plus": self.margin_plus,
            "margin_minus": self.margin_minus,
        }
