"""Weighs every pair by how it stands to the others of its anchor."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_logsumexp
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class MultiSimilarityLoss(PairLoss):
    """Weighs every pair by how it stands to the others of its anchor.

    `log(1 + sum_p exp(alpha (base - s_ap))) / alpha + log(1 + sum_n exp(beta (s_an -
    base))) / beta` with similarities `s`. What is averaged: all anchors that have a
    positive or a negative; with a miner those that it left a pair, where
    pytorch-metric-learning averages all rows. Defaults are pytorch-metric-learning's.

    Reference: [Wang et al., 2019](https://arxiv.org/abs/1904.06627), equation 15.

    Args:
        alpha: Sharpness of the positive part. Must be greater than 0.
        beta: Sharpness of the negative part. Must be greater than 0.
        base: Similarity that separates positives from negatives.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> # Cosines are 1 and 0: log(1 + e^-1) / 2; the negatives, 0.5 below the base, add
        >>> # next to nothing.
        >>> loss = MultiSimilarityLoss()(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.1566
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        name: str | None = "multi_similarity_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.alpha = _arguments.positive("alpha", alpha)
        self.beta = _arguments.positive("beta", beta)
        self.base = _arguments.number("base", base)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's value, and whether it has a pair."""
        gaps = self.distance.to_similarity(batch.pairwise(self.distance)) - self.base
        positive = masked_logsumexp(-self.alpha * gaps, batch.is_positive, with_zero=True)
        negative = masked_logsumexp(self.beta * gaps, batch.is_negative, with_zero=True)
        has_any = ops.any(ops.logical_or(batch.is_positive, batch.is_negative), axis=1)
        return positive / self.alpha + negative / self.beta, has_any

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "base": self.base}
