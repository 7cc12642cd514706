"""Hypersphere for each class's positives, and weights for the negatives inside it."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_max, masked_sum
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class RankedListLoss(PairLoss):
    """Positives within `alpha - margin` of their anchor, negatives beyond `alpha`.

    `(1 - imbalance) sum_p w_p (d_ap - (alpha - margin)) + imbalance sum_n w_n (alpha -
    d_an)` over the pairs that break their bound, with weights `exp(T violation)` made to
    sum to 1 for each anchor (`Tp` for positives, `Tn` for negatives). What is averaged:
    all anchors that have a positive or a negative. Defaults are the paper's simpler form;
    pytorch-metric-learning, which has no default `margin` and `Tn`, adds 1e-5 a sample to
    the sums of weights.

    Reference: [Wang et al., 2019](https://arxiv.org/abs/1903.03238), equations 6 to 9.

    Args:
        margin: Gap between the bounds, in units of the distance. Must be greater than 0.
        Tn: Sharpness of the negatives' weights; 0 weighs them equally.
        imbalance: Weight of the negatives' part, from 0 to 1.
        alpha: Distance that negatives should exceed. Default: `1 + margin / 2`.
        Tp: Sharpness of the positives' weights.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`. The
            default `alpha` suits Euclidean distances of embeddings of length 1.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # Positives beyond 2.5 - 2: 0.5, 0.5, 3.5, 3.5; one negative, 2 away, within
        >>> # 2.5, seen from both ends: (8 + 2 * 0.5) / 2 in all.
        >>> loss = RankedListLoss(margin=2.0, alpha=2.5)
        >>> float(loss(np.array([0, 0, 1, 1]), x))
        1.125
    """

    def __init__(
        self,
        margin: float = 0.4,
        Tn: float = 10.0,
        imbalance: float = 0.5,
        alpha: float | None = None,
        Tp: float = 0.0,
        name: str | None = "ranked_list_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.margin = _arguments.positive("margin", margin)
        self.Tn = _arguments.non_negative("Tn", Tn)
        self.imbalance = _arguments.between("imbalance", imbalance, 0, 1)
        self.alpha = _arguments.number("alpha", 1 + self.margin / 2 if alpha is None else alpha)
        self.Tp = _arguments.non_negative("Tp", Tp)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's weighted violations, and whether it has a pair."""
        matrix = batch.pairwise(self.distance)
        positive = _weighted(matrix - (self.alpha - self.margin), batch.is_positive, self.Tp)
        negative = _weighted(self.alpha - matrix, batch.is_negative, self.Tn)
        has_any = ops.any(ops.logical_or(batch.is_positive, batch.is_negative), axis=1)
        return (1.0 - self.imbalance) * positive + self.imbalance * negative, has_any

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "margin": self.margin,
            "Tn": self.Tn,
            "imbalance": self.imbalance,
            "alpha": self.alpha,
            "Tp": self.Tp,
        }


def _weighted(violation: Any, mask: Any, sharpness: float) -> Any:
    """Mean of each row's violations above 0, weighted by `exp(sharpness * violation)`."""
    mask = ops.logical_and(mask, violation > 0)
    largest = ops.stop_gradient(masked_max(violation, mask)[0])
    shifted = ops.where(mask, violation - ops.expand_dims(largest, 1), 0.0)
    weights = ops.exp(sharpness * shifted)
    return ops.divide_no_nan(masked_sum(weights * violation, mask), masked_sum(weights, mask))
