"""Triplets weighted by how many triplets are easier."""

from typing import Any

import keras
from keras import ops

from keras_metric.losses import _arguments
from keras_metric.losses._histogram import bin_of, check_bins
from keras_metric.losses._labelled_batch import LabelledBatch
from keras_metric.losses._masked import masked_count, masked_min, masked_sum
from keras_metric.losses._pair_loss import PairLoss


@keras.saving.register_keras_serializable(package="keras_metric")
class DynamicSoftMarginLoss(PairLoss):
    """Weighs each triplet by the share of the batch's triplets that are easier.

    `CDF(g) g` with `g = d(a, p) - n`, where `n` is the distance of the nearest negative of
    either `a` or `p`, and `CDF` is the batch's cumulative histogram of `g`; it carries no
    gradient. A margin need not be set: it follows from how hard the batch is. The value
    may be below 0. What is averaged: all pairs (a, p) with a negative at either end.

    The paper's triplets: those of pytorch-metric-learning without labels, whose `ref_emb`
    are `ref_embeddings` here. It keeps a running histogram besides, through which gradients
    leak from one batch into the next; a loss has no state here, and each batch has its own
    histogram, as there in the first batch.

    Reference: [Zhang and Rusinkiewicz, 2019](
    https://openaccess.thecvf.com/content_ICCV_2019/html/Zhang_Learning_Local_Descriptors_With_a_CDF-Based_Dynamic_Soft_Margin_ICCV_2019_paper.html),
    equation 9.

    Args:
        min_val: Smallest `g` told apart, in units of the distance, below 0; the largest is
            `-min_val`. The default is right for distances up to 2.
        num_bins: Number of bins between them.
        name: Name of the loss.
        distance: Name, `Distance` object or function; see `keras_metric.distances`. The
            defaults suit Euclidean distances of embeddings of length 1.
        **kwargs: `miner` (name or `Miner` that chooses the pairs that count; see
            `keras_metric.miners`; default: all of them), `reduction` and `dtype`.

    Call arguments: those of `LabelledBatchLoss`.

    Raises:
        ValueError: An argument is out of range or the distance unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> # 1 - 2 twice and 4 - 2 twice: half the triplets are at -1, all are at most 2.
        >>> float(DynamicSoftMarginLoss(min_val=-5.0)(np.array([0, 0, 1, 1]), x))
        0.75
    """

    def __init__(
        self,
        min_val: float = -2.0,
        num_bins: int = 10,
        name: str | None = "dynamic_soft_margin_loss",
        *,
        distance: Any = "L2",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, distance=distance, **kwargs)
        self.min_val = _arguments.number("min_val", min_val)
        if self.min_val >= 0:
            raise ValueError(f"min_val must be below 0. Received: min_val={min_val!r}")
        self.num_bins = check_bins(num_bins)

    def terms(self, batch: LabelledBatch) -> tuple[Any, Any]:
        """Return each anchor's weighted gaps and its number of pairs."""
        matrix = batch.pairwise(self.distance)
        near, has_near = masked_min(matrix, batch.is_negative)
        other, has_other = near, has_near
        if not batch.is_same_set:
            other, has_other = masked_min(ops.transpose(matrix), ops.transpose(batch.is_negative))
        highest = 1e30
        near = ops.expand_dims(ops.where(has_near, near, highest), 1)
        other = ops.expand_dims(ops.where(has_other, other, highest), 0)
        nearest = ops.minimum(near, other)
        is_pair = ops.logical_and(batch.is_positive, nearest < highest)
        gaps = matrix - ops.where(is_pair, nearest, 0.0)
        weights = self._share_of_easier(ops.stop_gradient(gaps), is_pair)
        return masked_sum(weights * gaps, is_pair), masked_count(is_pair, gaps.dtype)

    def _share_of_easier(self, gaps: Any, is_pair: Any) -> Any:
        position = (gaps - self.min_val) * (self.num_bins / (2.0 * abs(self.min_val)))
        lower, share = bin_of(position, self.num_bins)
        total = ops.sum(ops.cast(is_pair, gaps.dtype))
        weights, below = ops.zeros_like(gaps), ops.zeros_like(total)
        # A gap adds `1 - share` to the bin's lower edge, `share` to its upper one.
        carried = ops.zeros_like(total)
        for i in range(self.num_bins):
            is_here = lower == i
            is_counted = ops.logical_and(is_here, is_pair)
            up = ops.sum(ops.where(is_counted, share, 0.0))
            below = below + carried + ops.sum(ops.where(is_counted, 1.0 - share, 0.0))
            weights = ops.where(is_here, ops.divide_no_nan(below, total), weights)
            carried = up
        return weights

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "min_val": self.min_val, "num_bins": self.num_bins}
