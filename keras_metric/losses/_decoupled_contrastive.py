"""Contrastive cross-entropy without the positive in its denominator."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_logsumexp, masked_sum
from keras_metric.losses._pair_loss import PairLoss, has_both


@keras.saving.register_keras_serializable(package="keras_metric")
class DecoupledContrastiveLoss(PairLoss):
    """NT-Xent without the positive in the denominator, so that easy pairs keep their pull.

    `-w_ap s_ap / t + log sum_n exp(s_an / t)`, where `s` is minus the distance and `w` is 1,
    or, with `weight_scale`, `2 - exp(s_ap / weight_scale) / mean exp(s / weight_scale)`: above
    1 for positives that are farther than most (the mean is over the batch's positive pairs;
    the weights carry no gradient). What is averaged: all pairs (a, p) whose anchor has a
    negative. It has no lower bound at 0, and may well be negative.

    Two views of each image, as published: stack both batches and label rows by image.

    Reference: [Yeh et al., 2021](https://arxiv.org/abs/2110.06848), equations 5 and 6.

    Args:
        temperature: Divides the similarities. Must be greater than 0. The default 0.1 is the
            paper's.
        weight_scale: Scale of the positives' weights. Must be greater than 0; the paper's is
            0.5. `None` for no weights.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range, or the distance or the miner unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> # Minus the distances: 0 to the positive, -1 to two negatives. 0 + log(2 / e).
        >>> loss = DecoupledContrastiveLoss(temperature=1.0)(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")
        -0.3069
    """

    def __init__(
        self,
        temperature: float = 0.1,
        weight_scale: float | None = None,
        name: str | None = "decoupled_contrastive_loss",
        *,
        distance: Any = "cosine",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.temperature = _arguments.positive("temperature", temperature)
        self.weight_scale = (
            None if weight_scale is None else _arguments.positive("weight_scale", weight_scale)
        )

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed costs and its number of pairs."""
        similarities = -batch.pairwise(self.distance)
        logits = similarities / self.temperature
        negatives = ops.expand_dims(masked_logsumexp(logits, batch.is_negative), 1)
        is_pair = ops.logical_and(batch.is_positive, ops.expand_dims(has_both(batch), 1))
        if self.weight_scale is not None:
            logits = logits * self._weights(ops.stop_gradient(similarities), is_pair)
        return masked_sum(negatives - logits, is_pair), masked_count(is_pair, logits.dtype)

    def _weights(self, similarities: Any, is_pair: Any) -> Any:
        """Weights of the positives, of mean 1."""
        scaled = similarities / self.weight_scale
        largest = ops.max(ops.where(is_pair, scaled, -1e30))
        raised = ops.where(is_pair, ops.exp(ops.where(is_pair, scaled - largest, 0.0)), 0.0)
        count = ops.sum(ops.cast(is_pair, raised.dtype))
        return 2.0 - raised * ops.divide_no_nan(count, ops.sum(raised))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "weight_scale": self.weight_scale,
        }
