"""Pair weights that grow with how far a similarity is from its optimum."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_logsumexp
from keras_metric.losses._pair_loss import PairLoss, has_both


@keras.saving.register_keras_serializable(package="keras_metric")
class CircleLoss(PairLoss):
    """Pair weights that grow with how far a similarity is from its optimum.

    `log(1 + sum_n exp(gamma [s_an + m]_+ (s_an - m)) sum_p exp(-gamma [1 + m - s_ap]_+
    (s_ap - 1 + m)))`; the weights in brackets carry no gradient. What is averaged: all
    anchors with a positive and a negative (pytorch-metric-learning leaves out those whose
    value underflows to 0). Defaults are pytorch-metric-learning's.

    Reference: [Sun et al., 2020](https://arxiv.org/abs/2002.10857), equation 6.

    Args:
        m: Relaxation: positives aim at a cosine of `1 - m`, negatives at `m`.
        gamma: Scale of the similarities. Must be greater than 0.
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
        >>> # Cosines are 1 and twice 0: exponents 0.4 (0 - 0.4) and -0.4 (1 - 0.6), so
        >>> # log(1 + 2 e^-0.32).
        >>> loss = CircleLoss(gamma=1.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.8970
    """

    def __init__(
        self,
        m: float = 0.4,
        gamma: float = 80.0,
        name: str | None = "circle_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.m = _arguments.positive("m", m)
        self.gamma = _arguments.positive("gamma", gamma)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's value, and whether it has a positive and a negative."""
        s = self.distance.to_similarity(batch.pairwise(self.distance))
        fixed = ops.stop_gradient(s)
        positive = -self.gamma * ops.relu(1.0 + self.m - fixed) * (s - (1.0 - self.m))
        negative = self.gamma * ops.relu(fixed + self.m) * (s - self.m)
        total = masked_logsumexp(positive, batch.is_positive)
        total = total + masked_logsumexp(negative, batch.is_negative)
        is_valid = has_both(batch)
        return ops.where(is_valid, ops.softplus(total), 0.0), is_valid

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "m": self.m, "gamma": self.gamma}
