"""Lifts every positive pair against the negatives of both its ends."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_logsumexp, masked_sum
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class LiftedStructLoss(PairLoss):
    """Lifts every positive pair against the negatives of both its ends.

    `[log(sum_n exp(m - d_an) + sum_n exp(m - d_pn)) + d_ap]_+^2 / 2`. What is averaged:
    all pairs (a, p) that have a negative at either end. TensorFlow Addons'
    `LiftedStructLoss`, in `batch^2` memory; a batch without such pairs gives 0. With
    references, the negatives of `p` are the anchors it is a negative of.

    Reference: [Song et al., 2016](https://arxiv.org/abs/1511.06452), equation 4.

    Args:
        margin: Wanted distance of negatives. Must be greater than 0.
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
        >>> # Both pairs see negatives at 3, 7, 2 and 6: log(e^-2 + e^-6 + e^-1 + e^-5) = -0.6686;
        >>> # plus 1 and plus 4.
        >>> loss = LiftedStructLoss()(np.array([0, 0, 1, 1]), x)
        >>> print(f"{float(loss):.4f}")  # (0.3314^2 + 3.3314^2) / 2 / 2
        2.8020
    """

    def __init__(
        self,
        margin: float = 1.0,
        name: str | None = "lifted_struct_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.margin = _arguments.positive("margin", margin)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's summed costs and its number of pairs."""
        matrix = batch.pairwise(self.distance)
        gaps, is_negative = self.margin - matrix, batch.is_negative
        left, has_left = masked_logsumexp(gaps, is_negative), ops.any(is_negative, axis=1)
        right, has_right = left, has_left
        if not batch.is_same_set:
            right = masked_logsumexp(ops.transpose(gaps), ops.transpose(is_negative))
            has_right = ops.any(is_negative, axis=0)
        # An end without negatives adds exp(-large), that is nothing, to the sum.
        lowest = -1e30
        left = ops.expand_dims(ops.where(has_left, left, lowest), 1)
        right = ops.expand_dims(ops.where(has_right, right, lowest), 0)
        has_any = ops.logical_or(ops.expand_dims(has_left, 1), ops.expand_dims(has_right, 0))
        is_pair = ops.logical_and(batch.is_positive, has_any)
        costs = 0.5 * ops.square(
            ops.relu(ops.where(is_pair, ops.logaddexp(left, right) + matrix, 0.0))
        )
        return masked_sum(costs, is_pair), masked_count(is_pair, costs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "margin": self.margin}
