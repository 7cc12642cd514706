"""Hinge between the smooth farthest positive and the smooth nearest negative."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_logsumexp
from keras_metric.losses._pair_loss import PairLoss, has_both


@keras.saving.register_keras_serializable(package="keras_metric")
class GeneralizedLiftedStructLoss(PairLoss):
    """Hinge between the smooth farthest positive and the smooth nearest negative.

    `[log sum_p exp(d_ap - pos_margin) + log sum_n exp(neg_margin - d_an)]_+`. What is
    averaged: all anchors with a positive and a negative (pytorch-metric-learning's
    `GeneralizedLiftedStructureLoss` averages all). Defaults are
    pytorch-metric-learning's, which scales embeddings to length 1 itself; here that is the
    network's task.

    Reference: [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), equation 7.

    Args:
        neg_margin: Distance that negatives should exceed.
        pos_margin: Distance that positives should not exceed.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # One positive an anchor: 1 + log(e^-1 + e^-5), 4 + log(e^-2 + e^-1), and two below 0.
        >>> loss = GeneralizedLiftedStructLoss()(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")  # (0.0182 + 3.3133) / 4
        0.8329
    """

    def __init__(
        self,
        neg_margin: float = 1.0,
        pos_margin: float = 0.0,
        name: str | None = "generalized_lifted_struct_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.neg_margin = _arguments.number("neg_margin", neg_margin)
        self.pos_margin = _arguments.number("pos_margin", pos_margin)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's hinge, and whether it has a positive and a negative."""
        matrix = batch.pairwise(self.distance)
        total = masked_logsumexp(matrix - self.pos_margin, batch.is_positive)
        total = total + masked_logsumexp(self.neg_margin - matrix, batch.is_negative)
        is_valid = has_both(batch)
        return ops.where(is_valid, ops.relu(total), 0.0), is_valid

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "neg_margin": self.neg_margin,
            "pos_margin": self.pos_margin,
        }
