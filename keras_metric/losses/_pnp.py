"""Penalty for the negatives that are ranked before positives."""

from typing import Any

import keras
from keras import ops

from keras_metric._names import unknown_name
from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count
from keras_metric.losses._pair_loss import PairLoss
from keras_metric.losses._ranks import sum_over_positives

_VARIANTS = ("O", "Iu", "Ib", "Ds", "Dq")


@keras.saving.register_keras_serializable(package="keras_metric")
class PNPLoss(PairLoss):
    """Penalises the negatives that are ranked before each positive.

    `(1 / |P|) sum_{i in P} f(R_i)` with `R_i = sum_{j in N} sigmoid((s_j - s_i) / anneal)`,
    the smooth number of negatives before positive `i`, and `f(R)` by variant: `R` (O),
    `(1 + R) log(1 + R)` (Iu), `(b R - log(1 + b R)) / b^2` (Ib), `log(1 + R)` (Ds),
    `1 - (1 + R)^-alpha` (Dq). What is averaged: all anchors that have a positive. Defaults
    are pytorch-metric-learning's, which counts the anchor as its own positive; here it
    never is. In 32 bits the comparisons are interpolated where an anchor has more than 20
    positives, right to 3e-6, while the similarities span at most 200 times `anneal`.

    Reference: [Li et al., 2021](https://arxiv.org/abs/2102.04640), equations 5 to 13.

    Args:
        b: Of variant Ib: how soon its slope levels out. Must be greater than 0.
        alpha: Of variant Dq: how fast its slope falls. Must be greater than 0.
        anneal: Width of the smooth comparison, in units of the similarity. Must be greater
            than 0.
        variant: `"O"`; with slopes that grow with `R`, `"Iu"` and `"Ib"`; with slopes that
            fall, so that far clusters of a class may stay apart, `"Ds"` and `"Dq"`.
        name: Name of the loss.
        distance: Name, `Distance` object or function, whose similarity is ranked; see
            `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or a name unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
        >>> # From 0 and from 1 one negative comes before the positive.
        >>> float(PNPLoss()(np.array([0, 0, 1]), x))
        1.0
    """

    def __init__(
        self,
        b: float = 2.0,
        alpha: float = 1.0,
        anneal: float = 0.01,
        variant: str = "O",
        name: str | None = "pnp_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.b = _arguments.positive("b", b)
        self.alpha = _arguments.positive("alpha", alpha)
        self.anneal = _arguments.positive("anneal", anneal)
        if variant not in _VARIANTS:
            raise unknown_name("variant", "variant", variant, _VARIANTS)
        self.variant = variant

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's mean over its positives, and whether it has one."""
        similarities = self.distance.to_similarity(batch.pairwise(self.distance))
        sums = sum_over_positives(
            similarities, batch.is_positive, (batch.is_negative,), self.anneal, self._penalty
        )
        counts = masked_count(batch.is_positive, sums.dtype)
        return ops.divide_no_nan(sums, counts), counts > 0

    def _penalty(self, rank: Any) -> tuple[Any, list[Any]]:
        """Return `f(R)` and its derivative."""
        value, slope = self._value_and_slope(rank)
        return value, [slope]

    def _value_and_slope(self, rank: Any) -> tuple[Any, Any]:
        logarithm = ops.log1p(rank)
        if self.variant == "O":
            return rank, ops.ones_like(rank)
        if self.variant == "Iu":
            return (1.0 + rank) * logarithm, 1.0 + logarithm
        if self.variant == "Ib":
            value = (self.b * rank - ops.log1p(self.b * rank)) / self.b**2
            return value, rank / (1.0 + self.b * rank)
        if self.variant == "Ds":
            return logarithm, 1.0 / (1.0 + rank)
        power = ops.exp(-self.alpha * logarithm)
        return 1.0 - power, self.alpha * power / (1.0 + rank)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        own = {"b": self.b, "alpha": self.alpha, "anneal": self.anneal, "variant": self.variant}
        return {**super().get_config(), **own}
