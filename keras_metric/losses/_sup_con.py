"""Mean log-probability of an anchor's positives among all others."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_logsumexp, masked_sum
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class SupConLoss(PairLoss):
    """Mean log-probability of an anchor's positives among all others.

    `-1 / |P| sum_p (s_ap / t - log sum_k exp(s_ak / t))`, where `s` is minus the distance
    and `k` runs over positives and negatives. What is averaged: all anchors that have a
    positive. Defaults are pytorch-metric-learning's.

    Reference: [Khosla et al., 2020](https://arxiv.org/abs/2004.11362), equation 2.

    Args:
        temperature: Divides the similarities. Must be greater than 0.
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
        >>> # Minus the distances: 0 to the positive and -1 to two negatives: log(1 + 2 e^-1).
        >>> loss = SupConLoss(temperature=1.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.5514
    """

    def __init__(
        self,
        temperature: float = 0.1,
        name: str | None = "sup_con_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's mean, and whether it has a positive."""
        similarities = -batch.pairwise(self.distance) / self.temperature
        is_any = ops.logical_or(batch.is_positive, batch.is_negative)
        total = masked_logsumexp(similarities, is_any)
        count = masked_count(batch.is_positive, similarities.dtype)
        mean = masked_sum(similarities, batch.is_positive) / ops.maximum(count, 1.0)
        return ops.where(count > 0, total - mean, 0.0), count > 0

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "temperature": self.temperature}
