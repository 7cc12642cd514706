"""Cross-entropy of each positive pair against its anchor's negatives."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_logsumexp, masked_sum
from keras_metric.losses._pair_loss import PairLoss, has_both


@keras.saving.register_keras_serializable(package="keras_metric")
class NTXentLoss(PairLoss):
    """Cross-entropy of each positive pair against its anchor's negatives.

    `-log(exp(s_ap / t) / (exp(s_ap / t) + sum_n exp(s_an / t)))`, where `s` is minus the
    distance. What is averaged: all pairs (a, p) whose anchor has a negative. Defaults are
    pytorch-metric-learning's.

    Reference: [Chen et al., 2020](https://arxiv.org/abs/2002.05709), equation 1.

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
        >>> loss = NTXentLoss(temperature=1.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        0.5514
    """

    def __init__(
        self,
        temperature: float = 0.07,
        name: str | None = "ntxent_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed cross-entropies and its number of pairs."""
        similarities = -batch.pairwise(self.distance) / self.temperature
        negatives = ops.expand_dims(masked_logsumexp(similarities, batch.is_negative), 1)
        is_valid = has_both(batch)
        is_pair = ops.logical_and(batch.is_positive, ops.expand_dims(is_valid, 1))
        costs = ops.softplus(negatives - similarities)
        return masked_sum(costs, is_pair), masked_count(is_pair, costs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "temperature": self.temperature}
